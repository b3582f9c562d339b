"""Parts and joins of the model's raw inputs move behind the quantizer.

``f(concat(a, b)) = concat(f(a), f(b))`` for a function of single elements, and likewise for
everything that only takes, repeats or joins elements. Behind the quantizer these are
integers; in front of it a real-valued input would have to enter the graph as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import accumulate

import numpy as np
from onnx import TensorProto

from hwcompress.frontend.canonical.context import Context
from hwcompress.frontend.elementwise import UNARY
from hwcompress.frontend.float64 import QUANTIZERS
from hwcompress.frontend.onnx_model import Node, OnnxModel
from hwcompress.frontend.shapes import MOVES
from hwcompress.frontend.slices import split_sizes

__all__ = ["with_joins_behind"]

_CLOSING = QUANTIZERS | {"QuantizeLinear"}
_TWO = frozenset({"Add", "Div", "Max", "Min", "Mul", "Sub"})
_ONE = frozenset({"Clip", *UNARY})
_MOVING = MOVES | {"Transpose", "Identity", "Dropout"}
_JOINING = frozenset({"Concat", "Expand", "Gather", "Slice", "Split", "Tile"})
_REAL = frozenset({TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16})


def with_joins_behind(nodes: Iterable[Node], model: OnnxModel, context: Context) -> list[Node]:
    """Move what takes parts of raw inputs, or joins them, behind the quantizers.

    Args:
        nodes: canonical nodes in order, which the context has.
        model: as read, for its inputs and outputs.
        context: of the model.
    """
    raw = {name for name in model.inputs if model.input_types.get(name, 1) in _REAL}
    joins: dict[str, Node] = {}  # raw tensor that is no more than parts of others -> its maker
    moved: list[Node] = []
    for node in nodes:
        parts = _behind(node, joins, context)
        moved.extend(parts)
        for part in parts:
            data = _data(part)
            known = [name in raw or context.is_constant(name) for name in data]
            if not data or not all(known) or not any(name in raw for name in data):
                continue
            if part.op in _JOINING:
                joins.update(dict.fromkeys(part.outputs, part))
            still = part.op in _JOINING | _MOVING or _is_elementwise(part, 0, context)
            if still and part.op not in _CLOSING:
                raw.update(part.outputs)
    return _read(moved, model.outputs)


def _data(node: Node) -> tuple[str, ...]:
    """The inputs whose elements a node hands on."""
    return node.inputs if node.op == "Concat" else node.inputs[:1]


def _is_elementwise(node: Node, place: int, context: Context) -> bool:
    """Whether a node is a function of the elements of its input ``place`` alone, one for all."""
    single = node.op in _CLOSING | _ONE and place == 0
    fits = single or (node.op in _TWO and len(node.inputs) == 2)
    others = [name for at, name in enumerate(node.inputs) if name and at != place]
    values = [context.constant(name) for name in others]
    return fits and all(item is not None and item.size == 1 for item in values)


def _behind(node: Node, joins: dict[str, Node], context: Context) -> list[Node]:
    """The node on each part of a joined input, and the join; or the node as it is."""
    places = [place for place, name in enumerate(node.inputs) if name in joins]
    if len(places) != 1 or any(node.outputs[1:]):
        return [node]
    (place,) = places
    join = joins[node.inputs[place]]
    if not _is_elementwise(node, place, context) or not _keeps_rank(node, place, join, context):
        return [node]
    whole = _as_slice(join, node.inputs[place], context) if join.op == "Split" else join
    if whole is None:
        return [node]
    parts, changed = [], {}
    for name in dict.fromkeys(_data(whole)):
        result = context.fresh(f"{node.outputs[0]}_part")
        inputs = (*node.inputs[:place], name, *node.inputs[place + 1 :])
        parts.append(replace(node, inputs=inputs, outputs=(result,), source=node.label))
        changed[name] = result
    count = len(_data(whole))
    inputs = (*(changed[name] for name in whole.inputs[:count]), *whole.inputs[count:])
    return [*parts, replace(whole, inputs=inputs, outputs=node.outputs[:1], source=join.label)]


def _keeps_rank(node: Node, place: int, join: Node, context: Context) -> bool:
    """Whether no constant has more axes than the data."""
    shape = context.shape(_data(join)[0])
    others = [context.constant(name) for at, name in enumerate(node.inputs) if at != place and name]
    ranks = [item.ndim for item in others if item is not None]
    return node.op in _CLOSING or max(ranks, default=0) <= (1 if shape is None else len(shape))


def _as_slice(split: Node, output: str, context: Context) -> Node | None:
    """The part of a Split as a Slice."""
    shape = context.shape(split.inputs[0])
    given = context.constant(split.inputs[1]) if split.inputs[1:] and split.inputs[1] else None
    if shape is None:
        return None
    axis, sizes = split_sizes(split, shape, given)
    stops = list(accumulate(sizes))
    place = split.outputs.index(output)
    bounds = {"starts": stops[place] - sizes[place], "ends": stops[place], "axes": axis}
    sources: tuple[str, ...] = ()
    attributes = {}
    if split.opset < 10:
        attributes = {key: (value,) for key, value in bounds.items()}
    else:
        sources = tuple(
            context.add_constant(f"{output}_{key}", np.array([value], np.int64))
            for key, value in bounds.items()
        )
    return Node(
        "Slice", split.name, "", (split.inputs[0], *sources), (output,), attributes, split.opset
    )


def _read(nodes: list[Node], outputs: tuple[str, ...]) -> list[Node]:
    """Without the joins that nothing reads any more."""
    wanted = set(outputs)
    kept = []
    for node in reversed(nodes):
        if node.op in _JOINING | _CLOSING | _TWO | _ONE and not wanted & set(node.outputs):
            continue
        wanted.update(node.inputs)
        kept.append(node)
    return kept[::-1]
