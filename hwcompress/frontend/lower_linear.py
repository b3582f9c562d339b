"""Conv and ConvTranspose: weights become integers, everything real stays in the affine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.arrange import as_image
from hwcompress.frontend.borders import without_border
from hwcompress.frontend.geometry import image_order, read_transposed, read_window, source_shape
from hwcompress.frontend.lower_input import materialised
from hwcompress.frontend.lowering import Border, Lowering, handles
from hwcompress.frontend.mixed_scales import scale_spans, summed_spans
from hwcompress.frontend.offsets import without_offset
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.values import Symbolic, Value
from hwcompress.frontend.weights import (
    affine_input,
    bias_vector,
    integer_rows,
    pad_level,
    quantized_weights,
    weighted_sum,
)
from hwcompress.ir import Conv, ConvTranspose, IntType

__all__: list[str] = []


@dataclass(frozen=True, eq=False)
class _Kernel:
    """Quantized weights ``(M, C/g, ...)``: levels, what they stand for, and the real bias."""

    levels: np.ndarray
    scale: np.ndarray
    zero: np.ndarray
    dtype: IntType
    bias: np.ndarray

    def part(self, start: int, stop: int, first: bool) -> _Kernel:
        """Of the input channels from ``start`` to ``stop``; the first one has the bias."""
        levels, scale, zero = (item[:, start:stop] for item in (self.levels, self.scale, self.zero))
        return _Kernel(levels, scale, zero, self.dtype, self.bias if first else 0 * self.bias)


@handles("Conv")
def _conv(state: Lowering, node: Node) -> Value:
    value = as_image(state.builder, materialised(state, state.symbolic(node), node), node.label)
    levels, scale, zero, dtype = quantized_weights(state.required(node, 1), node)
    affine_input(value, node)  # or raise, before anything is emitted
    if levels.ndim != len(value.shape):
        raise UnsupportedError(
            f"weights of shape {levels.shape} on {value.shape}", where=node.label
        )
    groups = node.integer("group", 1)
    rows, depth = levels.shape[:2]
    if groups < 1 or rows % groups or depth * groups != value.shape[1]:
        raise UnsupportedError(
            f"weights {levels.shape} with {groups} groups do not fit {value.shape}",
            where=node.label,
        )
    bias = np.zeros(rows)
    if (given := state.constant(node, 2)) is not None:
        bias = bias_vector(given, (rows,), node)
    kernel = _Kernel(levels, scale, zero, dtype, bias)
    spans = scale_spans(value, 1, scale) if groups == 1 else []
    if not spans:
        return _convolved(state, node, value, kernel, groups)

    def layer(part: Symbolic, span: tuple[int, int], first: bool) -> Symbolic:
        image = as_image(state.builder, part, node.label)
        return _convolved(state, node, image, kernel.part(*span, first), 1)

    return summed_spans(state, node, value, 1, spans, layer)


def _convolved(
    state: Lowering, node: Node, value: Symbolic, kernel: _Kernel, groups: int
) -> Symbolic:
    """``value``, an image, under a convolution."""
    gain, offset = affine_input(value, node)
    window = read_window(node, kernel.levels.shape[2:], value.shape[2:])
    rows, depth = kernel.levels.shape[:2]
    # (M, C/g, KH, KW) to (M, KH, KW, C/g), columns in the order of the window.
    levels, scale, zero = (
        np.moveaxis(item, 1, -1).reshape(rows, -1)
        for item in (kernel.levels, kernel.scale, kernel.zero)
    )
    group = np.arange(rows) // max(rows // groups, 1)
    column = group[:, None] * depth + np.tile(np.arange(depth), window.kernel[0] * window.kernel[1])
    weight, row_scale, kept = integer_rows(levels, scale, zero, kernel.dtype, gain[column], node)
    real = (levels - zero) * scale
    bias = (real * offset[column]).sum(axis=1) + kernel.bias
    level = pad_level(value, node) if any(window.padding) else 0
    source = without_border(state, Border(value.base, window.padding, level))
    name = state.builder.fresh(node.name or node.op)
    state.builder.add(
        Conv(
            name,
            (source.tensor,),
            (name,),
            weight.reshape(rows, *window.kernel, depth),
            kept,
            None,
            window.stride,
            source.padding,
            window.dilation,
            groups,
            source.level,
        )
    )
    shape = source_shape(state.builder.types[name].shape, len(value.shape))
    return weighted_sum(state, node, name, shape, image_order(shape), row_scale, bias)


@handles("ConvTranspose")
def _conv_transpose(state: Lowering, node: Node) -> Value:
    value = as_image(state.builder, materialised(state, state.symbolic(node), node), node.label)
    value = without_offset(state.builder, value, node)
    levels, scale, zero, dtype = quantized_weights(state.required(node, 1), node)
    gain, _ = affine_input(value, node)
    if levels.ndim != len(value.shape):
        raise UnsupportedError(
            f"weights of shape {levels.shape} on {value.shape}", where=node.label
        )
    window = read_transposed(node, levels.shape[2:], value.shape[2:])
    groups = node.integer("group", 1)
    channels, depth = levels.shape[0], levels.shape[1]  # weights are (C, M/g, KH, KW)
    if groups < 1 or channels % groups or channels != value.shape[1]:
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
    weight, row_scale, kept = integer_rows(levels, scale, zero, dtype, gain[column], node)
    bias = np.zeros(groups * depth)
    if (given := state.constant(node, 2)) is not None:
        bias = bias + bias_vector(given, bias.shape, node)
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
            window.extra,
            window.dilation,
            groups,
        )
    )
    shape = source_shape(state.builder.types[name].shape, len(value.shape))
    return weighted_sum(state, node, name, shape, image_order(shape), row_scale, bias)
