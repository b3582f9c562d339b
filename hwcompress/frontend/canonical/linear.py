"""QuantizeLinear and DequantizeLinear in one form, and the parts that QLinear operators become.

In the canonical form the zero point is given, scale and zero point are known, and the
QuantizeLinear states its ``output_dtype``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from onnx import TensorProto

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.canonical.context import Context
from hwcompress.frontend.canonical.expand import expands
from hwcompress.frontend.linear_quantizer import element_type, int_type_of
from hwcompress.frontend.onnx_model import Node

__all__ = ["MICROSOFT", "Quantized", "dequantize", "known", "quantize", "quantized"]

MICROSOFT = "com.microsoft"
_STATIC = (
    "quantize statically, with calibration data: onnxruntime.quantization.quantize_static"
    " instead of quantize_dynamic"
)


class Quantized:
    """A tensor of integers in a node's inputs, and what they stand for.

    Args:
        node: the node.
        tensor: the tensor's name; empty if it is left out.
        scale, zero: values; one, or one for each position along ``axis``.
        axis: the axis of scales per channel.
    """

    def __init__(
        self, node: Node, tensor: str, scale: np.ndarray, zero: np.ndarray | None, axis: int
    ) -> None:
        self.node = node
        self.tensor = tensor
        self.scale = scale
        self.zero = zero
        self.axis = axis


def known(node: Node, context: Context, name: str, what: str) -> np.ndarray:
    """The value of a quantization parameter.

    Raises:
        UnsupportedError: it is computed.
    """
    value = context.constant(name)
    if value is None:
        raise UnsupportedError(
            f"its {what} {name!r} is computed from the data",
            where=node.label,
            why="dynamic quantization chooses scales for each sample; hardware has fixed ones",
            remedy=_STATIC,
        )
    return value


def quantized(
    node: Node, context: Context, places: tuple[int, int, int], axis: int = 1
) -> Quantized:
    """The tensor, scale and zero point at these places of a node's inputs."""
    names = [node.inputs[i] if i < len(node.inputs) else "" for i in places]
    if not names[0] or not names[1]:
        missing = places[0] if not names[0] else places[1]
        raise UnsupportedError(f"input {missing} is missing", where=node.label)
    scale = known(node, context, names[1], "scale")
    zero = known(node, context, names[2], "zero point") if names[2] else None
    return Quantized(node, names[0], scale, zero, axis)


def dequantize(context: Context, item: Quantized) -> tuple[Node, str]:
    """A DequantizeLinear of an input, and the name of its result."""
    node = item.node
    zero = np.zeros((), np.int32) if item.zero is None else item.zero
    output = context.fresh(f"{item.tensor}_real")
    inputs = (
        item.tensor,
        context.add_constant(f"{item.tensor}_scale", item.scale),
        context.add_constant(f"{item.tensor}_zero", zero),
    )
    attributes = {"axis": item.axis}
    return Node(
        "DequantizeLinear", node.name, "", inputs, (output,), attributes, node.opset
    ), output


def quantize(
    node: Node, context: Context, source: str, scale: int, zero: int, like: Quantized | None = None
) -> Node:
    """A QuantizeLinear from ``source`` to the node's output.

    Args:
        node: the node.
        context: of the model.
        source: a tensor of real numbers.
        scale, zero: places of both among the node's inputs.
        like: an input that has the output's type, where no zero point tells it.
    """
    result = quantized(node, context, (scale, scale, zero))
    offset = result.zero
    if offset is None and like is not None and like.zero is not None:
        offset = np.zeros((), like.zero.dtype)
    if offset is None:
        raise UnsupportedError(
            "it states no zero point of its output, from which its type would follow",
            where=node.label,
            remedy="give the zero point, 0 for instance",
        )
    element = _element(node, offset)
    inputs = (
        source,
        context.add_constant(f"{node.outputs[0]}_scale", result.scale),
        context.add_constant(f"{node.outputs[0]}_zero", offset),
    )
    attributes = {"axis": 1, "output_dtype": element}
    return Node("QuantizeLinear", node.name, "", inputs, node.outputs[:1], attributes, node.opset)


def _element(node: Node, zero: np.ndarray) -> int:
    element = element_type(zero)
    if element is None:
        raise UnsupportedError(
            f"its zero point is {zero.dtype}: it does not quantize to integers",
            where=node.label,
            remedy="quantize to int8 or uint8 (float8 has no integer hardware here)",
        )
    return element


def _unblocked(node: Node, context: Context) -> None:
    scale = context.shape(node.inputs[1])
    if node.integer("block_size", 0) or (scale is not None and len(scale) > 1):
        raise UnsupportedError(
            f"blocked quantization (block_size {node.integer('block_size', 0)}, scales of shape"
            f" {scale})",
            where=node.label,
            why="the terms of one sum would have different scales",
            remedy="quantize per tensor, or per output channel",
        )


@expands("QuantizeLinear")
def _quantize_linear(node: Node, context: Context) -> list[Node]:
    if len(node.inputs) < 2:
        raise UnsupportedError("it has no scale", where=node.label)
    _unblocked(node, context)
    known(node, context, node.inputs[1], "scale")
    stated = node.integer("output_dtype", 0)
    if len(node.inputs) > 2 and node.inputs[2]:
        zero = known(node, context, node.inputs[2], "zero point")
        # A zero point may have been computed in other types; what is stated is right.
        element = stated or _element(node, zero)
        if stated:
            return [node]
        return [replace(node, attributes={**node.attributes, "output_dtype": element})]
    element = stated or TensorProto.UINT8
    if int_type_of(element) is None:
        raise UnsupportedError(
            f"it quantizes to the ONNX type {element}, no integers",
            where=node.label,
            remedy="quantize to int8 or uint8",
        )
    name = context.add_constant(f"{node.outputs[0]}_zero", np.zeros((), np.int32))
    attributes = {**node.attributes, "output_dtype": element}
    return [replace(node, inputs=(*node.inputs[:2], name), attributes=attributes)]


@expands("DequantizeLinear")
def _dequantize_linear(node: Node, context: Context) -> list[Node]:
    if len(node.inputs) < 2:
        raise UnsupportedError("it has no scale", where=node.label)
    _unblocked(node, context)
    known(node, context, node.inputs[1], "scale")
    if len(node.inputs) > 2 and node.inputs[2]:
        known(node, context, node.inputs[2], "zero point")
        return [node]
    name = context.add_constant(f"{node.outputs[0]}_zero", np.zeros((), np.int32))
    return [replace(node, inputs=(*node.inputs[:2], name))]


@expands("QuantizeLinear", "DequantizeLinear", domain=MICROSOFT)
def _microsoft(node: Node, _: Context) -> list[Node]:
    """The same operators, in onnxruntime's domain for the types that came later to ONNX."""
    return [replace(node, domain="")]


@expands("DynamicQuantizeLinear")
def _dynamic(node: Node, _: Context) -> list[Node]:
    raise UnsupportedError(
        "dynamic quantization",
        where=node.label,
        why="it chooses scales for each sample; hardware has fixed ones",
        remedy=_STATIC,
    )


@expands("DynamicQuantizeMatMul", "MatMulIntegerToFloat", "DynamicQuantizeLSTM", domain=MICROSOFT)
def _dynamic_fused(node: Node, context: Context) -> list[Node]:
    return _dynamic(node, context)
