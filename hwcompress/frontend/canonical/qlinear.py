"""Operators on integers as DequantizeLinear, the real operator, QuantizeLinear.

A bias of integers has the scale of the products: ``x_scale * w_scale``, exactly. onnxruntime's
kernels round that product, and the requantized sum, to float32; they differ from exact
arithmetic only where a value lies that close to a rounding tie.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwcompress.frontend.canonical.channels_last import channels_first, channels_last
from hwcompress.frontend.canonical.context import Context
from hwcompress.frontend.canonical.expand import expands
from hwcompress.frontend.canonical.linear import (
    MICROSOFT,
    Quantized,
    dequantize,
    quantize,
    quantized,
)
from hwcompress.frontend.onnx_model import Node

__all__ = ["around"]


def around(
    node: Node,
    context: Context,
    op: str,
    operands: list[Quantized],
    output: tuple[int, int] | None,
    *,
    more: tuple[str, ...] = (),
    drop: tuple[str, ...] = (),
    rank: int | None = None,
) -> list[Node]:
    """The real operator ``op`` between DequantizeLinear and QuantizeLinear.

    Args:
        node: what is expanded; ``op`` takes its attributes but ``drop``.
        context: of the model.
        op: a standard operator.
        operands: integers that it reads.
        output: places of the output's scale and zero point; ``None``: the output is real.
        more: further inputs of ``op``.
        drop: attributes of ``node`` alone.
        rank: axes of the first operand, if it is channels last.
    """
    nodes, names = [], []
    for item in operands:
        part, name = dequantize(context, item)
        nodes.append(part)
        names.append(name)
    real = node.outputs[0] if output is None else context.fresh(f"{node.outputs[0]}_real")
    result = real
    if rank is not None:
        first = context.fresh(f"{names[0]}_channels_first")
        nodes.append(_moved(node, names[0], first, channels_first(rank)))
        names[0], result = first, context.fresh(f"{real}_channels_first")
    attributes = {key: item for key, item in node.attributes.items() if key not in drop}
    nodes.append(
        replace(
            node,
            op=op,
            domain="",
            inputs=(*names, *more),
            outputs=(result,),
            attributes=attributes,
        )
    )
    if rank is not None:
        nodes.append(_moved(node, result, real, channels_last(rank)))
    if output is not None:
        nodes.append(quantize(node, context, real, *output, like=operands[0]))
    return nodes


def _moved(node: Node, source: str, target: str, perm: tuple[int, ...]) -> Node:
    return Node("Transpose", node.name, "", (source,), (target,), {"perm": perm}, node.opset)


def _bias(node: Node, place: int, first: Quantized, second: Quantized) -> list[Quantized]:
    """The bias of integers at a place of the inputs, if it is there."""
    if place >= len(node.inputs) or not node.inputs[place]:
        return []
    scale = np.asarray(first.scale, np.float64).reshape(-1) * np.asarray(second.scale, np.float64)
    scale = scale.reshape(()) if scale.size == 1 else scale.reshape(-1)
    return [Quantized(node, node.inputs[place], scale, None, -1)]


@expands("QLinearConv")
@expands("QLinearConv", domain=MICROSOFT)
def _conv(node: Node, context: Context) -> list[Node]:
    x, weight = quantized(node, context, (0, 1, 2)), quantized(node, context, (3, 4, 5), axis=0)
    shape = context.shape(weight.tensor) if node.integer("channels_last", 0) else None
    operands = [x, weight, *_bias(node, 8, x, weight)]
    return around(
        node,
        context,
        "Conv",
        operands,
        (6, 7),
        drop=("channels_last",),
        rank=None if shape is None else len(shape),
    )


@expands("QLinearMatMul")
def _matmul(node: Node, context: Context) -> list[Node]:
    operands = [
        quantized(node, context, (0, 1, 2), axis=-2),  # a scale for each row
        quantized(node, context, (3, 4, 5), axis=-1),  # a scale for each column
    ]
    return around(node, context, "MatMul", operands, (6, 7))


def _unscaled(node: Node, context: Context, place: int, zero: int, axis: int) -> Quantized:
    """An operand of an operator that subtracts the zero point and scales nothing."""
    one = context.add_constant("one", np.ones((), np.float32))
    full = [*node.inputs, *[""] * (zero + 1 - len(node.inputs)), one]
    asked = replace(node, inputs=tuple(full))
    return quantized(asked, context, (place, len(full) - 1, zero), axis)


@expands("ConvInteger")
def _conv_integer(node: Node, context: Context) -> list[Node]:
    operands = [_unscaled(node, context, 0, 2, 1), _unscaled(node, context, 1, 3, 0)]
    return around(node, context, "Conv", _spread_scales(operands), None)


@expands("MatMulInteger")
def _matmul_integer(node: Node, context: Context) -> list[Node]:
    operands = [_unscaled(node, context, 0, 2, -2), _unscaled(node, context, 1, 3, -1)]
    return around(node, context, "MatMul", _spread_scales(operands), None)


def _spread_scales(operands: list[Quantized]) -> list[Quantized]:
    """A scale for every zero point."""
    for item in operands:
        if item.zero is not None and item.zero.size > 1:
            item.scale = np.ones(item.zero.shape, np.float32)
    return operands


@expands("QGemm", domain=MICROSOFT)
def _gemm(node: Node, context: Context) -> list[Node]:
    """Its bias has the scale of the products, ``alpha`` included."""
    a = quantized(node, context, (0, 1, 2))
    b = quantized(node, context, (3, 4, 5), axis=0 if node.integer("transB", 0) else 1)
    bias = _bias(node, 6, a, b)
    for item in bias:
        item.scale = item.scale * node.number("alpha", 1.0)
    real = len(node.inputs) <= 7 or not node.inputs[7]
    return around(node, context, "Gemm", [a, b, *bias], None if real else (7, 8))
