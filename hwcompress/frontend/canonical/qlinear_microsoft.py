"""onnxruntime's own operators on integers (domain ``com.microsoft``)."""

from __future__ import annotations

from dataclasses import replace

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.canonical.context import Context
from hwcompress.frontend.canonical.expand import expands
from hwcompress.frontend.canonical.linear import MICROSOFT, quantized
from hwcompress.frontend.canonical.qlinear import around
from hwcompress.frontend.onnx_model import Node

__all__: list[str] = []

_TWO = {"QLinearAdd": "Add", "QLinearMul": "Mul"}
_ONE = {"QLinearLeakyRelu": "LeakyRelu", "QLinearSigmoid": "Sigmoid"}


@expands(*_TWO, domain=MICROSOFT)
def _two(node: Node, context: Context) -> list[Node]:
    operands = [quantized(node, context, (0, 1, 2)), quantized(node, context, (3, 4, 5))]
    return around(node, context, _TWO[node.op], operands, (6, 7))


@expands(*_ONE, domain=MICROSOFT)
def _one(node: Node, context: Context) -> list[Node]:
    return around(node, context, _ONE[node.op], [quantized(node, context, (0, 1, 2))], (3, 4))


@expands("QLinearSoftmax", domain=MICROSOFT)
def _softmax(node: Node, context: Context) -> list[Node]:
    """Softmax as in the opset that it names."""
    opset = node.integer("opset", 13)
    nodes = around(
        node, context, "Softmax", [quantized(node, context, (0, 1, 2))], (3, 4), drop=("opset",)
    )
    return [replace(item, opset=opset) if item.op == "Softmax" else item for item in nodes]


@expands("QLinearConcat", domain=MICROSOFT)
def _concat(node: Node, context: Context) -> list[Node]:
    """Scale and zero point of the output come first, then three inputs for each operand."""
    count = len(node.inputs) - 2
    if count < 3 or count % 3:
        raise UnsupportedError(
            f"{len(node.inputs)} inputs, not 2 and 3 for each operand", where=node.label
        )
    operands = [quantized(node, context, (i, i + 1, i + 2)) for i in range(2, count + 2, 3)]
    return around(node, context, "Concat", operands, (0, 1))


@expands("QLinearAveragePool", "QLinearGlobalAveragePool", domain=MICROSOFT)
def _average(node: Node, context: Context) -> list[Node]:
    x = quantized(node, context, (0, 1, 2))
    rank = None
    if node.integer("channels_last", 0):
        shape, window = context.shape(x.tensor), node.integers("kernel_shape")
        rank = len(window) + 2 if window else None if shape is None else len(shape)
        if rank is None:
            raise UnsupportedError("the rank of its input is not known", where=node.label)
    op = node.op.removeprefix("QLinear")
    return around(node, context, op, [x], (3, 4), drop=("channels_last",), rank=rank)


@expands("QLinearReduceMean", domain=MICROSOFT)
def _mean(node: Node, context: Context) -> list[Node]:
    """Its axes are an attribute, as before opset 18."""
    nodes = around(node, context, "ReduceMean", [quantized(node, context, (0, 1, 2))], (3, 4))
    return [replace(item, opset=13) if item.op == "ReduceMean" else item for item in nodes]
