"""Pooling and ArgMax."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.float64 import pool_geometry
from hwcompress.frontend.function import ScalarFunction
from hwcompress.frontend.lower_linear import as_image, image_order, pad_level
from hwcompress.frontend.lower_quant import materialised
from hwcompress.frontend.lowering import Lowering, handles
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.values import Constant, Symbolic, Value
from hwcompress.ir import ArgMax, IntType, MaxPool, Op, Rescale, SumPool

__all__: list[str] = []


def _rising(state: Lowering, value: Symbolic, node: Node) -> Symbolic:
    """``value`` as a rising function of its base, negating channels that fall.

    The maximum commutes with rising functions only.
    """
    direction = value.function.direction
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

    def over(item: Symbolic) -> Symbolic:
        function = item.function.of_scaled_input(direction.astype(np.float64))
        head = over(item.head) if item.head is not None else None
        return Symbolic(name, item.shape, item.order, function, head, item.tail)

    return over(value)


def _mean(channels: int, count: int) -> ScalarFunction:
    """A sum divided by ``count``: a true division, which rounds once."""
    ones = np.ones(channels)
    return ScalarFunction(
        channels, lambda q, c: q / count, ones.astype(np.int64), ones / count, 0.0 * ones
    )


def _pooled(state: Lowering, value: Symbolic, op: Op, average: int) -> Symbolic:
    """The pooled tensor with the same function, of a sum divided by ``average``."""
    state.builder.add(op)
    name = op.outputs[0]
    out = state.builder.types[name].shape
    shape = (1, out[2], out[0], out[1])
    order = image_order(shape)
    function = value.function
    if average > 1:
        function = function.of(_mean(function.channels, average))
    head = value.head
    if head is not None:
        head = Symbolic(name, shape, order, head.function)
    if function.gain is not None and function.offset is not None:
        return state.builder.symbol(name, shape, order, function.gain, function.offset)
    return Symbolic(name, shape, order, function, head, value.tail)


@handles("MaxPool")
def _max_pool(state: Lowering, node: Node) -> Value:
    if len(node.outputs) > 1 and node.outputs[1]:
        raise UnsupportedError("MaxPool with indices", where=node.label)
    value = as_image(state, materialised(state, state.symbolic(node), node), node)
    kernel = node.integers("kernel_shape")
    stride, padding, dilation = pool_geometry(node, kernel)
    if dilation != (1, 1):
        raise UnsupportedError(f"MaxPool with dilation {dilation}", where=node.label)
    value = _rising(state, value, node)
    name = state.builder.fresh(node.name or node.op)
    op = MaxPool(name, (value.base,), (name,), (kernel[0], kernel[1]), stride, padding)
    return _pooled(state, value, op, 1)


@handles("AveragePool", "GlobalAveragePool")
def _average_pool(state: Lowering, node: Node) -> Value:
    value = as_image(state, materialised(state, state.symbolic(node), node), node)
    if not value.function.is_affine:
        raise UnsupportedError(
            f"the average of values that are not quantized after {' and '.join(value.tail)}",
            where=node.label,
            remedy="quantize before the pooling",
        )
    if node.op != "AveragePool":
        kernel: tuple[int, ...] = value.shape[2:]
        stride, padding, dilation = (1, 1), (0, 0, 0, 0), (1, 1)
    else:
        kernel = node.integers("kernel_shape")
        stride, padding, dilation = pool_geometry(node, kernel)
    if dilation != (1, 1):
        raise UnsupportedError(f"average pooling with dilation {dilation}", where=node.label)
    if any(padding) and not node.integer("count_include_pad", 0):
        raise UnsupportedError(
            "average pooling that leaves the padding out of the count",
            where=node.label,
            remedy="use count_include_pad=True, or no padding",
        )
    name = state.builder.fresh(node.name or node.op)
    level = pad_level(value, node) if any(padding) else 0
    op = SumPool(name, (value.base,), (name,), (kernel[0], kernel[1]), stride, padding, level)
    return _pooled(state, value, op, kernel[0] * kernel[1])


@handles("ReduceMean")
def _reduce_mean(state: Lowering, node: Node) -> Value:
    """The mean over height and width is a global average pool."""
    value = state.symbolic(node)
    axes = tuple(sorted(_reduced_axes(node, len(value.shape), state.constant(node, 1))))
    if len(value.shape) != 4 or axes != (2, 3):
        raise UnsupportedError(
            f"the mean over the axes {axes} of {value.shape}",
            where=node.label,
            remedy="take the mean over height and width, or use AdaptiveAvgPool2d(1)",
        )
    pooled = _average_pool(state, node)
    assert isinstance(pooled, Symbolic)
    if node.integer("keepdims", 1):
        return pooled
    return pooled.moved(pooled.shape[:2], pooled.order)


def _reduced_axes(node: Node, rank: int, given: Constant | None) -> tuple[int, ...]:
    """Axes of a reduction, counted from the front: an input since opset 18; none means all."""
    axes = node.integers("axes") if given is None else tuple(int(i) for i in given.value)
    if any(not -rank <= axis < rank for axis in axes):
        raise UnsupportedError(f"axes {axes} of a tensor with {rank} axes", where=node.label)
    return tuple({axis % rank for axis in axes}) or tuple(range(rank))


@handles("ArgMax")
def _argmax(state: Lowering, node: Node) -> Value:
    value = materialised(state, state.symbolic(node), node)
    if value.tail == ("Softmax",) and value.head is not None:
        value = value.head  # Softmax keeps the order
    gain, offset = value.function.gain, value.function.offset
    axis = node.integer("axis", 0) % len(value.shape)
    vector = int(np.prod(value.shape[:axis], dtype=np.int64)) == 1 and axis == len(value.shape) - 1
    if not vector or node.integer("select_last_index", 0):
        raise UnsupportedError("ArgMax of anything but one vector per sample", where=node.label)
    if gain is None or offset is None or len({*gain}) != 1 or len({*offset}) != 1 or gain[0] <= 0:
        raise UnsupportedError(
            "ArgMax over channels whose integers have different scales or offsets",
            where=node.label,
            remedy="leave the ArgMax out; the host takes it from the real outputs",
        )
    if not np.array_equal(value.order, np.arange(value.order.size)):
        raise UnsupportedError("ArgMax over reordered elements", where=node.label)
    tensor = state.builder.reshape(value.base, (value.order.size,))
    name = state.builder.fresh(node.name or node.op)
    state.builder.add(ArgMax(name, (tensor,), (name,)))
    keep = node.integer("keepdims", 1)
    shape = (*value.shape[:-1], 1) if keep else value.shape[:-1]
    one, zero = np.ones(1), np.zeros(1)
    result = state.builder.symbol(name, shape, np.zeros(1, np.int64), one, zero)
    state.builder.origin[name] = (node.outputs[0], result)
    return result
