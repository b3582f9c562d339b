"""Scalar operators: they compose the function of a region, and emit nothing."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.elementwise import BINARY, UNARY, batch_norm, clip_bounds
from hwcompress.frontend.function import ScalarFunction
from hwcompress.frontend.lowering import Lowering, handles
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.values import Constant, Symbolic, Value

__all__: list[str] = []


def _followed(value: Symbolic, function: ScalarFunction, op: str) -> Symbolic:
    """``value`` with a new function, remembering the last affine point before it."""
    if function.is_affine:
        return Symbolic(value.base, value.shape, value.order, function)
    head = value if value.head is None else value.head
    return Symbolic(value.base, value.shape, value.order, function, head, (*value.tail, op))


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
    return _followed(value, value.function.then(lambda x: np.clip(x, low, high), 1), node.op)


@handles("Softmax")
def _softmax(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    axis = node.integer("axis", -1) % len(value.shape)
    if int(np.prod(value.shape[axis:], dtype=np.int64)) != value.order.size:
        raise UnsupportedError("Softmax over a part of the tensor", where=node.label)

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
    shape = (-1,) + (1,) * (len(value.shape) - 2)
    return _affine(state, node, value, gain.reshape(shape), offset.reshape(shape))


def _affine(
    state: Lowering, node: Node, value: Symbolic, gain: np.ndarray, offset: np.ndarray
) -> Symbolic:
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
        value = state.builder.flattened(value)
        rows = [state.per_channel(value, item, node) for item in constants]
    return value, [row for row in rows if row is not None]


@handles(*BINARY)
def _binary(state: Lowering, node: Node) -> Value:
    first, second = (state.values[name] for name in node.inputs)
    if isinstance(first, Symbolic) and isinstance(second, Symbolic):
        return _combine(state, node, first, second)
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
    if np.broadcast_shapes(value.shape, constant.shape) != value.shape:
        raise UnsupportedError(
            f"a constant of shape {constant.shape} enlarges {value.shape}", where=node.label
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


def _combine(state: Lowering, node: Node, first: Symbolic, second: Symbolic) -> Symbolic:
    same = (
        first.base == second.base
        and first.shape == second.shape
        and np.array_equal(first.order, second.order)
    )
    if not same:
        raise UnsupportedError(
            f"{node.op} of two different computed tensors (a branch) is not supported yet",
            where=node.label,
            remedy="use a model without residual connections or gates",
        )
    function = first.function.combined(second.function, BINARY[node.op])
    return _followed(first, function, node.op)
