"""Shapes that Reshape, Flatten, Squeeze and Unsqueeze give, and the axes of a Transpose.

None of the first four changes the order of the elements, so that a batch goes
through them as its samples do.
"""

from __future__ import annotations

import math

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.onnx_model import Node

__all__ = ["MOVES", "moved_shape", "permutation"]

MOVES = frozenset({"Flatten", "Reshape", "Squeeze", "Unsqueeze"})

Shape = tuple[int, ...]


def moved_shape(node: Node, shape: Shape, target: np.ndarray | None) -> Shape:
    """Shape of the result of one of :data:`MOVES`.

    Args:
        node: the node.
        shape: of its first input.
        target: its second input, if it has one: a Reshape's shape, or axes.

    Raises:
        UnsupportedError: the shapes do not fit together.
    """
    if node.op == "Flatten":
        axis = _axis(node, node.integer("axis", 1), len(shape), len(shape) + 1)
        return (math.prod(shape[:axis]), math.prod(shape[axis:]))
    if node.op == "Reshape":
        return _reshaped(node, shape, target)
    # Axes are an input since opset 13, an attribute before.
    given = node.integers("axes") if target is None else _integers(node, target)
    if node.op == "Squeeze":
        axes = {_axis(node, item, len(shape), len(shape)) for item in given}
        if not given:
            axes = {axis for axis, size in enumerate(shape) if size == 1}
        if any(shape[axis] != 1 for axis in axes):
            raise UnsupportedError(f"axes {given} of {shape} are not of length 1", where=node.label)
        return tuple(size for axis, size in enumerate(shape) if axis not in axes)
    rank = len(shape) + len(given)
    axes = {_axis(node, item, rank, rank) for item in given}
    if len(axes) != len(given):
        raise UnsupportedError(f"axes {given} name one axis twice", where=node.label)
    rest = iter(shape)
    return tuple(1 if axis in axes else next(rest) for axis in range(rank))


def permutation(node: Node, shape: Shape) -> tuple[int, ...]:
    """The axes of a Transpose.

    Raises:
        UnsupportedError: no permutation.
    """
    rank = len(shape)
    axes = node.integers("perm", tuple(reversed(range(rank))))
    if sorted(axes) != list(range(rank)):
        raise UnsupportedError(f"perm {axes} is no permutation of {rank} axes", where=node.label)
    return axes


def _integers(node: Node, values: np.ndarray) -> Shape:
    if values.dtype.kind not in "iuf" or values.ndim > 1 or not np.all(np.isfinite(values)):
        raise UnsupportedError(
            f"its second input, {values.dtype} {values.shape}, is no list of integers",
            where=node.label,
        )
    return tuple(int(item) for item in np.atleast_1d(values))


def _axis(node: Node, axis: int, rank: int, end: int) -> int:
    """An axis counted from the front; ``end`` is the first that there is not."""
    if not -rank <= axis < end:
        raise UnsupportedError(f"axis {axis} of a tensor with {rank} axes", where=node.label)
    return axis + rank if axis < 0 else axis


def _reshaped(node: Node, shape: Shape, target: np.ndarray | None) -> Shape:
    if target is None:
        raise UnsupportedError("a Reshape without a target shape", where=node.label)
    sizes = list(_integers(node, target))
    wrong = UnsupportedError(f"{shape} cannot become {tuple(sizes)}", where=node.label)
    if min(sizes, default=0) < -1 or sizes.count(-1) > 1:
        raise wrong
    if not node.integer("allowzero", 0):
        if any(size == 0 and place >= len(shape) for place, size in enumerate(sizes)):
            raise wrong
        sizes = [shape[place] if size == 0 else size for place, size in enumerate(sizes)]
    if -1 in sizes:
        rest = math.prod(size for size in sizes if size != -1)
        if rest == 0 or math.prod(shape) % rest:
            raise wrong
        sizes[sizes.index(-1)] = math.prod(shape) // rest
    if math.prod(sizes) != math.prod(shape):
        raise wrong
    return tuple(sizes)
