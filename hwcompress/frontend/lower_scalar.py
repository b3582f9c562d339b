"""Scalar operators: they compose the function of a region, and emit nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from onnx import TensorProto

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.binary import BINARY, where_bounds
from hwcompress.frontend.casts import CAST_RANGES, cast_function
from hwcompress.frontend.elementwise import UNARY, Unary, batch_norm, clip_bounds
from hwcompress.frontend.function import ScalarFunction, constant_function
from hwcompress.frontend.grids import grid_after
from hwcompress.frontend.host_steps import binary_step, unary_step
from hwcompress.frontend.intervals import extended
from hwcompress.frontend.lower_constant import sum_branch
from hwcompress.frontend.lower_input import entered
from hwcompress.frontend.lower_join import combined, one_base, same_elements
from hwcompress.frontend.lowering import Lowering, handles
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.values import Constant, OnHost, Symbolic, Value

__all__: list[str] = []


def _followed(
    value: Symbolic,
    function: ScalarFunction,
    node: Node,
    step: str | None = None,
    constants: tuple[np.ndarray, ...] = (),
) -> Symbolic:
    """``value`` with a new function, remembering the last affine point before it.

    ``step`` is what a host would do; ``constants`` are rows per channel of the base.
    """
    grid = grid_after(node, value, constants)
    if function.is_affine:
        return replace(value, function=function, head=None, tail=(), steps=(), grid=None)
    head = value if value.head is None else value.head
    steps = None if step is None or value.steps is None else (*value.steps, step)
    tail = (*value.tail, node.op)
    unrounded = value.function if node.op == "Round" else value.unrounded
    return replace(
        value,
        function=function,
        head=head,
        tail=tail,
        steps=steps,
        grid=grid,
        unrounded=unrounded if grid is not None else None,
    )


@handles(*UNARY)
def _unary(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    unary = UNARY[node.op](node)
    if node.op == "Neg":
        ones = np.ones(value.function.channels)
        return _followed(value, value.function.then_affine(-ones, 0.0 * ones), node)
    function = value.function.then(unary.function, unary.direction, unary.enclose)
    return _followed(value, function, node, unary_step(node))


@handles("Clip")
def _clip(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    bounds = [state.constant(node, 1), state.constant(node, 2)]
    low, high = clip_bounds(node, [item.value if item else None for item in bounds])

    def clip(x: np.ndarray) -> np.ndarray:
        # The upper bound wins where the two cross, as in ONNX.
        return np.minimum(np.maximum(x, low), high)

    function = value.function.then(clip, 1, extended(clip, (1,)))
    rows = tuple(np.full(value.function.channels, item) for item in (low, high))
    return _followed(value, function, node, unary_step(node, low, high), rows)


@handles("Cast")
def _cast(state: Lowering, node: Node) -> Value:
    """To float32 or float64 nothing changes; to an integer it cuts towards zero."""
    value = state.symbolic(node)
    to = node.integer("to", TensorProto.FLOAT)
    if to in (TensorProto.FLOAT, TensorProto.DOUBLE):
        return value
    whole = value.base and value.function.is_identity
    if whole and to in (TensorProto.INT32, TensorProto.INT64):
        return value
    function = cast_function(node, to)
    step = "cast_int" if to in CAST_RANGES else None
    # Everything but zero is true: that falls to zero and rises again.
    unary = Unary(function, 1, exact=True)
    if to == TensorProto.BOOL:
        unary = Unary(function, 0, (0.0,), exact=True)
    cast = value.function.then(function, unary.direction, unary.enclose)
    return _followed(value, cast, node, step)


@handles("BatchNormalization")
def _batch_normalization(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    gain, offset = batch_norm(node, [state.required(node, i).value for i in range(1, 5)])
    if len(value.shape) < 2 or gain.size != value.shape[1]:
        raise UnsupportedError(f"{gain.size} channels do not fit {value.shape}", where=node.label)
    shape = (-1,) + (1,) * (len(value.shape) - 2)
    return _affine(state, node, value, gain.reshape(shape), offset.reshape(shape))


def _affine(
    state: Lowering,
    node: Node,
    value: Symbolic,
    gain: np.ndarray,
    offset: np.ndarray,
    step: str | None = None,
) -> Symbolic:
    if not (np.all(np.isfinite(gain)) and np.all(np.isfinite(offset))):
        raise UnsupportedError(
            "a constant is not finite, or a variance negative",
            where=node.label,
            remedy="export the model again from a checkpoint without NaN",
        )
    value, rows = _rows(state, node, value, [gain, offset])
    return _followed(value, value.function.then_affine(*rows), node, step, tuple(rows))


def _rows(
    state: Lowering, node: Node, value: Symbolic, constants: list[np.ndarray]
) -> tuple[Symbolic, list[np.ndarray]]:
    """Constants per channel of the base, flattening the base first if that is needed."""
    rows = [state.per_channel(value, item, node) for item in constants]
    if any(row is None for row in rows):
        value = state.builder.flattened(entered(state, value, node))
        rows = [state.per_channel(value, item, node) for item in constants]
    return value, [row for row in rows if row is not None]


@handles(*BINARY)
def _binary(state: Lowering, node: Node) -> Value:
    if len(node.inputs) != 2:
        raise UnsupportedError(f"{len(node.inputs)} operands, not two", where=node.label)
    first, second = (state.values[name] for name in node.inputs)
    if isinstance(second, Constant):
        return _with_constant(state, node, state.symbolic(node, 0), second.value, False)
    if isinstance(first, Constant):
        return _with_constant(state, node, state.symbolic(node, 1), first.value, True)
    return combined(state, node, state.symbolic(node, 0), state.symbolic(node, 1))


def _with_constant(
    state: Lowering, node: Node, value: Symbolic, given: np.ndarray, swapped: bool
) -> Symbolic:
    """``value op constant``, or ``constant op value`` if swapped."""
    constant = given.astype(np.float64)
    if value.shape == () or value.order.size == 0:
        raise UnsupportedError(f"a tensor of shape {value.shape}", where=node.label)
    try:
        spread = np.broadcast_shapes(value.shape, constant.shape)
    except ValueError:
        spread = ()
    if len(spread) > len(value.shape) and int(np.prod(spread)) == value.order.size:
        value = value.moved(spread, value.order)  # ones in front
    if np.all(np.isfinite(constant)) and _wants_branch(state, node, value, constant, spread):
        branch = sum_branch(state.builder, Constant(given), spread, node.label, value)
        return combined(state, node, *((branch, value) if swapped else (value, branch)))
    if spread != value.shape or np.any(np.isnan(constant)):
        raise UnsupportedError(
            f"a constant of shape {constant.shape} holds NaN, or does not fit {value.shape}",
            where=node.label,
        )
    step = binary_step(node, constant, swapped)
    ones, zeros = np.ones_like(constant), np.zeros_like(constant)
    if node.op == "Add":
        return _affine(state, node, value, ones, constant, step)
    if node.op == "Sub":
        sign = -1.0 if swapped else 1.0
        return _affine(state, node, value, sign * ones, -sign * constant, step)
    if node.op == "Mul":
        return _affine(state, node, value, constant, zeros, step)
    if node.op == "Pow" and not swapped and np.all(constant == 1):
        return value
    divides = node.op == "Div" and not swapped
    if divides and (not np.all(constant) or not np.all(np.isfinite(constant))):
        raise UnsupportedError("a division by zero or infinity", where=node.label)
    value, (row,) = _rows(state, node, value, [constant])
    binary, fixed = BINARY[node.op](node), constant_function(row)
    operands = (fixed, value.function) if swapped else (value.function, fixed)
    function = operands[0].joined(operands[1], binary.function, binary.senses, binary.enclose)
    if divides:
        # Dividing is not multiplying by the reciprocal: keep the division
        # itself and note the affine form only where it is the same.
        function = replace(function, direction=value.function.direction * np.sign(row).astype(int))
        exact = value.function.then_affine(1.0 / row, np.zeros_like(row))
        if exact.gain is not None and exact.offset is not None:
            function = function.known_affine(exact.gain, exact.offset)
    elif node.op == "PRelu" and not swapped:
        function = replace(function, direction=np.where(row >= 0, value.function.direction, 0))
    return _followed(value, function, node, step, (row,))


def _wants_branch(
    state: Lowering, node: Node, value: Symbolic, constant: np.ndarray, spread: tuple[int, ...]
) -> bool:
    """Whether a constant is better a tensor of its own: larger than the value, or added by
    position to a sum that no quantizer has closed yet."""
    if spread and spread != value.shape:
        return node.op in ("Add", "Sub", "Mul")
    return (
        spread == value.shape
        and node.op in ("Add", "Sub")
        and value.base in state.builder.pending
        and state.per_channel(value, constant, node) is None
    )


@handles("Where")
def _where(state: Lowering, node: Node) -> Value:
    """A choice between functions of one integer, or constants."""
    values = [state.values[name] for name in node.inputs]
    places = [index for index, item in enumerate(values) if not isinstance(item, Constant)]
    symbolic = one_base(state, node, [state.symbolic(node, index) for index in places])
    if len(values) != 3 or any(not same_elements(symbolic[0], item) for item in symbolic[1:]):
        raise UnsupportedError(
            "a choice between two different computed tensors",
            where=node.label,
            why="only functions of one tensor are evaluated",
            remedy="multiply the branches by 0 or 1 and add them",
        )
    operands: list[Symbolic | Constant] = [
        symbolic[places.index(index)] if index in places else item
        for index, item in enumerate(values)
        if not isinstance(item, OnHost)
    ]
    value = symbolic[0]
    constants = [item.value.astype(np.float64) for item in values if isinstance(item, Constant)]
    for constant in constants:
        if np.broadcast_shapes(constant.shape, value.shape) != value.shape:
            raise UnsupportedError(
                f"a constant of shape {constant.shape} does not fit {value.shape}",
                where=node.label,
            )
    placed, rows = _rows(state, node, value, constants)
    known = iter(rows)
    parts = []
    for item in operands:
        if isinstance(item, Symbolic):
            parts.append(_over(state, item, placed))
        else:
            parts.append(constant_function(next(known)))
    condition, first, second = parts
    channels = placed.function.channels
    function = ScalarFunction(
        channels,
        lambda q, c: np.where(condition.call(q, c) != 0, first.call(q, c), second.call(q, c)),
        np.zeros(channels, np.int64),
        enclose=lambda q, c: where_bounds(*(part.bounds(q, c) for part in parts)),
    )
    affine = next((item for item in symbolic if item.head is None), symbolic[0])
    head = placed if placed.function.is_affine else affine.head
    return replace(placed, function=function, head=head, tail=("Where",), steps=None, grid=None)


def _over(state: Lowering, item: Symbolic, placed: Symbolic) -> ScalarFunction:
    """The function of another view of the same elements, over the same base."""
    if item.base == placed.base:
        return item.function
    return state.builder.flattened(item).function
