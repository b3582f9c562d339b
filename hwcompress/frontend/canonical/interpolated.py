"""Resize by interpolation: sums with rational weights, which integers express.

An enlargement by whole factors is a transposed convolution of every channel behind a border
that repeats the edge. Anything else (other factors, aligned corners, cubic) is a product
with a constant matrix along each axis. Definition: the ONNX operator page of Resize.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.canonical.context import Context
from hwcompress.frontend.canonical.expand import expands
from hwcompress.frontend.onnx_model import Attribute, Node
from hwcompress.frontend.slices import resize_target

__all__: list[str] = []

_MOST_BITS = 1 << 15  # of a weight
_LARGEST = 1 << 22  # elements of a matrix or a kernel
_OPSET = 13  # of the nodes that stand for it: a Pad had attributes once
_MODES = ("align_corners", "asymmetric", "half_pixel", "pytorch_half_pixel")


@dataclass(frozen=True, eq=False)
class _Axis:
    """Integer weights ``(result, size)`` over ``unit``."""

    matrix: np.ndarray
    unit: int


@expands("Resize", "Upsample")
def _interpolated(node: Node, context: Context) -> list[Node]:
    mode = node.text("mode", "nearest")
    shape = context.shape(node.inputs[0])
    if mode == "nearest" or shape is None:
        return [node]
    given = [context.constant(name) if name else None for name in node.inputs[1:]]
    factors, target = resize_target(node, shape, given)
    old = node.op == "Upsample" or node.opset < 11
    place = node.text("coordinate_transformation_mode", "asymmetric" if old else "half_pixel")
    plain = not node.integer("antialias", 0) and not node.integer("exclude_outside", 0)
    if mode not in ("linear", "cubic") or place not in _MODES or not plain:
        raise UnsupportedError(
            f"mode {mode!r} with coordinates {place!r}, antialias or exclude_outside",
            where=node.label,
            remedy="use mode nearest, linear or cubic with half_pixel, asymmetric or"
            " align_corners, and neither antialias nor exclude_outside",
        )
    axes = [axis for axis in range(len(shape)) if target[axis] != shape[axis]]
    chain = _Chain(node, context)
    times = [b // a for a, b in zip(shape, target, strict=True)]
    whole = all(a * c == b for a, b, c in zip(shape, target, times, strict=True))
    whole = whole and list(factors) == times
    whole = whole and shape[1] * math.prod(2 * item for item in times) <= _LARGEST
    if mode == "linear" and place != "align_corners" and whole and set(axes) <= {2, 3}:
        unit = _enlarged(chain, shape, times, place == "asymmetric")
    else:
        unit = 1
        for axis in axes:
            weights = _weights(node, place, mode, shape[axis], target[axis], factors[axis])
            unit *= weights.unit
            _along(chain, weights, axis, len(shape))
    chain.then("Mul", context.add_constant(f"{node.outputs[0]}_unit", np.array(1.0 / unit)))
    return chain.finished()


class _Chain:
    """Nodes one behind the other."""

    def __init__(self, node: Node, context: Context) -> None:
        self.node, self.context = node, context
        self.nodes: list[Node] = []
        self.last = node.inputs[0]

    def then(self, op: str, *constants: str, **attributes: Attribute) -> None:
        name = self.context.fresh(f"{self.node.outputs[0]}_resized")
        inputs = (self.last, *constants)
        opset = max(self.node.opset, _OPSET)
        self.nodes.append(Node(op, self.node.name, "", inputs, (name,), attributes, opset))
        self.last = name

    def constant(self, array: np.ndarray) -> str:
        return self.context.add_constant(f"{self.node.outputs[0]}_weights", array)

    def finished(self) -> list[Node]:
        last = self.nodes[-1]
        outputs = self.node.outputs
        return [
            *self.nodes[:-1],
            Node(last.op, last.name, "", last.inputs, outputs, last.attributes, last.opset),
        ]


def _enlarged(chain: _Chain, shape: tuple[int, ...], factors: list[int], asymmetric: bool) -> int:
    """A transposed convolution of each channel; returns what its weights are over."""
    kernel, unit = np.ones((1, 1)), 1
    before, after, cut_before, cut_after = [], [], [], []
    for factor in factors[2:]:
        # A triangle of 2 * factor - 1 taps, or of 2 * factor between the positions.
        even = factor % 2 == 0 and not asymmetric
        taps = 2 * factor - (0 if even else 1)
        places = np.arange(taps) - (taps - 1) / 2
        scale = 2 if even else 1
        row = scale * (factor - np.abs(places))
        if factor == 1:
            start = edge = 0
        elif asymmetric:
            start, edge = factor - 1, 0
        else:
            start, edge = (3 * factor) // 2, 1
        last = int(factor > 1)
        full = factor * (edge + last - 1) + taps  # beyond factor * size
        before.append(edge)
        after.append(last)
        cut_before.append(start)
        cut_after.append(full - start)
        kernel = np.multiply.outer(kernel, row)
        unit *= scale * factor
    kernel = kernel.reshape(1, 1, *kernel.shape[2:])
    pads = chain.constant(np.array([0, 0, *before, 0, 0, *after], np.int64))
    chain.then("Pad", pads, mode="edge")
    chain.then(
        "ConvTranspose",
        chain.constant(np.repeat(kernel, shape[1], axis=0).astype(np.float32)),
        kernel_shape=kernel.shape[2:],
        strides=tuple(factors[2:]),
        pads=(*cut_before, *cut_after),
        group=shape[1],
    )
    return unit


def _along(chain: _Chain, weights: _Axis, axis: int, rank: int) -> None:
    """A product with a constant matrix along one axis."""
    perm = (*(place for place in range(rank) if place != axis), axis)
    back = tuple(int(place) for place in np.argsort(perm))
    chain.then("Transpose", perm=perm)
    chain.then("MatMul", chain.constant(weights.matrix.T.astype(np.float32)))
    chain.then("Transpose", perm=back)


def _weights(node: Node, place: str, mode: str, size: int, result: int, factor: float) -> _Axis:
    """Weights of every position, by the standard's formulas in exact arithmetic."""
    taps = _linear if mode == "linear" else _cubic(node.number("cubic_coeff_a", -0.75))
    step = Fraction(size, result) if factor == result / size else 1 / Fraction(factor)
    found: dict[tuple[int, int], Fraction] = {}
    for index in range(result if result * size <= _LARGEST else 0):
        match place:
            case "asymmetric":
                at = index * step
            case "align_corners":
                at = Fraction(index * (size - 1), result - 1) if result > 1 else Fraction(0)
            case "pytorch_half_pixel" if result == 1:
                at = Fraction(0)
            case _:
                at = (index + Fraction(1, 2)) * step - Fraction(1, 2)
        if mode == "linear":  # clamped first, which is the same
            at = min(max(at, Fraction(0)), Fraction(size - 1))
        low = math.floor(at)
        for offset, weight in taps(at - low):
            key = index, min(max(low + offset, 0), size - 1)
            found[key] = found.get(key, Fraction(0)) + weight
    unit = math.lcm(*{item.denominator for item in found.values()})
    if unit >= _MOST_BITS or not found:
        raise UnsupportedError(
            f"interpolation from {size} to {result} elements needs weights of more than 16 bits,"
            f" or more than {_LARGEST} of them",
            where=node.label,
            remedy="use mode='nearest', a whole factor, or a transposed convolution",
        )
    matrix = np.zeros((result, size))
    for key, item in found.items():
        matrix[key] = int(item * unit)
    return _Axis(matrix, unit)


Taps = Callable[[Fraction], list[tuple[int, Fraction]]]


def _linear(rest: Fraction) -> list[tuple[int, Fraction]]:
    return [(0, 1 - rest), (1, rest)] if rest else [(0, Fraction(1))]


def _cubic(coefficient: float) -> Taps:
    a = Fraction(coefficient)

    def taps(rest: Fraction) -> list[tuple[int, Fraction]]:
        near = [abs(rest - offset) for offset in (-1, 0, 1, 2)]
        inner = [(a + 2) * t**3 - (a + 3) * t**2 + 1 for t in near]
        outer = [a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a for t in near]
        pick = [i if t <= 1 else o for t, i, o in zip(near, inner, outer, strict=True)]
        return list(zip((-1, 0, 1, 2), pick, strict=True))

    return taps
