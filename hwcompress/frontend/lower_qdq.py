"""QuantizeLinear and DequantizeLinear on computed tensors and on constants.

In the source the result of a QuantizeLinear is a tensor of integers: these are the graph's
integers, and DequantizeLinear is an affine function of them. Zero points therefore stay
outside of the graph, as every offset does, until a quantizer absorbs them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.builder import as_affine
from hwcompress.frontend.closing import close_region
from hwcompress.frontend.linear_quantizer import (
    aligned,
    dequantized,
    element_type,
    int_type_of,
    output_type,
)
from hwcompress.frontend.lower_input import materialised, quantized_input
from hwcompress.frontend.lowering import Lowering, handles
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.quantizers import read_quantizer
from hwcompress.frontend.region import EveryChannel, Levels
from hwcompress.frontend.stored import as_stored
from hwcompress.frontend.values import Constant, Symbolic, Value
from hwcompress.ir import int_range

__all__ = ["dequantize_constant", "quantize_linear_constant"]


def quantize_linear_constant(node: Node, constants: list[Constant]) -> Constant:
    """A constant QuantizeLinear: the integers."""
    real, *parameters = as_stored([item.value for item in constants])
    if not np.all(np.isfinite(real)):
        raise UnsupportedError(
            "the constant that it quantizes holds NaN or infinity",
            where=node.label,
            remedy="export the model again from a checkpoint without NaN",
        )
    dtype = output_type(node)
    levels = np.clip(read_quantizer(node, parameters).levels(real), dtype.lo, dtype.hi)
    one, zero = np.ones(()), np.zeros(())
    return Constant(levels, levels, one, zero, dtype)


def dequantize_constant(node: Node, constants: list[Constant]) -> Constant:
    """A constant DequantizeLinear: real weights, and the integers behind them."""
    stored, scale, zero = constants
    known = element_type(stored.value)
    dtype = stored.dtype or (None if known is None else int_type_of(known))
    if dtype is None and stored.value.dtype.kind not in "iub":
        raise UnsupportedError(
            f"it dequantizes {stored.value.dtype}, not integers",
            where=node.label,
            remedy="quantize the weights to 8-bit or narrower integers",
        )
    real = dequantized(node, [item.value for item in constants])
    if not np.all(np.isfinite(real)):
        raise UnsupportedError(
            "its scale is not finite",
            where=node.label,
            remedy="quantize the model again with calibration data",
        )
    levels = stored.value.astype(np.int64)
    shape = levels.shape
    return Constant(
        real,
        levels,
        np.broadcast_to(aligned(node, scale.value, shape), shape),
        np.broadcast_to(aligned(node, zero.value, shape), shape),
        dtype or int_range(levels),
    )


def _rows(state: Lowering, node: Node, value: Symbolic) -> tuple[Symbolic, np.ndarray, np.ndarray]:
    """Scale and zero point per channel of the base."""
    parameters = [aligned(node, state.required(node, index).value, value.shape) for index in (1, 2)]
    rows = [state.per_channel(value, item, node) for item in parameters]
    if any(row is None for row in rows):
        value = state.builder.flattened(materialised(state, value, node))
        rows = [state.per_channel(value, item, node) for item in parameters]
    scale, zero = rows
    assert scale is not None
    assert zero is not None
    return value, scale, zero


@handles("DequantizeLinear")
def _dequantize(state: Lowering, node: Node) -> Value:
    value, scale, zero = _rows(state, node, state.symbolic(node))
    builder, before = state.builder, value.function
    # An integer step times the scale, before the zero point is taken off: exact in float64.
    function = before.then_affine(scale, -zero * scale)
    if value.base in builder.types and before.is_identity:
        builder.affine[value.base] = as_affine(scale, -zero * scale)
    if function.is_affine:
        return replace(value, function=function, head=None, tail=(), steps=(), grid=None)
    head = value if value.head is None else value.head
    tail = (*value.tail, node.op)
    return replace(value, function=function, head=head, tail=tail, steps=None, grid=None)


@handles("QuantizeLinear")
def _quantize(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    dtype = output_type(node)
    if not value.base:
        spec = state.input_specs.get(value.raw)
        if state.forced or (spec is not None and spec.whole):
            value = materialised(state, value, node)
    if not value.base:
        return _input(state, node, value)
    slots = range(1, len(node.inputs))
    read_quantizer(node, [state.required(node, i).value.astype(np.float64) for i in slots])
    value, scale, zero = _rows(state, node, value)

    def rounded(real: np.ndarray, scale: np.ndarray, zero: np.ndarray) -> np.ndarray:
        steps = np.rint(real / scale) + zero
        return np.clip(steps, dtype.lo, dtype.hi).astype(np.int64)

    levels: Levels = lambda real, c: rounded(real, scale[c][:, None], zero[c][:, None])  # noqa: E731
    if np.all(scale == scale[0]) and np.all(zero == zero[0]):
        levels = EveryChannel(lambda real: rounded(real, scale[0], zero[0]))

    def hint(over: Symbolic) -> tuple[np.ndarray, np.ndarray] | None:
        head = over
        if not over.function.is_affine:
            # The lowest level is the real zero: it clamps as a Relu does.
            clamps = set(over.tail) == {"Relu"} and bool(np.all(zero == dtype.lo))
            if not clamps or over.head is None:
                return None
            head = over.head
        gain, offset = head.function.gain, head.function.offset
        if gain is None or offset is None:
            return None
        return gain / scale, offset / scale + zero

    one, none = np.ones_like(scale), np.zeros_like(scale)
    source = node.outputs[0]
    return close_region(state, node, value, levels, dtype, (one, none), hint, source)


def _input(state: Lowering, node: Node, value: Symbolic) -> Symbolic:
    """The model quantizes its own input: the host does it, exactly."""
    parameters = [state.required(node, index).value.astype(np.float64) for index in (1, 2)]
    if any(item.size != 1 for item in parameters):
        raise UnsupportedError(
            "an input quantizer with scales per channel",
            where=node.label,
            remedy="give --input-type; the quantizer then runs in the graph",
        )
    scale, zero = (float(item.reshape(())) for item in parameters)
    return quantized_input(state, node, value, read_quantizer(node, parameters), (scale, zero))
