"""Pads move behind the functions of single elements that read them.

A Pad commutes with every function of one element: ``f(pad(x, v)) = pad(f(x), f(v))``. Behind
a quantizer the border is a level of a quantized tensor, which the next window takes as its
own padding; in front of it, on the raw input or an accumulator, no integer may stand for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from hwcompress.errors import HwcompressError
from hwcompress.frontend.canonical.context import Context
from hwcompress.frontend.elementwise import UNARY
from hwcompress.frontend.float64 import QUANTIZERS, evaluate_node
from hwcompress.frontend.malformed import MALFORMED
from hwcompress.frontend.onnx_model import Node

__all__ = ["with_pads_behind"]

_TWO = frozenset({"Add", "Div", "Max", "Min", "Mul", "Pow", "PRelu", "Sub"})
_ONE = frozenset(
    {"Cast", "Clip", "DequantizeLinear", "Dropout", "Identity", "QuantizeLinear", *UNARY}
)
_ELEMENTWISE = _TWO | _ONE | QUANTIZERS


def with_pads_behind(
    nodes: Iterable[Node], outputs: tuple[str, ...], context: Context
) -> list[Node]:
    """Move every Pad behind the functions of single elements that read it.

    Args:
        nodes: canonical nodes in order, which the context has.
        outputs: of the model.
        context: of the model.
    """
    moved: list[Node] = []
    pads: dict[str, Node] = {}  # padded tensor -> its Pad
    for node in nodes:
        try:
            parts = _behind(node, pads, context)
        except (HwcompressError, *MALFORMED):
            parts = [node]
        moved.extend(parts)
        for part in parts:
            if part.op == "Pad" and len(part.inputs) > 0:
                pads[part.outputs[0]] = part
    read = {*outputs}
    kept: list[Node] = []
    for node in reversed(moved):
        if node.op == "Pad" and node.outputs[0] not in read:
            continue
        read.update(node.inputs)
        kept.append(node)
    return kept[::-1]


def _behind(node: Node, pads: dict[str, Node], context: Context) -> list[Node]:
    """The node on what is inside of a padded input, and the Pad; or the node as it is."""
    places = [place for place, name in enumerate(node.inputs) if name in pads]
    if len(places) != 1 or any(node.outputs[1:]):
        return [node]
    (place,) = places
    pad = pads[node.inputs[place]]
    if node.op == "Transpose":
        return _transposed(node, pad, context)
    if node.op not in _ELEMENTWISE or (place > 0 and node.op not in _TWO):
        return [node]
    others = [context.constant(name) if name else None for name in node.inputs]
    rank = _rank(pad, context)
    for at, (name, item) in enumerate(zip(node.inputs, others, strict=True)):
        if name and at != place and (item is None or item.size != 1 or item.ndim > rank):
            return [node]
    changed = _padded_again(node, pad, place, others, context)
    return [node] if changed is None else changed


def _rank(pad: Node, context: Context) -> int:
    """Axes of the padded tensor, as far as the Pad tells."""
    shape = context.shape(pad.inputs[0])
    if shape is not None:
        return len(shape)
    stated = _pads(pad, context)
    axes = len(pad.inputs) > 3 and pad.inputs[3]
    return 0 if stated is None or axes else len(stated) // 2


def _pads(pad: Node, context: Context) -> tuple[int, ...] | None:
    if pad.opset < 11:
        return pad.integers("pads")
    array = context.constant(pad.inputs[1]) if len(pad.inputs) > 1 and pad.inputs[1] else None
    return None if array is None else tuple(int(item) for item in array.reshape(-1))


def _value(pad: Node, context: Context) -> float | None:
    """The value around a tensor; ``None`` if it is computed."""
    if pad.opset < 11:
        return pad.number("value", 0.0)
    if len(pad.inputs) < 3 or not pad.inputs[2]:
        return 0.0
    array = context.constant(pad.inputs[2])
    return None if array is None or array.size != 1 else float(array.reshape(()))


def _padded_again(
    node: Node, pad: Node, place: int, others: list[np.ndarray | None], context: Context
) -> list[Node] | None:
    result = context.fresh(f"{node.outputs[0]}_inside")
    inputs = list(node.inputs)
    inputs[place] = pad.inputs[0]
    inner = replace(node, inputs=tuple(inputs), outputs=(result,), source=node.label)
    around = replace(pad, outputs=(node.outputs[0],), source=pad.label)
    around = replace(around, inputs=(result, *pad.inputs[1:]))
    if pad.text("mode", "constant") == "constant":
        before = _value(pad, context)
        if before is None:
            return None
        arrays = list(others)
        arrays[place] = np.array(before)
        try:
            with np.errstate(all="ignore"):
                after = float(evaluate_node(node, arrays).reshape(()))
        except (HwcompressError, *MALFORMED):
            return None
        if not np.isfinite(after):
            return None
        around = _with_value(around, after, context)
    return [inner, around]


def _with_value(pad: Node, value: float, context: Context) -> Node:
    if pad.opset < 11:
        return replace(pad, attributes={**pad.attributes, "value": value})
    name = context.add_constant(f"{pad.outputs[0]}_value", np.array(value))
    inputs = (*pad.inputs, "", "")
    return replace(pad, inputs=(*inputs[:2], name, *pad.inputs[3:]))


def _transposed(node: Node, pad: Node, context: Context) -> list[Node]:
    stated = _pads(pad, context)
    if stated is None or (len(pad.inputs) > 3 and pad.inputs[3]) or pad.opset < 11:
        return [node]
    rank = len(stated) // 2
    perm = node.integers("perm", tuple(reversed(range(rank))))
    if sorted(perm) != list(range(rank)) or len(stated) != 2 * rank:
        return [node]
    result = context.fresh(f"{node.outputs[0]}_inside")
    pads = np.array([*(stated[i] for i in perm), *(stated[rank + i] for i in perm)], np.int64)
    name = context.add_constant(f"{node.outputs[0]}_pads", pads)
    inner = replace(node, inputs=(pad.inputs[0],), outputs=(result,), source=node.label)
    inputs = (result, name, *pad.inputs[2:])
    return [inner, replace(pad, inputs=inputs, outputs=node.outputs[:1], source=pad.label)]
