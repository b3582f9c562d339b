"""Quantized weights as integers; everything real stays in the affine of the result."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.constants import on_dyadic_grid
from hwcompress.frontend.lowering import Lowering
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.values import Constant, Symbolic
from hwcompress.ir import BIPOLAR, IntType, int_range

__all__ = [
    "MAX_RATIO",
    "affine_input",
    "bias_vector",
    "integer_rows",
    "level_of",
    "pad_level",
    "quantized_weights",
    "weighted_sum",
]

MAX_RATIO = 1 << 16
_MAX_LEVEL = 2.0**40
_MAX_STEPS = 2.0**48


def _uniform(values: np.ndarray | None) -> bool:
    return values is not None and bool(np.all(values == values[0]))


def affine_input(value: Symbolic, node: Node) -> tuple[np.ndarray, np.ndarray]:
    """Gain and offset of a value that is affine in its base.

    Raises:
        UnsupportedError: it is not.
    """
    gain, offset = value.function.gain, value.function.offset
    if gain is None or offset is None:
        raise UnsupportedError(
            f"its input is not quantized after {' and '.join(value.tail) or 'an activation'}",
            where=node.label,
            remedy="put a quantizer between the activation and this node",
        )
    return gain, offset


def quantized_weights(
    weight: Constant, node: Node
) -> tuple[np.ndarray, np.ndarray, np.ndarray, IntType]:
    """Levels, scale and zero point (broadcast to the levels) and type of quantized weights."""
    if weight.levels is None:
        weight = on_dyadic_grid(weight.value) or weight
    if weight.levels is None or weight.scale is None or weight.zero is None:
        raise UnsupportedError(
            "its weights are not quantized",
            where=node.label,
            remedy="quantize them (with Brevitas; with onnxruntime's quantize_static in QDQ format,"
            " this operator among op_types_to_quantize and the node not excluded), or give the"
            " float model with --weight-bits and --act-bits",
        )
    shape = weight.levels.shape
    assert weight.dtype is not None
    return (
        weight.levels,
        np.broadcast_to(weight.scale, shape),
        np.broadcast_to(weight.zero, shape),
        weight.dtype,
    )


def integer_rows(
    levels: np.ndarray,
    scale: np.ndarray,
    zero: np.ndarray,
    dtype: IntType,
    gain: np.ndarray,
    node: Node,
) -> tuple[np.ndarray, np.ndarray, IntType]:
    """Integer weights ``(rows, columns)`` and one positive scale per row.

    ``gain`` is the scale of each input column. Scales that differ inside a
    row are absorbed into the weights where their ratios are integers.
    """
    real_zero = not np.any(zero)
    if not np.array_equal(zero, np.rint(zero)):
        raise UnsupportedError("a weight zero point that is not an integer", where=node.label)
    weight = levels - zero.astype(np.int64)
    each = scale * gain
    least = np.abs(each).min(axis=1)
    if np.any(least == 0):
        raise UnsupportedError("an input with scale zero", where=node.label)
    ratio = each / least[:, None]
    if not np.array_equal(ratio, np.rint(ratio)) or np.abs(ratio).max() > MAX_RATIO:
        raise UnsupportedError(
            "scales that differ between the inputs of one sum, with ratios that are not integers",
            where=node.label,
            remedy="put a quantizer with one scale before this node, and use weight scales per"
            " output channel",
        )
    weight = weight * ratio.astype(np.int64)
    kept = dtype if real_zero and np.all(ratio == 1) else int_range(weight)
    if kept == BIPOLAR and np.any(weight == 0):
        kept = IntType(-1, 1)
    return weight, least, kept


def pad_level(value: Symbolic, node: Node) -> int:
    """The integer that stands for a real zero, which padding inserts."""
    return level_of(value, 0.0, node)


def level_of(value: Symbolic, real: float, node: Node) -> int:
    """The integer that stands for a real number in every channel.

    Raises:
        UnsupportedError: there is none.
    """
    gain, offset = affine_input(value, node)
    level = np.full(1, np.nan)
    if np.all(gain != 0):
        level = (real - offset) / gain
        near = np.rint(level)
        # zero * scale / scale may be off by a rounding of the two.
        level = np.where(np.abs(level - near) <= 1e-12 * np.abs(near), near, level)
    if not _uniform(level) or level[0] != np.rint(level[0]) or abs(level[0]) > _MAX_LEVEL:
        what = "zeros" if real == 0 else repr(real)
        raise UnsupportedError(
            f"padding inserts {what}, which no integer of the input stands for",
            where=node.label,
            remedy="use an input quantizer with an integer zero point, or no padding",
        )
    return int(level[0])


def bias_vector(given: Constant, shape: tuple[int, ...], node: Node) -> np.ndarray:
    """A bias that broadcasts to ``shape`` (a convolution's has it), as a vector."""
    value = given.value.astype(np.float64)
    fits = value.shape == shape
    if node.op == "Gemm" and not fits:
        padded = (1,) * (len(shape) - value.ndim) + value.shape
        fits = len(padded) == len(shape) and all(
            a in (1, b) for a, b in zip(padded, shape, strict=True)
        )
    if not fits or not np.all(np.isfinite(value)):
        raise UnsupportedError(
            f"a bias of shape {value.shape} holds NaN or infinity, or does not fit {shape}",
            where=node.label,
        )
    return np.broadcast_to(value, shape).reshape(-1)


def weighted_sum(
    state: Lowering,
    node: Node,
    name: str,
    shape: tuple[int, ...],
    order: np.ndarray,
    gain: np.ndarray,
    offset: np.ndarray,
) -> Symbolic:
    """The tensor ``name`` of the graph, a layer with weights, as ``gain * integer + offset``."""
    if np.any(np.abs(offset) > np.abs(gain) * _MAX_STEPS):
        raise UnsupportedError(
            "its bias is so large that it swallows the sum",
            where=node.label,
            why="the two differ by more than 2^48",
            remedy="look for a damaged bias, scale or zero point",
        )
    result = state.builder.symbol(name, shape, order, gain, offset)
    state.builder.origin[name] = (node.outputs[0], result)
    return result
