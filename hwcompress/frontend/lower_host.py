"""The end of a model that a host computes: Softmax, and what comes after it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from onnx import TensorProto

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.binary import BINARY
from hwcompress.frontend.elementwise import UNARY, clip_bounds
from hwcompress.frontend.float64 import QUANTIZERS
from hwcompress.frontend.host_steps import binary_step, unary_step
from hwcompress.frontend.lower_input import materialised
from hwcompress.frontend.lowering import Lowering, computed_with, handles
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.quantizers import read_quantizer
from hwcompress.frontend.shapes import MOVES, moved_shape, permutation
from hwcompress.frontend.values import Constant, OnHost, Symbolic, Value
from hwcompress.ir.ops.host import host_step

__all__ = ["arg_steps", "continued_on_host", "on_host", "top_steps"]

Shape = tuple[int, ...]


def on_host(
    state: Lowering, node: Node, value: Symbolic | OnHost, step: str, shape: Shape
) -> OnHost:
    """``value`` followed by a step of the host, whose result has ``shape``.

    Raises:
        UnsupportedError: the graph cannot give what the host would start from.
    """
    if isinstance(value, OnHost):
        return OnHost(value.head, (*value.steps, step), shape, value.maker, (*value.tail, node.op))
    given, value = value, materialised(state, value, node)
    for name in node.inputs:  # what was closed here stands for the source's tensor
        if state.values.get(name) is given:
            state.values[name] = value
    steps, head = value.steps, value
    if not value.function.is_affine:
        if value.head is None or steps is None or len(steps) != len(value.tail):
            raise UnsupportedError(
                f"its input is not quantized after {' and '.join(value.tail)}",
                where=node.label,
                why=f"{node.op} runs on the host, which would have to do that, too",
                remedy="put a quantizer before this node",
            )
        head = value.head
    return OnHost(head, (*(steps or ()), step), shape, node.label, (*value.tail, node.op))


@handles("Softmax", "LogSoftmax")
def _softmax_first(state: Lowering, node: Node) -> Value:
    return _softmax(state, node, state.symbolic(node))


def _softmax(state: Lowering, node: Node, value: Symbolic | OnHost) -> OnHost:
    rank = len(value.shape)
    axis = node.integer("axis", -1 if node.opset >= 13 else 1)
    if not -rank <= axis < rank or axis % rank == 0:
        raise UnsupportedError(
            f"{node.op} along axis {axis} of {value.shape}",
            where=node.label,
            why="axis 0 holds the samples",
            remedy="apply it along another axis",
        )
    axis %= rank
    name = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}[node.op]
    step = name if axis == rank - 1 else host_step(name, axis)
    # Before opset 13 everything from the axis on is one vector.
    if node.opset < 13 and math.prod(value.shape[axis + 1 :]) > 1:
        step = host_step(f"{name}_rows", axis)
    return on_host(state, node, value, step, value.shape)


def arg_steps(node: Node, shape: Shape) -> tuple[list[str], Shape]:
    """ArgMax or ArgMin in steps, and the shape of its result."""
    axis = node.integer("axis", 0)
    if not -len(shape) <= axis < len(shape) or axis % len(shape) == 0:
        raise UnsupportedError(
            f"{node.op} along axis {axis} of {shape}",
            where=node.label,
            why="axis 0 holds the samples",
            remedy="apply it along another axis",
        )
    axis %= len(shape)
    keep, last = node.integer("keepdims", 1), node.integer("select_last_index", 0)
    step = host_step("arg_max", axis, int(bool(keep)), int(bool(last)))
    result = (*shape[:axis], *((1,) if keep else ()), *shape[axis + 1 :])
    return (["neg"] if node.op == "ArgMin" else []) + [step], result


def top_steps(node: Node, shape: Shape, count: int) -> tuple[str, str, Shape]:
    """Steps for the values and the indices of a TopK, and the shape of both."""
    axis = node.integer("axis", -1)
    if not -len(shape) <= axis < len(shape) or axis % len(shape) == 0:
        raise UnsupportedError(
            f"TopK along axis {axis} of {shape}", where=node.label, why="axis 0 holds the samples"
        )
    axis %= len(shape)
    if not 1 <= count <= shape[axis]:
        raise UnsupportedError(f"the {count} largest of {shape[axis]}", where=node.label)
    arguments = (count, axis, int(bool(node.integer("largest", 1))))
    result = (*shape[:axis], count, *shape[axis + 1 :])
    return host_step("top_values", *arguments), host_step("top_indices", *arguments), result


def _moved(state: Lowering, node: Node, value: OnHost) -> Value:
    given = state.constant(node, 1)
    shape = moved_shape(node, value.shape, None if given is None else given.value)
    if shape[:1] != (1,):
        raise UnsupportedError(
            f"{value.shape} becomes {shape}, which does not keep the batch axis", where=node.label
        )
    return on_host(state, node, value, host_step("reshape", *shape[1:]), shape)


def _transposed(state: Lowering, node: Node, value: OnHost) -> Value:
    axes = permutation(node, value.shape)
    shape = tuple(value.shape[axis] for axis in axes)
    return on_host(state, node, value, host_step("transpose", *axes[1:]), shape)


def _quantized(state: Lowering, node: Node, value: OnHost) -> Value:
    parameters = [state.required(node, i).value.astype(np.float64) for i in range(1, 4)]
    quantizer = read_quantizer(node, parameters)
    dtype = quantizer.dtype
    nearest = quantizer.rounding in ("ROUND", "HALF_EVEN")
    single = quantizer.scale.size == 1 and quantizer.zero.size == 1
    if node.op not in ("Quant", "IntQuant") or dtype is None or not (nearest and single):
        raise computed_with(value, node)
    scale, zero = float(quantizer.scale.reshape(())), float(quantizer.zero.reshape(()))
    step = host_step("quantize", scale, zero, dtype.lo, dtype.hi)
    rounded = on_host(state, node, value, step, value.shape)
    return on_host(state, node, rounded, host_step("dequantize", scale, zero), value.shape)


def _integer_quantized(state: Lowering, node: Node, value: OnHost) -> Value:
    """QuantizeLinear and DequantizeLinear with one scale."""
    scale = state.required(node, 1).value.astype(np.float64)
    given = state.constant(node, 2)
    zero = np.zeros((), np.uint8) if given is None else given.value
    if scale.size != 1 or zero.size != 1:
        raise computed_with(value, node)
    numbers = (float(scale.reshape(())), float(zero.reshape(())))
    if node.op == "DequantizeLinear":
        return on_host(state, node, value, host_step("dequantize", *numbers), value.shape)
    if zero.dtype.kind not in "iu":
        raise computed_with(value, node)
    limits = np.iinfo(zero.dtype)
    step = host_step("quantize", *numbers, int(limits.min), int(limits.max))
    return on_host(state, node, value, step, value.shape)


def _ranked(state: Lowering, node: Node, value: OnHost) -> Value:
    steps, shape = arg_steps(node, value.shape)
    for step in steps[:-1]:
        value = on_host(state, node, value, step, value.shape)
    return on_host(state, node, value, steps[-1], shape)


def _elementwise(state: Lowering, node: Node, value: OnHost) -> Value:
    step = None
    if node.op == "Clip":
        bounds = [state.constant(node, 1), state.constant(node, 2)]
        low, high = clip_bounds(node, [item.value if item else None for item in bounds])
        step = unary_step(node, low, high)
    elif node.op in UNARY:
        step = unary_step(node)
    elif node.op in BINARY and len(node.inputs) == 2:
        items = [state.values[name] for name in node.inputs]
        fixed = next((item for item in items if isinstance(item, Constant)), None)
        if fixed is not None and fixed.value.ndim <= len(value.shape):
            step = binary_step(node, fixed.value.astype(np.float64), isinstance(items[0], Constant))
    if step is None:
        raise computed_with(value, node)
    return on_host(state, node, value, step, value.shape)


def _cast(state: Lowering, node: Node, value: OnHost) -> Value:
    to = node.integer("to", TensorProto.FLOAT)
    if to in (TensorProto.FLOAT, TensorProto.DOUBLE):
        return value
    if to in (TensorProto.INT32, TensorProto.INT64):
        return on_host(state, node, value, "cast_int", value.shape)
    raise computed_with(value, node)


_FURTHER: dict[str, Callable[[Lowering, Node, OnHost], Value]] = {
    "ArgMax": _ranked,
    "ArgMin": _ranked,
    "Cast": _cast,
    "DequantizeLinear": _integer_quantized,
    "Dropout": lambda _, __, value: value,
    "Identity": lambda _, __, value: value,
    "LogSoftmax": _softmax,
    "QuantizeLinear": _integer_quantized,
    "Softmax": _softmax,
    "Transpose": _transposed,
    **dict.fromkeys(MOVES, _moved),
    **dict.fromkeys(QUANTIZERS, _quantized),
    **dict.fromkeys((*UNARY, *BINARY, "Clip"), _elementwise),
}


def continued_on_host(state: Lowering, node: Node) -> Value | tuple[Value, ...]:
    """A node that reads what the host computes.

    Raises:
        UnsupportedError: the host has no words for it.
    """
    value = next(
        item for name in node.inputs if name and isinstance(item := state.values[name], OnHost)
    )
    if node.op == "TopK":
        count = int(state.required(node, 1).value.reshape(-1)[0])
        values, indices, shape = top_steps(node, value.shape, count)
        return (
            on_host(state, node, value, values, shape),
            on_host(state, node, value, indices, shape),
        )
    others = [state.values[name] for name in node.inputs if name]
    alone = sum(not isinstance(item, Constant) for item in others) == 1
    if node.op not in _FURTHER or not alone:
        raise computed_with(value, node)
    return _FURTHER[node.op](state, node, value)
