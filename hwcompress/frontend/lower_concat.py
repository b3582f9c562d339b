"""Concat: tensors side by side along any axis but the batch."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.function import concatenated
from hwcompress.frontend.lower_constant import as_branch, uniform_affines
from hwcompress.frontend.lower_input import materialised
from hwcompress.frontend.lowering import Lowering, handles
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.select import Axis, along, block, channel_sources, like, note_origin
from hwcompress.frontend.values import Constant, Symbolic, Value
from hwcompress.ir import Concat

__all__: list[str] = []


@handles("Concat")
def _concat(state: Lowering, node: Node) -> Value:
    values = _branches(state, node)
    if len(values) == 1:
        return values[0]
    axis = _axis(node, [item.shape for item in values])
    items = _side_by_side(state, node, values, axis)
    builder, count = state.builder, sum(item.count for item in items)
    name = builder.fresh(node.name or node.op)
    builder.add(Concat(name, _blocks(state, items), (name,)))
    result = _joined(state, items, name, count)
    note_origin(builder, node.outputs[0], result)
    return result


def _branches(state: Lowering, node: Node) -> list[Symbolic]:
    """All inputs as tensors of the graph, the constants among them, too."""
    given = [state.values[name] for name in node.inputs]
    computed = {
        index: materialised(state, state.symbolic(node, index), node)
        for index, item in enumerate(given)
        if not isinstance(item, Constant)
    }
    affines = uniform_affines(computed.values())
    return [
        as_branch(state.builder, item, item.value.shape, node.label, affines)
        if isinstance(item, Constant)
        else computed[index]
        for index, item in enumerate(given)
    ]


def _axis(node: Node, shapes: list[tuple[int, ...]]) -> int:
    rank = len(shapes[0])
    axis = node.integer("axis", 1)
    axis = axis + rank if axis < 0 else axis
    rest = {(len(shape), *shape[:axis], *shape[axis + 1 :]) for shape in shapes}
    if not 0 <= axis < rank or len(rest) > 1:
        raise UnsupportedError(
            f"a concatenation of {', '.join(map(str, shapes))} along axis {axis}",
            where=node.label,
            remedy="concatenate tensors that differ in the length of that axis alone",
        )
    return axis


def _side_by_side(state: Lowering, node: Node, values: list[Symbolic], axis: int) -> list[Axis]:
    """The inputs in layouts that differ in the length of the axis alone."""
    for fixed in (False, True):
        items = [along(state.builder, item, axis, node.label, fixed) for item in values]
        inner = max(items, key=lambda item: item.count).inner
        items = [item.widened(inner) for item in items]
        first = items[0]
        if all(
            (item.outer, item.inner) == (first.outer, inner)
            and np.array_equal(item.frame, first.frame)
            for item in items
        ):
            return items
    raise UnsupportedError(
        f"tensors of {', '.join(str(item.shape) for item in values)} in different orders",
        where=node.label,
    )


def _blocks(state: Lowering, items: list[Axis]) -> tuple[str, ...]:
    """The tensors side by side: all with the same positions, a vector beside an image of one."""
    builder = state.builder
    names = [block(builder, item) for item in items]
    if len({builder.types[name].shape[:-1] for name in names}) == 1:
        return tuple(names)
    widths = [item.count * item.inner for item in items]
    return tuple(
        builder.reshape(name, (width,) if item.outer == 1 else (item.outer, width))
        for name, item, width in zip(names, items, widths, strict=True)
    )


def _joined(state: Lowering, items: list[Axis], name: str, count: int) -> Symbolic:
    """The functions of all parts, per channel where that is possible."""
    builder, first = state.builder, items[0]
    kinds = [builder.types[item.value.base] for item in items]
    starts = np.cumsum([0, *(kind.channels for kind in kinds)])
    parts = [
        (start + item.sources(np.arange(item.count)) % kind.channels).reshape(item.outer, -1)
        for item, kind, start in zip(items, kinds, starts[:-1], strict=True)
    ]
    sources = np.concatenate(parts, axis=1).reshape(-1)
    function = concatenated([item.value.function for item in items])
    natural = {like(kind.shape, item, count) for kind, item in zip(kinds, items, strict=True)}
    wanted = natural.pop() if len(natural) == 1 else None
    shape, into = channel_sources(function, wanted, sources)
    tensor = builder.reshape(name, shape)
    order = first.order(count)
    joined = function.rearranged(into)
    if joined.gain is not None and joined.offset is not None:
        return builder.symbol(tensor, first.shape(count), order, joined.gain, joined.offset)
    heads = [
        item.value.head.function
        for item in items
        if item.value.head is not None and item.value.head.head is None
    ]
    tails = [item.value.tail for item in items]
    head = None
    if len(heads) == len(items) and len(set(tails)) == 1:
        affine = concatenated(heads).rearranged(into)
        head = Symbolic(tensor, first.shape(count), order, affine)
    tail = tuple(dict.fromkeys(op for item in tails for op in item))
    return Symbolic(tensor, first.shape(count), order, joined, head, tail)
