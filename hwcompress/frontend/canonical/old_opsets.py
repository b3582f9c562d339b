"""Forms of operators that old opsets have, as those of today.

Up to opset 6 two operands broadcast by an attribute, and a Reshape has its shape in one;
Tile, TopK, Upsample, Cast and BatchNormalization changed later or at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from onnx import TensorProto

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.canonical.context import Context
from hwcompress.frontend.onnx_model import Node

__all__ = ["today"]

_BROADCASTING = 7  # two operands broadcast as in numpy since
_OPERANDS = frozenset("Add And Div Equal Greater Less Mul Or Pow Sub Xor".split())
# Attributes without a meaning for the result.
_IDLE = frozenset({"consumed_inputs", "is_test", "momentum", "spatial"})

Form = Callable[[Node, Context], list[Node]]


def today(node: Node, context: Context) -> list[Node]:
    """The node, or what stands for it, as opset 7 or later would write it."""
    if node.domain not in ("", "ai.onnx"):
        return [node]
    form = _FORMS.get(node.op)
    if node.opset < _BROADCASTING and node.op in _OPERANDS:
        form = _operands
    nodes = [node] if form is None else form(node, context)
    if node.opset >= _BROADCASTING:
        return nodes
    return [
        replace(
            item,
            opset=_BROADCASTING,
            attributes={key: value for key, value in item.attributes.items() if key not in _IDLE},
            source=item.label,
        )
        for item in nodes
    ]


def _without(node: Node, *names: str) -> Node:
    kept = {key: value for key, value in node.attributes.items() if key not in names}
    return replace(node, attributes=kept)


def _constant(context: Context, node: Node, what: str, values: object) -> str:
    return context.add_constant(f"{node.outputs[0]}_{what}", np.asarray(values))


def _operands(node: Node, context: Context) -> list[Node]:
    """The second operand lies along the axes from ``axis`` on, or along the last ones."""
    plain = _without(node, "axis", "broadcast")
    if not node.integer("broadcast", 0) or "axis" not in node.attributes:
        return [plain]
    first, second = (context.shape(name) for name in node.inputs)
    if first is None or second is None:
        raise UnsupportedError(
            "the shapes of its operands are not known",
            where=node.label,
            remedy="convert the model to opset 7 with onnx.version_converter",
        )
    axis = node.integer("axis", 0)
    axis = axis + len(first) if axis < 0 else axis
    behind = len(first) - axis - len(second)
    if axis < 0 or behind < 0:
        raise UnsupportedError(f"{second} along axis {axis} of {first}", where=node.label)
    if not behind:
        return [plain]
    shape = _constant(context, node, "shape", np.array((*second, *(1,) * behind), np.int64))
    wide = context.fresh(f"{node.inputs[1]}_wide")
    spread = Node("Reshape", node.name, "", (node.inputs[1], shape), (wide,), {}, _BROADCASTING)
    return [spread, replace(plain, inputs=(node.inputs[0], wide))]


def _reshape(node: Node, context: Context) -> list[Node]:
    if len(node.inputs) > 1 or "shape" not in node.attributes:
        return [node]
    shape = _constant(context, node, "shape", np.array(node.integers("shape"), np.int64))
    return [replace(_without(node, "shape"), inputs=(node.inputs[0], shape))]


def _tile(node: Node, context: Context) -> list[Node]:
    """Opset 1 repeats one axis: its inputs are the number of times, and the axis."""
    if node.opset >= 6 or len(node.inputs) < 3:
        return [node]
    shape = context.shape(node.inputs[0])
    times, axis = (context.constant(name) for name in node.inputs[1:3])
    if shape is None or times is None or axis is None:
        raise UnsupportedError("its shape or its constants are not known", where=node.label)
    repeats = np.ones(len(shape), np.int64)
    repeats[int(axis.reshape(-1)[0])] = int(times.reshape(-1)[0])
    name = _constant(context, node, "repeats", repeats)
    return [replace(node, inputs=(node.inputs[0], name))]


def _top_k(node: Node, context: Context) -> list[Node]:
    if len(node.inputs) > 1 or "k" not in node.attributes:
        return [node]
    count = _constant(context, node, "k", np.array([node.integer("k", 1)], np.int64))
    return [replace(_without(node, "k"), inputs=(node.inputs[0], count))]


def _upsample(node: Node, context: Context) -> list[Node]:
    if "height_scale" not in node.attributes:
        return [node]
    pair = (node.number("height_scale", 1.0), node.number("width_scale", 1.0))
    plain = _without(node, "height_scale", "width_scale")
    return [replace(plain, attributes={**plain.attributes, "scales": (1.0, 1.0, *pair)})]


def _cast(node: Node, context: Context) -> list[Node]:
    """Up to opset 5 the type is named."""
    to = node.attributes.get("to")
    if not isinstance(to, str):
        return [node]
    if to.upper() not in TensorProto.DataType.keys():  # noqa: SIM118 - an enumeration
        raise UnsupportedError(f"a cast to {to!r}", where=node.label)
    kind = int(TensorProto.DataType.Value(to.upper()))
    return [replace(node, attributes={**node.attributes, "to": kind})]


def _concat(node: Node, context: Context) -> list[Node]:
    if "axis" in node.attributes or node.opset >= 4:
        return [node]
    return [replace(node, attributes={**node.attributes, "axis": 1})]


def _prelu(node: Node, context: Context) -> list[Node]:
    """Up to opset 6 a slope for each channel is a plain vector."""
    slope, shape = context.constant(node.inputs[1]), context.shape(node.inputs[0])
    if node.opset >= _BROADCASTING or slope is None or slope.size == 1 or shape is None:
        return [node]
    wide = slope.reshape(-1, *(1,) * (len(shape) - 2))
    return [replace(node, inputs=(node.inputs[0], _constant(context, node, "slope", wide)))]


def _batch_norm(node: Node, context: Context) -> list[Node]:
    """Up to opset 8 there may be parameters for every element."""
    if node.opset >= 9 or node.integer("spatial", 1):
        return [node]
    values = [context.constant(name) for name in node.inputs[1:5]]
    if any(item is None for item in values):
        raise UnsupportedError("its parameters are not constants", where=node.label)
    gamma, beta, mean, variance = (np.asarray(item, np.float64) for item in values)
    with np.errstate(all="ignore"):
        gain = gamma / np.sqrt(variance + node.number("epsilon", 1e-5))
        offset = beta - mean * gain
    product = context.fresh(f"{node.outputs[0]}_scaled")
    names = [_constant(context, node, "gain", gain), _constant(context, node, "offset", offset)]
    opset = max(node.opset, _BROADCASTING)
    return [
        Node("Mul", node.name, "", (node.inputs[0], names[0]), (product,), {}, opset),
        Node("Add", node.name, "", (product, names[1]), node.outputs[:1], {}, opset),
    ]


_FORMS: dict[str, Form] = {
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Concat": _concat,
    "Gemm": lambda node, _: [_without(node, "broadcast")],
    "PRelu": _prelu,
    "Reshape": _reshape,
    "Tile": _tile,
    "TopK": _top_k,
    "Upsample": _upsample,
}
