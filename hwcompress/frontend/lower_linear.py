"""Conv, Gemm and MatMul: weights become integers, everything real stays in the affine."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.arrange import as_image
from hwcompress.frontend.geometry import image_order, read_window, source_shape
from hwcompress.frontend.lower_input import materialised
from hwcompress.frontend.lowering import Lowering, handles
from hwcompress.frontend.offsets import without_offset
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.values import Constant, Symbolic, Value
from hwcompress.ir import BIPOLAR, Conv, ConvTranspose, Dense, IntType, int_range

__all__ = ["affine_input", "pad_level"]

_MAX_RATIO = 1 << 16
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


def _weights(weight: Constant, node: Node) -> tuple[np.ndarray, np.ndarray, np.ndarray, IntType]:
    """Levels, scale and zero point (broadcast to the levels) and type of quantized weights."""
    if weight.levels is None or weight.scale is None or weight.zero is None:
        raise UnsupportedError(
            "its weights are not quantized",
            where=node.label,
            remedy="quantize them (for example with Brevitas), or give the float model as"
            " file.py:function with --weight-bits and --act-bits",
        )
    shape = weight.levels.shape
    assert weight.dtype is not None
    return (
        weight.levels,
        np.broadcast_to(weight.scale, shape),
        np.broadcast_to(weight.zero, shape),
        weight.dtype,
    )


def _integer_rows(
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
    if not np.array_equal(ratio, np.rint(ratio)) or np.abs(ratio).max() > _MAX_RATIO:
        raise UnsupportedError(
            "scales that differ between the inputs of one sum, with ratios that are not integers",
            where=node.label,
            remedy="use one activation scale for the whole tensor, and weight scales per output"
            " channel",
        )
    weight = weight * ratio.astype(np.int64)
    kept = dtype if real_zero and np.all(ratio == 1) else int_range(weight)
    if kept == BIPOLAR and np.any(weight == 0):
        kept = IntType(-1, 1)
    return weight, least, kept


def pad_level(value: Symbolic, node: Node) -> int:
    """The integer that stands for a real zero, which padding inserts."""
    gain, offset = affine_input(value, node)
    level = np.full(1, np.nan)
    if np.all(gain != 0):
        level = -offset / gain
        near = np.rint(level)
        # zero * scale / scale may be off by a rounding of the two.
        level = np.where(np.abs(level - near) <= 1e-12 * np.abs(near), near, level)
    if not _uniform(level) or level[0] != np.rint(level[0]) or abs(level[0]) > _MAX_LEVEL:
        raise UnsupportedError(
            "padding inserts zeros, which no integer of the input stands for",
            where=node.label,
            remedy="use an input quantizer with an integer zero point, or no padding",
        )
    return int(level[0])


@handles("Conv")
def _conv(state: Lowering, node: Node) -> Value:
    value = as_image(state.builder, materialised(state, state.symbolic(node), node), node.label)
    levels, scale, zero, dtype = _weights(state.required(node, 1), node)
    gain, offset = affine_input(value, node)
    if levels.ndim != len(value.shape):
        raise UnsupportedError(
            f"weights of shape {levels.shape} on {value.shape}", where=node.label
        )
    window = read_window(node, levels.shape[2:])
    groups = node.integer("group", 1)
    rows, depth = levels.shape[:2]
    if groups < 1 or rows % groups or depth * groups != value.shape[1]:
        raise UnsupportedError(
            f"weights {levels.shape} with {groups} groups do not fit {value.shape}",
            where=node.label,
        )
    # (M, C/g, KH, KW) to (M, KH, KW, C/g), columns in the order of the window.
    levels, scale, zero = (
        np.moveaxis(item, 1, -1).reshape(rows, -1) for item in (levels, scale, zero)
    )
    group = np.arange(rows) // max(rows // groups, 1)
    column = group[:, None] * depth + np.tile(np.arange(depth), window.kernel[0] * window.kernel[1])
    weight, row_scale, kept = _integer_rows(levels, scale, zero, dtype, gain[column], node)
    real = (levels - zero) * scale
    bias = (real * offset[column]).sum(axis=1)
    if (given := state.constant(node, 2)) is not None:
        bias = bias + _bias(given, (rows,), node)
    name = state.builder.fresh(node.name or node.op)
    state.builder.add(
        Conv(
            name,
            (value.base,),
            (name,),
            weight.reshape(rows, *window.kernel, depth),
            kept,
            None,
            window.stride,
            window.padding,
            window.dilation,
            groups,
            pad_level(value, node) if any(window.padding) else 0,
        )
    )
    shape = source_shape(state.builder.types[name].shape, len(value.shape))
    return _result(state, node, name, shape, image_order(shape), row_scale, bias)


@handles("ConvTranspose")
def _conv_transpose(state: Lowering, node: Node) -> Value:
    value = as_image(state.builder, materialised(state, state.symbolic(node), node), node.label)
    value = without_offset(state.builder, value, node)
    levels, scale, zero, dtype = _weights(state.required(node, 1), node)
    gain, _ = affine_input(value, node)
    if levels.ndim != len(value.shape):
        raise UnsupportedError(
            f"weights of shape {levels.shape} on {value.shape}", where=node.label
        )
    if node.integers("output_shape"):
        raise UnsupportedError(
            "an output_shape", where=node.label, remedy="export with pads and output_padding"
        )
    window = read_window(node, levels.shape[2:])
    extra = node.integers("output_padding", (0,) * (levels.ndim - 2))
    groups = node.integer("group", 1)
    channels, depth = levels.shape[0], levels.shape[1]  # weights are (C, M/g, KH, KW)
    if groups < 1 or channels % groups or channels != value.shape[1] or len(extra) > 2:
        raise UnsupportedError(
            f"weights {levels.shape} with {groups} groups do not fit {value.shape}",
            where=node.label,
        )

    def rows(item: np.ndarray) -> np.ndarray:
        """``(M, KH * KW * C/g)``, columns in the order (row, column, channel)."""
        grouped = item.reshape(groups, channels // groups, depth, -1)
        return grouped.transpose(0, 2, 3, 1).reshape(groups * depth, -1)

    levels, scale, zero = (rows(item) for item in (levels, scale, zero))
    each = channels // groups
    group = np.arange(groups * depth) // depth
    column = group[:, None] * each + np.tile(np.arange(each), levels.shape[1] // each)
    weight, row_scale, kept = _integer_rows(levels, scale, zero, dtype, gain[column], node)
    bias = np.zeros(groups * depth)
    if (given := state.constant(node, 2)) is not None:
        bias = bias + _bias(given, bias.shape, node)
    name = state.builder.fresh(node.name or node.op)
    state.builder.add(
        ConvTranspose(
            name,
            (value.base,),
            (name,),
            weight.reshape(-1, *window.kernel, each),
            kept,
            None,
            window.stride,
            window.padding,
            (0, extra[0]) if len(extra) == 1 else (extra[0], extra[1]),
            window.dilation,
            groups,
        )
    )
    shape = source_shape(state.builder.types[name].shape, len(value.shape))
    return _result(state, node, name, shape, image_order(shape), row_scale, bias)


def _bias(given: Constant, shape: tuple[int, ...], node: Node) -> np.ndarray:
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


def _result(
    state: Lowering,
    node: Node,
    name: str,
    shape: tuple[int, ...],
    order: np.ndarray,
    gain: np.ndarray,
    offset: np.ndarray,
) -> Symbolic:
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


@handles("MatMul", "Gemm")
def _dense(state: Lowering, node: Node) -> Value:
    value = materialised(state, state.symbolic(node), node)
    if len(value.shape) < 2 or value.shape[-1] != value.order.size:
        raise UnsupportedError(
            f"a matrix product over {value.shape}, which is not one vector per sample",
            where=node.label,
            remedy="flatten the tensor before it",
        )
    weight = state.required(node, 1)
    levels, scale, zero, dtype = _weights(weight, node)
    if node.op == "Gemm" and (node.integer("transA", 0) or len(value.shape) != 2):
        raise UnsupportedError(
            f"transA, or a tensor {value.shape} that is no matrix", where=node.label
        )
    if levels.ndim != 2:
        raise UnsupportedError(f"weights of shape {levels.shape}", where=node.label)
    if node.op == "MatMul" or not node.integer("transB", 0):
        levels, scale, zero = levels.T, scale.T, zero.T
    if levels.shape[1] != value.order.size:
        raise UnsupportedError(f"weights {levels.shape} do not fit {value.shape}", where=node.label)
    alpha = node.number("alpha", 1.0) if node.op == "Gemm" else 1.0
    if alpha <= 0:
        raise UnsupportedError(f"alpha {alpha}", where=node.label)
    gain, offset = affine_input(value, node)
    channel = value.order % value.function.channels
    weight_rows, row_scale, kept = _integer_rows(levels, scale, zero, dtype, gain[channel], node)
    bias = alpha * (((levels - zero) * scale) * offset[channel]).sum(axis=1)
    if node.op == "Gemm" and (given := state.constant(node, 2)) is not None:
        bias = bias + node.number("beta", 1.0) * _bias(given, (1, levels.shape[0]), node)
    vector = state.builder.reshape(value.base, (value.order.size,))
    laid = np.zeros_like(weight_rows)
    laid[:, value.order] = weight_rows  # column i of the source reads element order[i]
    name = state.builder.fresh(node.name or node.op)
    state.builder.add(Dense(name, (vector,), (name,), laid, kept))
    shape = (*value.shape[:-1], levels.shape[0])
    order = np.arange(levels.shape[0])
    return _result(state, node, name, shape, order, alpha * row_scale, bias)
