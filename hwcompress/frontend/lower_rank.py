"""ArgMax, ArgMin and TopK: in hardware if integers compare as the values do, else on the host."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwcompress.frontend.arrange import as_vector
from hwcompress.frontend.builder import GraphBuilder
from hwcompress.frontend.lower_host import arg_steps, continued_on_host, on_host, top_steps
from hwcompress.frontend.lower_input import materialised
from hwcompress.frontend.lowering import Lowering, handles
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.values import OnHost, Symbolic, Value
from hwcompress.ir import ArgMax, IntType, Op, Rescale, Shuffle, TopK

__all__: list[str] = []

# They keep the order of a vector's elements, so that nothing need compute them.
_KEEP_ORDER = frozenset({"LogSoftmax", "Sigmoid", "Softmax", "Tanh"})
_NEAR = 1e-9  # of a step
_MOST_STEPS = 1 << 40


def _before(state: Lowering, node: Node) -> Symbolic | OnHost:
    """The node's input, before operators that keep the order."""
    value = state.values[node.inputs[0]]
    if not isinstance(value, OnHost):
        value = state.symbolic(node)
        keeps = value.head is not None and set(value.tail) <= _KEEP_ORDER
        return value.head if keeps and value.head is not None else value
    keeps = set(value.tail) <= _KEEP_ORDER and value.shape == value.head.shape
    axis = node.integer("axis", -1 if node.op == "TopK" else 0) % len(value.shape)
    alone = value.shape[axis] == value.head.order.size  # every axis but one has length 1
    return value.head if keeps and alone else value


def _ranked(state: Lowering, value: Symbolic, axis: int, label: str) -> str | None:
    """The graph tensor of a vector whose integers compare as its values do, if it is one."""
    if not 0 <= axis < len(value.shape) or value.shape[axis] != value.order.size:
        return None
    gain, offset = value.function.gain, value.function.offset
    if gain is None or offset is None or gain[0] <= 0:
        return None
    if np.any(gain != gain[0]):
        return None
    apart = (offset - offset[0]) / gain[0]
    steps = np.rint(apart)
    # Offsets are sums of products that round; steps of one scale come out whole but for that.
    if np.any(np.abs(apart - steps) > _NEAR) or np.abs(steps).max() > _MOST_STEPS:
        return None
    if np.any(steps):
        value = _moved_apart(state.builder, value, steps.astype(np.int64))
    return as_vector(state.builder, value, label).base


def _moved_apart(builder: GraphBuilder, value: Symbolic, steps: np.ndarray) -> Symbolic:
    """``value`` over integers that hold what the channels' offsets differ by."""
    bounds = builder.ranges[value.base]
    otype = IntType(int((bounds.lo + steps).min()), int((bounds.hi + steps).max()))
    one, zero = np.ones(1, np.int64), np.zeros(1, np.int64)
    name = builder.fresh(f"{value.base}_offset")
    builder.add(Rescale(name, (value.base,), (name,), one, steps, zero, "floor", otype))
    gain, offset = value.function.gain, value.function.offset
    assert gain is not None
    assert offset is not None
    same = np.repeat(offset[:1], offset.size)
    return builder.symbol(name, value.shape, value.order, gain, same)


def _indices(state: Lowering, tensor: str, shape: tuple[int, ...], source: str) -> Symbolic:
    count = state.builder.types[tensor].size
    one, zero = np.ones(count), np.zeros(count)
    result = state.builder.symbol(tensor, shape, np.arange(count), one, zero)
    state.builder.origin[tensor] = (source, result)
    return result


def _negated(state: Lowering, tensor: str) -> str:
    """``-x``: the smallest becomes the largest."""
    bounds = state.builder.types[tensor].dtype
    otype = IntType(-bounds.hi, -bounds.lo)
    minus, zero = -np.ones(1, np.int64), np.zeros(1, np.int64)
    name = state.builder.fresh(f"{tensor}_negative")
    return state.builder.add(Rescale(name, (tensor,), (name,), minus, zero, zero, "floor", otype))


@handles("ArgMax", "ArgMin")
def _argmax(state: Lowering, node: Node) -> Value:
    before = _before(state, node)
    steps, shape = arg_steps(node, before.shape)
    if isinstance(before, OnHost):
        return _single(continued_on_host(state, node))[0]
    value = materialised(state, before, node)
    builder = state.builder
    tensor = _ranked(state, value, node.integer("axis", 0) % len(value.shape), node.label)
    if tensor is None:
        _note(state, node, value)
        result: Symbolic | OnHost = value
        for step in steps[:-1]:
            result = on_host(state, node, result, step, value.shape)
        return on_host(state, node, result, steps[-1], shape)
    if node.op == "ArgMin":
        tensor = _negated(state, tensor)
    count = builder.types[tensor].size
    last = bool(node.integer("select_last_index", 0))
    if last:  # the first of the reversed vector
        name = builder.fresh(f"{tensor}_reversed")
        order = np.arange(count)[::-1].copy()
        tensor = builder.add(Shuffle(name, (tensor,), (name,), order))
    name = builder.fresh(node.name or node.op)
    builder.add(ArgMax(name, (tensor,), (name,)))
    if last:
        minus, zero = -np.ones(1, np.int64), np.zeros(1, np.int64)
        turned, otype = builder.fresh(f"{name}_last"), IntType(0, max(count - 1, 1))
        end = np.full(1, count - 1, np.int64)
        back: Op = Rescale(turned, (name,), (turned,), minus, end, zero, "floor", otype)
        name = builder.add(back)
    return _indices(state, name, shape, node.outputs[0])


@handles("TopK")
def _top_k(state: Lowering, node: Node) -> tuple[Value, ...]:
    """The values are picked by the host; the indices are hardware's where that is possible."""
    given = state.values[node.inputs[0]]
    if isinstance(given, OnHost):
        values, indices = _single(continued_on_host(state, node))
    else:
        raw = materialised(state, state.symbolic(node), node)
        count = int(state.required(node, 1).value.reshape(-1)[0])
        steps = top_steps(node, raw.shape, count)
        values = on_host(state, node, raw, steps[0], steps[2])
        indices = on_host(state, node, raw, steps[1], steps[2])
    wanted = len(node.outputs) > 1 and bool(node.outputs[1])
    before = _before(state, node)
    if not wanted or not isinstance(before, Symbolic):
        return (values, indices)
    value = materialised(state, before, node)
    tensor = _ranked(state, value, node.integer("axis", -1) % len(value.shape), node.label)
    if tensor is None:
        _note(state, node, value)
        return (values, indices)
    if not node.integer("largest", 1):
        tensor = _negated(state, tensor)
    shape = values.shape
    size = int(np.prod(shape))
    if size > 1 and not node.integer("sorted", 1):
        state.builder.notes.append(
            f"{node.label} leaves the order of its results open (sorted=0): here they are sorted,"
            " another runtime may give the same ones in another order"
        )
    name = state.builder.fresh(node.name or node.op)
    state.builder.add(TopK(name, (tensor,), (name,), size))
    return (values, _indices(state, name, shape, node.outputs[1]))


def _single(result: Value | Sequence[Value | None]) -> tuple[OnHost, ...]:
    items = result if isinstance(result, Sequence) else (result,)
    assert all(isinstance(item, OnHost) for item in items)
    return tuple(item for item in items if isinstance(item, OnHost))


def _note(state: Lowering, node: Node, value: Symbolic) -> None:
    state.builder.notes.append(
        f"{node.label} runs on the host: it is not over one vector {value.shape} whose integers"
        " share one scale and offset"
    )
