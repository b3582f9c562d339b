"""QuantizeLinear and DequantizeLinear: parameters, integer types, and what they calculate.

Definitions: the ONNX operator pages, opsets 10 to 25. ``QuantizeLinear`` rounds first and adds
the zero point then: ``saturate(round_half_even(x / scale) + zero)``. In the canonical form of
both (:mod:`hwcompress.frontend.canonical.linear`) the zero point is given, scale and
zero point are constants, and ``output_dtype`` states the integers that come out.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.onnx_model import Node
from hwcompress.ir import IntType

__all__ = ["aligned", "dequantized", "element_type", "int_type_of", "output_type"]

_TYPES: dict[int, IntType] = {
    TensorProto.UINT8: IntType(0, 255),
    TensorProto.INT8: IntType(-128, 127),
    TensorProto.UINT16: IntType(0, 65535),
    TensorProto.INT16: IntType(-32768, 32767),
    TensorProto.INT32: IntType(-(2**31), 2**31 - 1),
    TensorProto.UINT4: IntType(0, 15),
    TensorProto.INT4: IntType(-8, 7),
    25: IntType(0, 3),  # UINT2 and INT2, since opset 25
    26: IntType(-2, 1),
}
_NAMES = {
    "uint8": TensorProto.UINT8,
    "int8": TensorProto.INT8,
    "uint16": TensorProto.UINT16,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "uint4": TensorProto.UINT4,
    "int4": TensorProto.INT4,
    "uint2": 25,
    "int2": 26,
}


def element_type(array: np.ndarray) -> int | None:
    """The ONNX type of an array of integers; ``None`` for other types."""
    return _NAMES.get(array.dtype.name)


def int_type_of(element: int) -> IntType | None:
    """The integers of an ONNX type; ``None`` if a tensor of it is not quantized."""
    return _TYPES.get(element)


def output_type(node: Node) -> IntType:
    """What a QuantizeLinear in canonical form gives."""
    dtype = int_type_of(node.integer("output_dtype", TensorProto.UINT8))
    if dtype is None:
        raise UnsupportedError("it does not quantize to integers", where=node.label)
    return dtype


def aligned(node: Node, parameter: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A scale or zero point, float64, shaped so that it broadcasts against a tensor.

    Raises:
        UnsupportedError: one per block, or its length is not that of the axis.
    """
    given = np.asarray(parameter, np.float64)
    if given.size == 1:
        return given.reshape(())
    if given.ndim != 1:
        raise UnsupportedError(
            f"scales of shape {given.shape} for a tensor {shape}: blocked quantization",
            where=node.label,
            why="the terms of one sum would have different scales",
            remedy="quantize per tensor, or per output channel (block_size 0)",
        )
    axis = node.integer("axis", 1)
    if not -len(shape) <= axis < len(shape) or shape[axis] != given.size:
        raise UnsupportedError(
            f"{given.size} scales along axis {axis} of {shape}",
            where=node.label,
            remedy="give one scale, or one for each position along the axis",
        )
    rest = [1] * len(shape)
    rest[axis] = given.size
    return given.reshape(rest)


def dequantized(node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    """DequantizeLinear in float64: ``(x - zero) * scale``."""
    levels = np.asarray(inputs[0], np.float64)
    scale = aligned(node, inputs[1], levels.shape)
    zero = aligned(node, inputs[2], levels.shape) if len(inputs) > 2 else np.zeros(())
    return np.asarray((levels - zero) * scale)
