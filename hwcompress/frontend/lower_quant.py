"""Quantizers: a constant becomes integers, and a region becomes an operation."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.closing import close_region, line_near_zero
from hwcompress.frontend.float64 import QUANTIZERS
from hwcompress.frontend.lower_input import entered, materialised, quantized_input
from hwcompress.frontend.lowering import Lowering, handles
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.quantizers import Quantizer, read_quantizer
from hwcompress.frontend.stored import as_stored
from hwcompress.frontend.values import Constant, Symbolic, Value
from hwcompress.ir import IntType

__all__ = ["quantize_constant"]

# Operators after which a line is still one, but for its ends.
_CLAMPS = frozenset(
    {"Add", "BatchNormalization", "Clip", "Div", "Max", "Min", "Mul", "Relu", "Sub"}
)


def quantize_constant(node: Node, constants: list[Constant]) -> Constant:
    """A weight quantizer evaluated: real values and the integers behind them."""
    parameters = [item.value.astype(np.float64) for item in constants[1:]]
    quantizer = read_quantizer(node, parameters)
    shape = constants[0].value.shape
    try:
        spread = np.broadcast_shapes(shape, *(item.shape for item in parameters))
    except ValueError:
        spread = ()
    # A single value may come with more axes than the weights have.
    single = all(item.size == 1 for item in parameters)
    if spread != shape and not single:
        raise UnsupportedError(
            f"parameters of shapes {[item.shape for item in parameters]} do not broadcast to"
            f" the tensor's {shape}",
            where=node.label,
        )
    if single:
        parameters = [item.reshape(()) for item in parameters]
        quantizer = read_quantizer(node, parameters)
    if not np.all(np.isfinite(constants[0].value)):
        raise UnsupportedError(
            "the constant that it quantizes holds NaN or infinity",
            where=node.label,
            remedy="export the model again from a checkpoint without NaN",
        )
    data, *stored = as_stored([constants[0].value, *parameters])
    levels = read_quantizer(node, stored).levels(data)
    dtype = quantizer.dtype
    if dtype is None:
        dtype = IntType(int(levels.min()), int(levels.max()))
    else:  # float32 does not hold the bounds of 25 bits and more
        levels = np.clip(levels, dtype.lo, dtype.hi)
    return Constant(quantizer.real(levels), levels, quantizer.scale, quantizer.zero, dtype)


def _levels_per_channel(
    state: Lowering, node: Node, value: Symbolic, quantizer: Quantizer
) -> tuple[Symbolic, np.ndarray, np.ndarray]:
    """Scale and zero point per channel of the base."""
    rows = [state.per_channel(value, item, node) for item in (quantizer.scale, quantizer.zero)]
    if any(row is None for row in rows):
        value = state.builder.flattened(materialised(state, value, node))
        rows = [state.per_channel(value, item, node) for item in (quantizer.scale, quantizer.zero)]
    scale, zero = rows
    assert scale is not None
    assert zero is not None
    return value, scale, zero


@handles(*QUANTIZERS)
def _quantize(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    parameters = [
        state.required(node, index).value.astype(np.float64) for index in range(1, len(node.inputs))
    ]
    quantizer = read_quantizer(node, parameters)
    if state.enters_as_it_is(value) or (not value.base and quantizer.dtype is None):
        value = entered(state, value, node)
    if not value.base:
        return quantized_input(state, node, value, quantizer)
    value, scale, zero = _levels_per_channel(state, node, value, quantizer)

    def levels(real: np.ndarray, channel: np.ndarray) -> np.ndarray:
        rows = _per_row(node, parameters, scale[channel], zero[channel])
        return read_quantizer(node, rows).levels(real)

    def hint(over: Symbolic) -> tuple[np.ndarray, np.ndarray] | None:
        return _gain_in_levels(node, over, quantizer, scale, zero)

    meaning = (scale, -zero * scale)
    source = node.outputs[0]
    return close_region(state, node, value, levels, quantizer.dtype, meaning, hint, source)


def _per_row(
    node: Node, parameters: list[np.ndarray], scale: np.ndarray, zero: np.ndarray
) -> list[np.ndarray]:
    """The quantizer's parameters shaped for values of shape ``(channels, n)``."""
    if all(item.size == 1 for item in parameters):
        return [item.reshape(()) for item in parameters]
    if node.op == "Trunc":
        raise UnsupportedError("Trunc with parameters per channel", where=node.label)
    if node.op == "BipolarQuant":
        return [scale[:, None]]
    return [scale[:, None], zero[:, None], parameters[2]]


def _gain_in_levels(
    node: Node, value: Symbolic, quantizer: Quantizer, scale: np.ndarray, zero: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """The region before rounding as about ``gain * q + offset`` in levels: exactly, if it is
    affine; up to clamps, where it is affine but for those."""
    nearest = quantizer.rounding in ("ROUND", "HALF_EVEN")
    if node.op not in ("Quant", "IntQuant") or quantizer.dtype is None or not nearest:
        return None
    if set(value.tail) == {"Relu"} and value.head is not None and value.head.function.is_affine:
        line = line_near_zero(value.head, value.head.function)
    elif set(value.tail) <= _CLAMPS:
        line = line_near_zero(value, value.function)
    else:
        line = None
    return None if line is None else (line[0] / scale, line[1] / scale + zero)
