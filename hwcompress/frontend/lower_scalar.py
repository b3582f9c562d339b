"""Scalar operators: they compose the function of a region, and emit nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.elementwise import BINARY, UNARY, batch_norm, clip_bounds
from hwcompress.frontend.function import ScalarFunction
from hwcompress.frontend.lower_input import materialised
from hwcompress.frontend.lower_join import combined
from hwcompress.frontend.lowering import Lowering, handles
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.values import Constant, Symbolic, Value

__all__: list[str] = []


def _followed(value: Symbolic, function: ScalarFunction, op: str) -> Symbolic:
    """``value`` with a new function, remembering the last affine point before it."""
    if function.is_affine:
        return replace(value, function=function, head=None, tail=())
    head = value if value.head is None else value.head
    return replace(value, function=function, head=head, tail=(*value.tail, op))


@handles(*UNARY)
def _unary(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    unary = UNARY[node.op](node)
    return _followed(value, value.function.then(unary.function, unary.direction), node.op)


@handles("Clip")
def _clip(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    bounds = [state.constant(node, 1), state.constant(node, 2)]
    low, high = clip_bounds(node, [item.value if item else None for item in bounds])

    def clip(x: np.ndarray) -> np.ndarray:
        # The upper bound wins where the two cross, as in ONNX.
        return np.minimum(np.maximum(x, low), high)

    return _followed(value, value.function.then(clip, 1), node.op)


@handles("Softmax")
def _softmax(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    rank = len(value.shape)
    axis = node.integer("axis", -1 if node.opset >= 13 else 1)
    if not -rank <= axis < rank:
        raise UnsupportedError(f"axis {axis} of {value.shape}", where=node.label)
    axis %= rank
    # Before opset 13 everything from the axis on is one vector. The host's
    # Softmax runs over the last axis.
    last = axis == rank - 1 or (node.opset < 13 and axis > 0)
    if axis == 0 or not last or value.shape[-1] != value.order.size:
        raise UnsupportedError(
            f"Softmax along axis {axis} of {value.shape}",
            where=node.label,
            why="the host can apply it to one vector per sample",
            remedy="flatten the tensor before it",
        )

    def refuse(q: np.ndarray, channel: np.ndarray) -> np.ndarray:
        raise UnsupportedError(
            "the result of a Softmax is quantized or computed with",
            where=node.label,
            remedy="keep the Softmax as the last operator; it then runs on the host",
        )

    opaque = ScalarFunction(
        value.function.channels, refuse, np.zeros(value.function.channels, np.int64)
    )
    return _followed(value, opaque, node.op)


@handles("BatchNormalization")
def _batch_normalization(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    gain, offset = batch_norm(node, [state.required(node, i).value for i in range(1, 5)])
    if len(value.shape) < 2 or gain.size != value.shape[1]:
        raise UnsupportedError(f"{gain.size} channels do not fit {value.shape}", where=node.label)
    shape = (-1,) + (1,) * (len(value.shape) - 2)
    return _affine(state, node, value, gain.reshape(shape), offset.reshape(shape))


def _affine(
    state: Lowering, node: Node, value: Symbolic, gain: np.ndarray, offset: np.ndarray
) -> Symbolic:
    if not (np.all(np.isfinite(gain)) and np.all(np.isfinite(offset))):
        raise UnsupportedError(
            "a constant is not finite, or a variance negative",
            where=node.label,
            remedy="export the model again from a checkpoint without NaN",
        )
    value, rows = _rows(state, node, value, [gain, offset])
    return _followed(value, value.function.then_affine(*rows), node.op)


def _rows(
    state: Lowering, node: Node, value: Symbolic, constants: list[np.ndarray]
) -> tuple[Symbolic, list[np.ndarray]]:
    """Constants per channel of the base, flattening the base first if that is needed."""
    rows = [state.per_channel(value, item, node) for item in constants]
    if any(row is None for row in rows):
        if not value.base:
            raise UnsupportedError(
                "a constant that differs per element of the input", where=node.label
            )
        value = state.builder.flattened(materialised(state, value, node))
        rows = [state.per_channel(value, item, node) for item in constants]
    return value, [row for row in rows if row is not None]


@handles(*BINARY)
def _binary(state: Lowering, node: Node) -> Value:
    values = [state.values[name] for name in node.inputs]
    if len(values) == 1:
        return values[0]  # Max and Min take any number
    if len(values) > 2:
        raise UnsupportedError(
            f"{len(values)} operands", where=node.label, remedy="use a node for each two of them"
        )
    first, second = values
    if isinstance(first, Symbolic) and isinstance(second, Symbolic):
        return combined(state, node, first, second)
    if isinstance(second, Constant):
        assert isinstance(first, Symbolic)
        return _with_constant(state, node, first, second.value.astype(np.float64), False)
    assert isinstance(first, Constant)
    assert isinstance(second, Symbolic)
    return _with_constant(state, node, second, first.value.astype(np.float64), True)


def _with_constant(
    state: Lowering, node: Node, value: Symbolic, constant: np.ndarray, swapped: bool
) -> Symbolic:
    """``value op constant``, or ``constant op value`` if swapped."""
    try:
        fits = np.broadcast_shapes(value.shape, constant.shape) == value.shape
    except ValueError:
        fits = False
    if not fits or np.any(np.isnan(constant)):
        raise UnsupportedError(
            f"a constant of shape {constant.shape} holds NaN, or does not fit {value.shape}",
            where=node.label,
        )
    ones, zeros = np.ones_like(constant), np.zeros_like(constant)
    if node.op == "Add":
        return _affine(state, node, value, ones, constant)
    if node.op == "Sub":
        sign = -1.0 if swapped else 1.0
        return _affine(state, node, value, sign * ones, -sign * constant)
    if node.op == "Mul":
        return _affine(state, node, value, constant, zeros)
    if node.op == "Div" and not swapped:
        # Dividing is not multiplying by the reciprocal: keep the division
        # itself and note the affine form only where it is the same.
        if not np.all(constant) or not np.all(np.isfinite(constant)):
            raise UnsupportedError("a division by zero or infinity", where=node.label)
        value, (row,) = _rows(state, node, value, [constant])
        divided = value.function.then_each(np.divide, row, np.sign(row).astype(np.int64))
        exact = value.function.then_affine(1.0 / row, np.zeros_like(row))
        function = ScalarFunction(
            divided.channels, divided.call, divided.direction, exact.gain, exact.offset
        )
        return _followed(value, function, node.op)
    value, (row,) = _rows(state, node, value, [constant])
    operator = BINARY[node.op]
    monotone = 1 if node.op in ("Max", "Min") else 0
    direction = np.full(row.shape, monotone, np.int64)
    if swapped:
        return _followed(
            value, value.function.then_each(lambda x, c: operator(c, x), row, direction), node.op
        )
    return _followed(value, value.function.then_each(operator, row, direction), node.op)
