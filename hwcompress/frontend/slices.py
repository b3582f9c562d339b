"""Bounds of Slice, Split and Resize nodes, for the importer and for float64."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.onnx_model import Node

__all__ = [
    "Cut",
    "expanded_shape",
    "gather_index",
    "read_slice",
    "resize_target",
    "shape_span",
    "split_sizes",
    "tile_repeats",
]

Cut = tuple[tuple[int, int, int], ...]
"""First, end and step for every axis; the end of a backward slice may be -1."""

Arrays = Sequence[np.ndarray | None]


def _item(arrays: Arrays, index: int) -> np.ndarray | None:
    return arrays[index] if len(arrays) > index else None


def _listed(array: np.ndarray) -> tuple[int, ...]:
    return tuple(int(item) for item in np.atleast_1d(array))


def _axis(node: Node, axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise UnsupportedError(f"axis {axis} of a tensor with {rank} axes", where=node.label)
    return axis % rank


def read_slice(node: Node, shape: tuple[int, ...], given: Arrays) -> Cut:
    """What a Slice takes of every axis.

    Args:
        node: the node.
        shape: of its first input.
        given: its other inputs; before opset 10 these are attributes.
    """
    starts_given, ends_given = _item(given, 0), _item(given, 1)
    axes_given, steps_given = _item(given, 2), _item(given, 3)
    if starts_given is None or ends_given is None:
        starts, ends = node.integers("starts"), node.integers("ends")
        axes = node.integers("axes", tuple(range(len(starts))))
    else:
        starts, ends = _listed(starts_given), _listed(ends_given)
        axes = tuple(range(len(starts))) if axes_given is None else _listed(axes_given)
    steps = (1,) * len(starts) if steps_given is None else _listed(steps_given)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise UnsupportedError(
            f"starts {starts}, ends {ends}, axes {axes} and steps {steps}", where=node.label
        )
    cut = [(0, size, 1) for size in shape]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        place = _axis(node, axis, len(shape))
        cut[place] = slice(start, end, step).indices(shape[place])
    return tuple(cut)


def split_sizes(
    node: Node, shape: tuple[int, ...], given: np.ndarray | None
) -> tuple[int, tuple[int, ...]]:
    """Axis and sizes of a Split's parts, one for each output."""
    axis = _axis(node, node.integer("axis", 0), len(shape))
    count = len(node.outputs)
    sizes = node.integers("split") if given is None else _listed(given)
    if not sizes:  # equal parts, the last one smaller
        each = math.ceil(shape[axis] / count)
        sizes = (*(each for _ in range(count - 1)), shape[axis] - each * (count - 1))
    if len(sizes) != count or sum(sizes) != shape[axis] or min(sizes) < 1:
        raise UnsupportedError(
            f"{shape[axis]} elements of axis {axis} in {count} parts of {sizes}", where=node.label
        )
    return axis, sizes


def resize_target(
    node: Node, shape: tuple[int, ...], given: Arrays
) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Scales and resulting sizes of a Resize or Upsample, for every axis.

    Args:
        node: the node.
        shape: of its first input.
        given: its other inputs: scales, or (since opset 11) region, scales, sizes.
    """
    new = node.op == "Resize" and node.opset >= 11
    scales, sizes = _item(given, 1 if new else 0), _item(given, 2) if new else None
    axes = [_axis(node, axis, len(shape)) for axis in node.integers("axes")]
    axes = axes or list(range(len(shape)))
    if sizes is not None and sizes.size == len(axes):
        if node.text("keep_aspect_ratio_policy", "stretch") != "stretch":
            raise UnsupportedError(
                "a Resize that keeps the aspect ratio",
                where=node.label,
                remedy="export it with scales, or with sizes that hold for every axis",
            )
        target = list(shape)
        for axis, size in zip(axes, _listed(sizes), strict=True):
            target[axis] = size
        return tuple(b / a for a, b in zip(shape, target, strict=True)), tuple(target)
    factors: tuple[float, ...] = ()
    if scales is not None:
        given_factors = [float(item) for item in scales.reshape(-1)]
        if len(given_factors) == len(axes):
            known = dict(zip(axes, given_factors, strict=True))
            factors = tuple(known.get(axis, 1.0) for axis in range(len(shape)))
    elif isinstance(attribute := node.attributes.get("scales"), tuple):
        factors = tuple(float(item) for item in attribute)
    if len(factors) != len(shape) or not all(0 < item < 2.0**13 for item in factors):
        raise UnsupportedError(f"scales {factors} for a tensor {shape}", where=node.label)
    # In float32, as the standard's shape inference: 1.4 times 5 is 7.
    result = tuple(
        math.floor(np.float32(size) * np.float32(factor))
        for size, factor in zip(shape, factors, strict=True)
    )
    if result == shape and any(factor != 1 for factor in factors):
        raise UnsupportedError(
            f"a Resize of {shape} by {factors} that changes no length",
            where=node.label,
            why="the standard repeats elements, onnxruntime copies the tensor",
            remedy="remove the node, or state the sizes that are meant",
        )
    return factors, result


def gather_index(
    node: Node, shape: tuple[int, ...], given: np.ndarray | None
) -> tuple[int, np.ndarray]:
    """Axis and positions (none negative) of a Gather."""
    axis = _axis(node, node.integer("axis", 0), len(shape))
    if given is None or given.dtype.kind not in "iuf":
        raise UnsupportedError("a Gather without constant indices", where=node.label)
    index = given.astype(np.int64)
    if not index.size or index.min() < -shape[axis] or index.max() >= shape[axis]:
        raise UnsupportedError(
            f"indices {index.reshape(-1)[:8].tolist()} of axis {axis} of {shape}", where=node.label
        )
    return axis, np.where(index < 0, index + shape[axis], index)


def tile_repeats(node: Node, shape: tuple[int, ...], given: np.ndarray | None) -> tuple[int, ...]:
    """How often a Tile repeats every axis."""
    repeats = () if given is None else _listed(given)
    if len(repeats) != len(shape) or min(repeats, default=0) < 1:
        raise UnsupportedError(f"{shape} repeated {repeats} times", where=node.label)
    return repeats


def expanded_shape(node: Node, shape: tuple[int, ...], given: np.ndarray | None) -> tuple[int, ...]:
    """Shape that an Expand gives a tensor of ``shape``."""
    target = () if given is None else _listed(given)
    try:
        if given is None or min(target, default=1) < 1:
            raise ValueError
        return np.broadcast_shapes(shape, target)
    except ValueError as error:
        raise UnsupportedError(f"{shape} expanded to {target}", where=node.label) from error


def shape_span(node: Node, shape: tuple[int, ...]) -> tuple[int, ...]:
    """What a Shape gives of ``shape``: since opset 15 perhaps only some axes."""
    end = node.attributes.get("end")
    return shape[slice(node.integer("start", 0), end if isinstance(end, int) else None)]
