"""Pooling and ArgMax."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.arrange import as_image, as_vector
from hwcompress.frontend.function import ScalarFunction
from hwcompress.frontend.geometry import Window, image_order, image_shape, read_window, source_shape
from hwcompress.frontend.lower_input import materialised
from hwcompress.frontend.lowering import Lowering, handles
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.values import Constant, Symbolic, Value
from hwcompress.frontend.weights import pad_level
from hwcompress.ir import ArgMax, IntType, MaxPool, Op, Rescale, SumPool, TopK

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


def _pooled(state: Lowering, value: Symbolic, op: Op, average: int) -> Symbolic:
    """The pooled tensor with the same function, of a sum divided by ``average``."""
    state.builder.add(op)
    name = op.outputs[0]
    shape = source_shape(state.builder.types[name].shape, len(value.shape))

    def function(old: ScalarFunction) -> ScalarFunction:
        return old.of(_mean(old.channels, average)) if average > 1 else old

    result = value.rebased(name, shape, image_order(shape), function)
    gain, offset = result.function.gain, result.function.offset
    if gain is not None and offset is not None:
        state.builder.symbol(name, shape, result.order, gain, offset)
    return result


@handles("MaxPool")
def _max_pool(state: Lowering, node: Node) -> Value:
    if len(node.outputs) > 1 and node.outputs[1]:
        raise UnsupportedError("MaxPool with indices", where=node.label)
    value = as_image(state.builder, materialised(state, state.symbolic(node), node), node.label)
    window = read_window(node, node.integers("kernel_shape"))
    if window.dilation != (1, 1):
        raise UnsupportedError(f"MaxPool with dilation {window.dilation}", where=node.label)
    value = _rising(state, value, node)
    name = state.builder.fresh(node.name or node.op)
    op = MaxPool(name, (value.base,), (name,), window.kernel, window.stride, window.padding)
    return _pooled(state, value, op, 1)


@handles("AveragePool", "GlobalAveragePool")
def _average_pool(state: Lowering, node: Node) -> Value:
    value = as_image(state.builder, materialised(state, state.symbolic(node), node), node.label)
    if not value.function.is_affine:
        raise UnsupportedError(
            f"the average of values that are not quantized after {' and '.join(value.tail)}",
            where=node.label,
            remedy="quantize before the pooling",
        )
    window = Window(image_shape(value.shape)[:2], (1, 1), (0, 0, 0, 0), (1, 1))
    if node.op == "AveragePool":
        window = read_window(node, node.integers("kernel_shape"))
    if window.dilation != (1, 1):
        raise UnsupportedError(f"average pooling with dilation {window.dilation}", where=node.label)
    padding = window.padding
    if any(padding) and not node.integer("count_include_pad", 0):
        raise UnsupportedError(
            "average pooling that leaves the padding out of the count",
            where=node.label,
            remedy="use count_include_pad=True, or no padding",
        )
    name = state.builder.fresh(node.name or node.op)
    level = pad_level(value, node) if any(padding) else 0
    op = SumPool(name, (value.base,), (name,), window.kernel, window.stride, padding, level)
    return _pooled(state, value, op, window.kernel[0] * window.kernel[1])


@handles("ReduceMean")
def _reduce_mean(state: Lowering, node: Node) -> Value:
    """The mean over height and width (or over the length) is a global average pool."""
    value = state.symbolic(node)
    axes = tuple(sorted(_reduced_axes(node, len(value.shape), state.constant(node, 1))))
    if len(value.shape) not in (3, 4) or axes != tuple(range(2, len(value.shape))):
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


def _ranked(state: Lowering, node: Node, axis: int) -> tuple[Symbolic, str]:
    """The vector whose elements ArgMax or TopK compares, and its graph tensor.

    Raises:
        UnsupportedError: no vector, or its integers do not compare as its values do.
    """
    value = materialised(state, state.symbolic(node), node)
    if value.tail == ("Softmax",) and value.head is not None:
        value = value.head  # Softmax keeps the order
    axis %= len(value.shape)
    vector = int(np.prod(value.shape[:axis], dtype=np.int64)) == 1 and axis == len(value.shape) - 1
    if not vector:
        raise UnsupportedError(f"{node.op} of anything but one vector per sample", where=node.label)
    gain, offset = value.function.gain, value.function.offset
    if gain is None or offset is None or len({*gain}) != 1 or len({*offset}) != 1 or gain[0] <= 0:
        raise UnsupportedError(
            f"{node.op} over channels whose integers have different scales or offsets",
            where=node.label,
            remedy=f"leave the {node.op} out; the host takes it from the real outputs",
        )
    return value, as_vector(state.builder, value, node.label).base


def _indices(state: Lowering, tensor: str, shape: tuple[int, ...], source: str) -> Symbolic:
    one, zero = np.ones(1), np.zeros(1)
    count = state.builder.types[tensor].size
    result = state.builder.symbol(
        tensor, shape, np.arange(count), np.repeat(one, count), np.repeat(zero, count)
    )
    state.builder.origin[tensor] = (source, result)
    return result


@handles("ArgMax")
def _argmax(state: Lowering, node: Node) -> Value:
    value, tensor = _ranked(state, node, node.integer("axis", 0))
    if node.integer("select_last_index", 0):
        raise UnsupportedError("ArgMax that takes the last of equal elements", where=node.label)
    name = state.builder.fresh(node.name or node.op)
    state.builder.add(ArgMax(name, (tensor,), (name,)))
    keep = node.integer("keepdims", 1)
    shape = (*value.shape[:-1], 1) if keep else value.shape[:-1]
    return _indices(state, name, shape, node.outputs[0])


@handles("TopK")
def _top_k(state: Lowering, node: Node) -> tuple[Value | None, Value]:
    """The indices; the values stay with the host, which has the vector."""
    value, tensor = _ranked(state, node, node.integer("axis", -1))
    if not node.integer("largest", 1) or not node.integer("sorted", 1):
        raise UnsupportedError("TopK of the smallest, or in any order", where=node.label)
    if len(node.outputs) < 2:
        raise UnsupportedError(
            "TopK of which only the values are used",
            where=node.label,
            remedy="use its indices, or leave it out",
        )
    count = int(state.required(node, 1).value.reshape(-1)[0])
    if not 1 <= count <= value.order.size:
        raise UnsupportedError(f"the {count} largest of {value.order.size}", where=node.label)
    name = state.builder.fresh(node.name or node.op)
    state.builder.add(TopK(name, (tensor,), (name,), count))
    return None, _indices(state, name, (*value.shape[:-1], count), node.outputs[1])
