"""Closing a region: the operations that compute it, over a tensor, a pending sum or the input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.builder import GraphBuilder, as_affine
from hwcompress.frontend.close_sum import Hint, closed_sum
from hwcompress.frontend.function import ScalarFunction, affine_function
from hwcompress.frontend.lowering import Lowering
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.positions import shared_thresholds
from hwcompress.frontend.region import (
    Levels,
    StepFunction,
    TableFunction,
    evaluate_region,
    fit_region,
    prefers_rescale,
)
from hwcompress.frontend.values import Symbolic
from hwcompress.ir import Add, Input, IntType, Op, Rescale, Table, Threshold

__all__ = ["close_grid", "close_region", "line_near_zero"]

# Levels that a region without a type of its own may have.
_WIDEST = 2.0**31
_MOST_THRESHOLDS = 1 << 22  # of a function that rises and falls, in all channels together


def close_region(
    state: Lowering,
    node: Node,
    value: Symbolic,
    levels: Levels,
    dtype: IntType | None,
    meaning: tuple[np.ndarray, np.ndarray],
    hint: Callable[[Symbolic], tuple[np.ndarray, np.ndarray] | None] | None = None,
    source: str = "",
) -> Symbolic:
    """Emit what computes ``levels`` of a value that is based on a tensor or a pending sum.

    Args:
        state: of the import.
        node: the node that closes the region.
        value: its input.
        levels, dtype: as for :func:`~hwcompress.frontend.region.evaluate_region`.
        meaning: gain and offset per channel of the levels: ``real = gain * level + offset``.
        hint: gain and offset, in levels, of the value over a base, where it is affine.
        source: the source's tensor that the levels stand for, if there is one.

    Raises:
        UnsupportedError: the function cannot be expressed.
    """
    builder = state.builder
    known: Hint = hint or (lambda over: None)
    steps: StepFunction | TableFunction
    pending = builder.pending.get(value.base)
    if pending is not None:
        value, steps = closed_sum(builder, pending, value, levels, dtype, node.label, known)
    else:
        bounds = builder.ranges[value.base]
        steps = evaluate_region(value.function, levels, dtype, bounds, node.label, known(value))
    gain, offset = meaning
    if isinstance(steps, StepFunction) and steps.is_identity:
        builder.affine.setdefault(value.base, as_affine(gain, offset))
        return Symbolic(value.base, value.shape, value.order, affine_function(gain, offset))
    name = _emit(builder, value, steps, known(value))
    result = builder.symbol(name, value.shape, value.order, gain, offset)
    if source:
        builder.origin[name] = (source, result)
    return result


def close_grid(state: Lowering, value: Symbolic, node: Node) -> Symbolic:
    """A value on a grid as an affine function of a new tensor of the graph.

    Raises:
        UnsupportedError: the function cannot be expressed.
    """
    assert value.grid is not None
    if id(value) in state.closed:
        return state.closed[id(value)][1]
    scale, offset = value.grid
    scale = np.where(scale == 0, 1.0, scale)

    def levels(real: np.ndarray, channel: np.ndarray) -> np.ndarray:
        steps = np.rint((real - offset[channel][:, None]) / scale[channel][:, None])
        if not np.all(np.abs(steps) < _WIDEST):
            raise UnsupportedError(
                "a rounded value may reach 2^31 steps",
                where=node.label,
                remedy="clip it, or use fewer bits",
            )
        return steps.astype(np.int64)

    def hint(over: Symbolic) -> tuple[np.ndarray, np.ndarray] | None:
        return None if over.unrounded is None else line_near_zero(over, over.unrounded)

    source = next((key for key, item in state.values.items() if item is value), "")
    result = close_region(state, node, value, levels, None, (scale, offset), hint, source)
    state.closed[id(value)] = (value, result)  # the value is kept, and with it its identity
    return result


def line_near_zero(
    value: Symbolic, function: ScalarFunction
) -> tuple[np.ndarray, np.ndarray] | None:
    """Gain and offset of the line on which ``function`` lies just above zero.

    That is where Relu, Clip and the like let their operand through: it starts from
    the last affine point before ``value``. Only a guess, which whoever takes it checks.
    """
    if function.gain is not None and function.offset is not None:
        return function.gain, function.offset
    head = value.head
    if head is None or head.function.gain is None or head.function.offset is None:
        return None
    gain, offset = head.function.gain, head.function.offset
    slope = np.where(gain == 0, 1.0, gain)
    channels = np.arange(gain.size)
    near, far = 2.0**-10, 2.0**-9
    ends = [
        function.call(((item - offset) / slope)[:, None], channels)[:, 0] for item in (near, far)
    ]
    factor = (ends[1] - ends[0]) / (far - near)
    # A few digits are cut off, which the differences have lost.
    factor = factor.astype(np.float32).astype(np.float64)
    moved = ends[0] - factor * near
    moved = np.where(np.abs(moved) < 1e-9, 0.0, moved)
    return factor * gain, factor * offset + moved


def _emit(
    builder: GraphBuilder,
    value: Symbolic,
    steps: StepFunction | TableFunction,
    known: tuple[np.ndarray, np.ndarray] | None,
) -> str:
    """The operation that computes a region: Rescale, Threshold, Table, or two Thresholds."""
    name = builder.fresh(_stem(builder, value.base))
    source = (value.base,)
    if isinstance(steps, TableFunction):
        itype = builder.types[value.base].dtype
        entries = steps.entries(itype)
        if entries is None:
            return _two_sided(builder, value.base, name, steps)
        return builder.add(Table(name, source, (name,), _shortest(entries), itype, steps.dtype))
    fit = fit_region(steps, *(known or (None, None)))
    if fit is not None and prefers_rescale(steps.dtype, fit):
        mul, add, shift = (_shortest(item) for item in (fit.mul, fit.add, fit.shift))
        op: Op = Rescale(name, source, (name,), mul, add, shift, fit.rounding, steps.dtype)
    else:
        shared = shared_thresholds(builder, value, steps)
        if shared is not None:
            tensor, rows, sign = shared
            builder.add(_threshold(name, tensor, rows, sign, steps.dtype))
            return builder.reshape(name, builder.types[value.base].shape)
        op = _threshold(name, value.base, steps.thresholds, steps.sign, steps.dtype)
    return builder.add(op)


def _threshold(
    name: str, source: str, thresholds: np.ndarray, sign: np.ndarray, dtype: IntType
) -> Threshold:
    if np.all(thresholds == thresholds[:1]) and np.all(sign == sign[0]):
        thresholds, sign = thresholds[:1], sign[:1]
    return Threshold(name, (source,), (name,), thresholds, sign, dtype)


def _two_sided(builder: GraphBuilder, source: str, name: str, steps: TableFunction) -> str:
    """A rising step function minus another: any function of an integer, however wide."""
    runs, bipolar = steps.runs, steps.dtype.is_bipolar
    if bipolar:  # 0 and 1 instead of -1 and 1
        runs = replace(runs, level=(runs.level + 1) // 2)
    rising, falling, lowest = runs.two_sided()
    if rising.size + falling.size > _MOST_THRESHOLDS:
        raise UnsupportedError(
            f"the function rises and falls by {rising.shape[1] + falling.shape[1]} levels",
            where=f"tensor {source!r}",
            why="so many thresholds would be needed",
            remedy="quantize before the activation, to at most 16 bits",
        )
    sign = np.ones(rising.shape[0], np.int64)
    parts = []
    for suffix, rows, base in (("up", rising, lowest), ("down", falling, 0)):
        part = builder.fresh(f"{name}_{suffix}")
        otype = IntType(base, base + rows.shape[1])
        parts.append(builder.add(_threshold(part, source, rows, sign, otype)))
    total = builder.fresh(f"{name}_sum")
    wide = builder.add(Add(total, tuple(parts), (total,), np.array([[1], [-1]])))
    if bipolar:
        edge = np.ones((1, 1), np.int64)
        return builder.add(_threshold(name, wide, edge, np.ones(1, np.int64), steps.dtype))
    # The sum's type does not know that both parts belong to one integer.
    zero, one = np.zeros(1, np.int64), np.ones(1, np.int64)
    return builder.add(Rescale(name, (wide,), (name,), one, zero, zero, "floor", steps.dtype))


def _shortest(values: np.ndarray) -> np.ndarray:
    return values[:1] if np.all(values == values[0]) else values


def _stem(builder: GraphBuilder, tensor: str) -> str:
    maker = next(op for op in builder.ops if tensor in op.outputs)
    return "quant" if isinstance(maker, Input) else f"{maker.name}_quant"
