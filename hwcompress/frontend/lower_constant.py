"""Constants as branches of the graph: beside, or in a sum or product with, a computed tensor."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.builder import GraphBuilder, as_affine
from hwcompress.frontend.function import ScalarFunction, affine_function
from hwcompress.frontend.geometry import image_order, image_shape
from hwcompress.frontend.sums import common_scale
from hwcompress.frontend.values import Constant, Symbolic
from hwcompress.ir import Constant as ConstantOp
from hwcompress.ir import int_range

__all__ = ["add_constant", "as_branch", "sum_branch", "uniform_affines"]

# Distinct values among which a common scale is looked for, and its largest multiple.
_MOST_DISTINCT = 1 << 12
_LARGEST = 1 << 24
_MOST_RANKS = 1 << 16


def add_constant(builder: GraphBuilder, stem: str, values: np.ndarray) -> str:
    """Integers of any shape as a tensor of the graph; the same one for the same integers."""
    for op in builder.ops:
        if isinstance(op, ConstantOp) and np.array_equal(op.values, values):
            return op.outputs[0]
    name = builder.fresh(stem)
    values = np.ascontiguousarray(values, np.int64)
    return builder.add(ConstantOp(name, (), (name,), values, int_range(values)))


def uniform_affines(values: Iterable[Symbolic]) -> list[tuple[float, float]]:
    """Gain and offset of the values that have one for all channels."""
    found = []
    for value in values:
        gain, offset = value.function.gain, value.function.offset
        if gain is not None and offset is not None and np.all(gain == gain[0]):
            found += [(float(gain[0]), float(item)) for item in np.unique(offset)[:1]]
    return [item for item in dict.fromkeys(found) if item[0] != 0]


def as_branch(
    builder: GraphBuilder,
    constant: Constant,
    shape: tuple[int, ...],
    where: str,
    affines: Iterable[tuple[float, float]] = (),
) -> Symbolic:
    """A constant as if it were computed: a tensor of the graph that no input reaches.

    Its integers are, where that is exact, on the scale of its quantizer, of a tensor that
    it meets, or on the largest scale of which all values are multiples; constants of the
    same value at all positions of a channel are its offset; of any other only the order
    is kept, by a function that a quantizer has to close.

    Args:
        builder: takes the operation.
        constant: finite numbers.
        shape: in the source, with a batch axis of length 1, to which it broadcasts.
        where: the node, for messages.
        affines: gain and offset of tensors that it meets.

    Raises:
        UnsupportedError: it is not finite, or has too many different values.
    """
    real = np.broadcast_to(constant.value, shape).astype(np.float64)
    if not np.all(np.isfinite(real)):
        raise UnsupportedError("a constant is not finite", where=where)
    target, order = _layout(shape)
    flat = np.empty(real.size)
    flat[order] = real.reshape(-1)
    rows = flat.reshape(-1, target[-1])
    found = _affine(constant, shape, order, rows, affines)
    if found is not None:
        integers, gain, offset = found
        function = affine_function(gain, offset)
    else:
        distinct, ranks = np.unique(flat, return_inverse=True)
        if distinct.size > _MOST_RANKS:
            raise UnsupportedError(
                f"a constant of {distinct.size} values that are multiples of no common scale",
                where=where,
                remedy="quantize it",
            )
        integers, function = ranks.reshape(-1), _ranked(distinct, target[-1])
    name = add_constant(builder, "constant", integers.reshape(target))
    if function.gain is not None and function.offset is not None and name not in builder.affine:
        builder.affine[name] = as_affine(function.gain, function.offset)
    return Symbolic(name, shape, order, function)


def sum_branch(
    builder: GraphBuilder,
    constant: Constant,
    shape: tuple[int, ...],
    where: str,
    value: Symbolic,
) -> Symbolic:
    """As :func:`as_branch`, for a sum or a product with ``value``: affine in any case.

    Raises:
        UnsupportedError: its values are multiples of no common scale.
    """
    branch = as_branch(builder, constant, shape, where, uniform_affines([value]))
    if branch.function.is_affine:
        return branch
    raise UnsupportedError(
        f"a constant of shape {constant.value.shape} whose values are multiples of no common scale",
        where=where,
        remedy="quantize it",
    )


def _layout(shape: tuple[int, ...]) -> tuple[tuple[int, ...], np.ndarray]:
    """The graph's shape, channels last, and the order of the source's elements over it."""
    if len(shape) in (3, 4) and shape[0] == 1:
        return image_shape(shape), image_order(shape)
    size = int(np.prod(shape))
    return (size,), np.arange(size)


def _affine(
    constant: Constant,
    shape: tuple[int, ...],
    order: np.ndarray,
    rows: np.ndarray,
    affines: Iterable[tuple[float, float]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Integers ``(positions, channels)`` and gain and offset per channel that give ``rows``."""
    channels = rows.shape[1]
    for gain, offset in affines:
        steps = np.rint((rows - offset) / gain)
        if np.abs(steps).max() < _LARGEST and np.array_equal(gain * steps + offset, rows):
            return steps.astype(np.int64), np.full(channels, gain), np.full(channels, offset)
    known = _quantized(constant, shape, order, rows)
    if known is not None:
        return known
    distinct = np.unique(rows)
    if distinct.size <= _MOST_DISTINCT:
        scaled = common_scale(distinct[:, None], _LARGEST)
        if scaled is not None:
            integers = scaled[0][:, 0][np.searchsorted(distinct, rows)]
            return integers, np.full(channels, scaled[1][0]), np.zeros(channels)
    if np.all(rows == rows[0]):
        return np.zeros(rows.shape, np.int64), np.ones(channels), rows[0].copy()
    return None


def _quantized(
    constant: Constant, shape: tuple[int, ...], order: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """As its quantizer has it, if its scale holds for whole channels."""
    if constant.levels is None or constant.scale is None or constant.zero is None:
        return None

    def placed(values: np.ndarray) -> np.ndarray:
        result = np.empty(rows.size)
        result[order] = np.broadcast_to(values, shape).reshape(-1)
        return result.reshape(rows.shape)

    try:
        steps, scale = placed(constant.levels - constant.zero), placed(constant.scale)
    except ValueError:  # its scale had another shape
        return None
    if np.any(scale != scale[0]) or not np.array_equal(steps * scale, rows):
        return None
    if np.any(steps != np.rint(steps)):
        return None
    return steps.astype(np.int64), scale[0].copy(), np.zeros(rows.shape[1])


def _ranked(distinct: np.ndarray, channels: int) -> ScalarFunction:
    """Integers ``0, 1, ...`` to ascending values, in every channel alike."""

    def call(q: np.ndarray, channel: np.ndarray) -> np.ndarray:
        place = np.clip(np.rint(q), 0, distinct.size - 1).astype(np.int64)
        return np.asarray(distinct[place])

    return ScalarFunction(
        channels, call, np.ones(channels, np.int64),
        enclose=lambda q, c: (call(q[0], c), call(q[1], c)),
    )  # fmt: skip
