"""MaxPool and AveragePool."""

from __future__ import annotations

import math

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.arrange import as_image
from hwcompress.frontend.borders import without_border, without_low_border
from hwcompress.frontend.function import ScalarFunction
from hwcompress.frontend.geometry import Window, image_order, read_window, source_shape
from hwcompress.frontend.lower_input import materialised
from hwcompress.frontend.lowering import Border, Lowering, handles
from hwcompress.frontend.offsets import without_offset
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.rectified import rectified
from hwcompress.frontend.values import Symbolic, Value
from hwcompress.frontend.weights import pad_level
from hwcompress.ir import Constant, Conv, IntType, MaxPool, Mul, Op, Rescale, SumPool, int_range

__all__ = ["averaged", "highest", "pooled", "rising"]


def rising(state: Lowering, value: Symbolic, node: Node, sense: int = 1) -> Symbolic:
    """``value`` as a rising function of its base, negating channels that fall.

    The maximum commutes with rising functions only; the minimum is the maximum of a
    falling one (``sense`` -1).
    """
    direction = value.function.direction * sense
    if value.function.gain is not None:  # a constant channel rises as well as any
        direction = np.where(value.function.gain == 0, 1, direction)
    if np.any(direction == 0):
        unknown = int(np.flatnonzero(direction == 0)[0])
        raise UnsupportedError(
            f"the maximum of a function that may not be monotone (channel {unknown})",
            where=node.label,
            remedy="quantize before the pooling",
        )
    if np.all(direction > 0):
        return value
    source = state.builder.types[value.base]
    bounds = state.builder.ranges[value.base]
    low = np.minimum(bounds.lo * direction, bounds.hi * direction)
    high = np.maximum(bounds.lo * direction, bounds.hi * direction)
    name = state.builder.fresh(f"{value.base}_turned")
    zero = np.zeros(1, np.int64)
    otype = IntType(int(low.min()), int(high.max()))
    if source.dtype.is_bipolar:
        otype = IntType(-1, 1)
    state.builder.add(
        Rescale(
            name, (value.base,), (name,), direction.astype(np.int64), zero, zero, "floor", otype
        )
    )

    factor = direction.astype(np.float64)
    return value.rebased(
        name, value.shape, value.order, lambda function: function.of_scaled_input(factor)
    )


def _mean(channels: int, count: int) -> ScalarFunction:
    """A sum divided by ``count``: a true division, which rounds once."""
    ones = np.ones(channels)
    return ScalarFunction(
        channels, lambda q, c: q / count, ones.astype(np.int64), ones / count, 0.0 * ones
    )


def pooled(state: Lowering, value: Symbolic, name: str, average: int = 1) -> Symbolic:
    """The pooled tensor with the same function, of a sum divided by ``average``."""
    shape = source_shape(state.builder.types[name].shape, len(value.shape))

    def function(old: ScalarFunction) -> ScalarFunction:
        return old.of(_mean(old.channels, average)) if average > 1 else old

    result = value.rebased(name, shape, image_order(shape), function)
    gain, offset = result.function.gain, result.function.offset
    if gain is not None and offset is not None:
        state.builder.symbol(name, shape, result.order, gain, offset)
    return result


@handles("MaxPool")
def _max_pool(state: Lowering, node: Node) -> tuple[Value | None, ...]:
    """The largest elements; their indices are given to nobody."""
    value = as_image(state.builder, materialised(state, state.symbolic(node), node), node.label)
    window = read_window(node, node.integers("kernel_shape"), value.shape[2:])
    return highest(state, node, value, window), *(None for _ in node.outputs[1:])


def highest(
    state: Lowering, node: Node, value: Symbolic, window: Window, sense: int = 1
) -> Symbolic:
    """The maximum (``sense`` -1: the minimum) over windows of ``value``, an image."""
    value = rising(state, value, node, sense)
    name = state.builder.fresh(node.name or node.op)
    if any(d > 1 and k > 1 for d, k in zip(window.dilation, window.kernel, strict=True)):
        return pooled(state, value, _spread_maximum(state, value.base, window, name))
    inner = without_low_border(state, value.base, window.padding, window.kernel)
    op = MaxPool(name, (inner.tensor,), (name,), window.kernel, window.stride, inner.padding)
    return pooled(state, value, state.builder.add(op))


def _spread_maximum(state: Lowering, tensor: str, window: Window, name: str) -> str:
    """A maximum over dilated windows: a convolution with one weight of 1 for every kernel
    position puts their elements side by side, where a pool of one row finds the largest."""
    builder = state.builder
    channels, taps = builder.types[tensor].channels, math.prod(window.kernel)
    weight = np.tile(np.eye(taps, dtype=np.int64), (channels, 1))
    side = builder.fresh(f"{name}_elements")
    builder.add(
        Conv(
            side,
            (tensor,),
            (side,),
            weight.reshape(channels * taps, *window.kernel, 1),
            IntType(0, 1),
            None,
            window.stride,
            window.padding,
            window.dilation,
            channels,
            int(builder.ranges[tensor].lo.min()),
        )
    )
    rows = math.prod(builder.types[side].shape) // taps
    flat = builder.reshape(side, (rows, taps, 1))
    builder.add(MaxPool(name, (flat,), (name,), (1, taps), (1, taps)))
    return builder.reshape(name, (*builder.types[side].shape[:2], channels))


def _affine_only(value: Symbolic, node: Node) -> None:
    if not value.function.is_affine:
        raise UnsupportedError(
            f"the average of values that are not quantized after {' and '.join(value.tail)}",
            where=node.label,
            remedy="quantize before the pooling",
        )


@handles("AveragePool")
def _average_pool(state: Lowering, node: Node) -> Value:
    value = as_image(state.builder, materialised(state, state.symbolic(node), node), node.label)
    window = read_window(node, node.integers("kernel_shape"), value.shape[2:])
    return averaged(state, node, value, window, bool(node.integer("count_include_pad", 0)))


def averaged(
    state: Lowering, node: Node, value: Symbolic, window: Window, with_padding: bool
) -> Symbolic:
    """The average over windows of ``value``, an image.

    Where padding is left out of the count, or a window reaches beyond it, the count
    differs from position to position. The sums are then multiplied by a constant image
    of integers, which makes all of them multiples of one.
    """
    value = rectified(state, value)
    _affine_only(value, node)
    height, width = state.builder.types[value.base].shape[:2]
    counts = window.taps((height, width), with_padding)
    if counts.min() == 0:
        raise UnsupportedError("a window that holds nothing but padding", where=node.label)
    whole = bool(np.all(counts == counts[0, 0]))
    level = 0
    if with_padding and any(window.padding):
        # Padding is a real zero; a level other than 0 would have to be counted, too.
        value = value if whole else without_offset(state.builder, value, node)
        level = pad_level(value, node)
    name = state.builder.fresh(node.name or node.op)
    total = state.builder.add(_sum(state, value.base, window, level, name))
    if whole:
        return pooled(state, value, total, int(counts[0, 0]))
    common = math.lcm(*(int(item) for item in np.unique(counts)))
    shape = state.builder.types[total].shape
    factors = np.broadcast_to((common // counts)[:, :, None], shape).astype(np.int64)
    weights = state.builder.fresh(f"{name}_weights")
    state.builder.add(Constant(weights, (), (weights,), factors, int_range(factors)))
    scaled = state.builder.fresh(f"{name}_scaled")
    state.builder.add(Mul(scaled, (total, weights), (scaled,)))
    return pooled(state, value, scaled, common)


def _sum(state: Lowering, tensor: str, window: Window, level: int, name: str) -> Op:
    inner = without_border(state, Border(tensor, window.padding, level))
    if all(d == 1 or k == 1 for d, k in zip(window.dilation, window.kernel, strict=True)):
        return SumPool(
            name,
            (inner.tensor,),
            (name,),
            window.kernel,
            window.stride,
            inner.padding,
            inner.level,
        )
    channels = state.builder.types[tensor].channels
    return Conv(
        name,
        (inner.tensor,),
        (name,),
        np.ones((channels, *window.kernel, 1), np.int64),
        IntType(0, 1),
        None,
        window.stride,
        inner.padding,
        window.dilation,
        channels,
        inner.level,
    )


@handles("GlobalLpPool", "LpPool", "MaxRoiPool", "MaxUnpool", "RoiAlign")
def _other_pool(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    raise UnsupportedError(
        f"{node.op} of a tensor {value.shape}",
        where=node.label,
        why="its result is no sum or maximum of integers",
        remedy="use MaxPool or AveragePool",
    )
