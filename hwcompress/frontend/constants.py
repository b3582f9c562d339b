"""Constants that are integers times a scale, though no quantizer says so."""

from __future__ import annotations

import numpy as np

from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.values import Constant
from hwcompress.ir import int_range

__all__ = ["on_dyadic_grid", "scaled_weights"]

_MOST_BITS = 16


def on_dyadic_grid(value: np.ndarray) -> Constant | None:
    """A constant of few different digits: integers times a power of two, exactly.

    FINN stores quantized weights so, and so does a model that was rounded by hand.
    ``None`` if some value needs more than 16 bits.
    """
    real = value.astype(np.float64)
    if not np.all(np.isfinite(real)) or real.size == 0:
        return None
    mantissa, exponent = np.frexp(real)
    # Integers below 2**53, times 2**(exponent - 53).
    whole = np.abs(mantissa * 2.0**53).astype(np.int64)
    lowest = whole & -whole
    trailing = np.where(whole == 0, 0, np.log2(np.maximum(lowest, 1).astype(np.float64)))
    unit = (exponent - 53 + trailing)[whole != 0]
    step = int(unit.min()) if unit.size else 0
    if abs(step) > 100 or np.abs(real).max() / 2.0**step >= 2.0 ** (_MOST_BITS - 1):
        return None
    levels = np.rint(real / 2.0**step).astype(np.int64)
    return Constant(value, levels, np.asarray(2.0**step), np.zeros(()), int_range(levels))


def scaled_weights(node: Node, constants: list[Constant]) -> Constant | None:
    """Quantized weights times, or divided by, numbers that are not zero; else ``None``."""
    if node.op not in ("Mul", "Div", "Neg") or not 1 <= len(constants) <= 2:
        return None
    quantized = [item for item in constants if item.levels is not None]
    if len(quantized) != 1 or (node.op == "Div" and constants[0].levels is None):
        return None
    weight = quantized[0]
    assert weight.levels is not None and weight.scale is not None
    factor = np.asarray(-1.0)
    if len(constants) == 2:
        other = constants[1] if weight is constants[0] else constants[0]
        factor = other.value.astype(np.float64)
    shape = weight.levels.shape
    fits = np.all(np.isfinite(factor)) and np.all(factor != 0)
    if not fits or np.broadcast_shapes(shape, factor.shape) != shape:
        return None
    divides = node.op == "Div"
    spread = np.broadcast_to(weight.scale, shape)
    scale = spread / factor if divides else spread * factor
    real = weight.value / factor if divides else weight.value * factor
    return Constant(real, weight.levels, scale, weight.zero, weight.dtype)
