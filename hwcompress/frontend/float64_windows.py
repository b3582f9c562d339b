"""Operators over images and signals in float64: convolution, pooling, resizing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hwcompress.frontend.geometry import read_transposed, read_window, resize_sources
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.pads import read_pad
from hwcompress.frontend.reductions import reduced_axes
from hwcompress.frontend.slices import resize_target
from hwcompress.ir.ops.spatial import pad, windows

__all__ = ["WINDOWS"]

# Inputs that are left out are None; every operator knows which of its may be.
Arrays = Sequence[Any]


_COPIED = 1 << 17  # elements of windows that are written out at once


def _bias(inputs: Arrays) -> np.ndarray | float:
    return inputs[2][:, None, None] if len(inputs) > 2 and inputs[2] is not None else 0.0


def conv(node: Node, inputs: Arrays) -> np.ndarray:
    """Conv: cross-correlation in groups."""
    weight = _flat(inputs[1])
    window = read_window(node, inputs[1].shape[2:], inputs[0].shape[2:])
    groups = node.integer("group", 1)
    padded = pad(np.moveaxis(_flat(inputs[0]), 1, -1), window.padding, 0)
    view = windows(padded, window.kernel, window.stride, window.dilation)
    rows, depth = weight.shape[0] // groups, weight.shape[1]
    parts = []
    for group in range(groups):
        taps = view[..., group * depth : (group + 1) * depth]
        kernel = np.moveaxis(weight[group * rows : (group + 1) * rows], 1, -1)
        parts.append(_products(taps, kernel.reshape(rows, -1).T))
    total = np.moveaxis(np.concatenate(parts, axis=-1), -1, 1)
    total = total + _bias(inputs)
    return total.reshape(_unflat(total.shape, inputs[0].ndim))


def _products(taps: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Windows ``(n, OH, OW, ...)`` times ``(elements, M)``, in pieces whose copies fit a cache."""
    count, height, width = taps.shape[:3]
    elements, filters = kernel.shape
    result = np.empty((count, height, width, filters))
    samples = max(1, _COPIED // max(height * width * elements, 1))
    rows = max(1, _COPIED // max(samples * width * elements, 1))
    for first in range(0, count, samples):
        for top in range(0, height, rows):
            part = (slice(first, first + samples), slice(top, top + rows))
            piece = taps[part]
            result[part] = piece.reshape(*piece.shape[:3], elements) @ kernel
    return result


def _flat(x: np.ndarray) -> np.ndarray:
    """A signal ``(n, C, L)`` as an image of height 1."""
    return x[:, :, None] if x.ndim == 3 else x


def _unflat(shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
    return (*shape[:2], shape[3]) if rank == 3 else shape


def conv_transpose(node: Node, inputs: Arrays) -> np.ndarray:
    """ConvTranspose: every input pixel adds its weighted kernel to the output."""
    x, weight = _flat(inputs[0]), _flat(inputs[1])
    window = read_transposed(node, inputs[1].shape[2:], inputs[0].shape[2:])
    groups, extra = node.integer("group", 1), window.extra
    channels, depth = x.shape[1] // groups, weight.shape[1]
    pads = window.padding
    size = [
        (x.shape[2 + i] - 1) * window.stride[i]
        + window.dilation[i] * (window.kernel[i] - 1)
        + 1
        + extra[i]
        for i in (0, 1)
    ]
    total = np.zeros((x.shape[0], groups * depth, *size))
    for group in range(groups):
        part = x[:, group * channels : (group + 1) * channels]
        kernel = weight[group * channels : (group + 1) * channels]
        into = total[:, group * depth : (group + 1) * depth]
        for kh, kw in np.ndindex(window.kernel):
            top, left = kh * window.dilation[0], kw * window.dilation[1]
            rows = slice(top, top + (x.shape[2] - 1) * window.stride[0] + 1, window.stride[0])
            columns = slice(left, left + (x.shape[3] - 1) * window.stride[1] + 1, window.stride[1])
            into[:, :, rows, columns] += np.einsum("nchw,cm->nmhw", part, kernel[:, :, kh, kw])
    total = total[:, :, pads[0] : size[0] - pads[2], pads[1] : size[1] - pads[3]]
    total = total + _bias(inputs)
    return total.reshape(_unflat(total.shape, inputs[0].ndim))


def pool(node: Node, inputs: Arrays) -> np.ndarray:
    """MaxPool or AveragePool."""
    window = read_window(node, node.integers("kernel_shape"), inputs[0].shape[2:])
    pads = window.padding
    image = np.moveaxis(_flat(inputs[0]), 1, -1).astype(np.float64)
    border = -np.inf if node.op == "MaxPool" else 0.0
    padded = np.pad(
        image,
        ((0, 0), (pads[0], pads[2]), (pads[1], pads[3]), (0, 0)),
        constant_values=border,
    )
    view = windows(padded, window.kernel, window.stride, window.dilation)
    if node.op == "MaxPool":
        result = view.max(axis=(3, 4))
    else:
        count = window.taps(image.shape[1:3], bool(node.integer("count_include_pad", 0)))
        result = view.sum(axis=(3, 4)) / count[:, :, None]
    result = np.moveaxis(result, -1, 1)
    return result.reshape(_unflat(result.shape, inputs[0].ndim))


def global_average(_: Node, inputs: Arrays) -> np.ndarray:
    """GlobalAveragePool."""
    return np.asarray(inputs[0].mean(axis=tuple(range(2, inputs[0].ndim)), keepdims=True))


def _global_max(_: Node, inputs: Arrays) -> np.ndarray:
    return np.asarray(inputs[0].max(axis=tuple(range(2, inputs[0].ndim)), keepdims=True))


_REDUCE: dict[str, Callable[..., Any]] = {
    "ReduceMax": np.max,
    "ReduceMean": np.mean,
    "ReduceMin": np.min,
    "ReduceSum": np.sum,
}


def _reduce(node: Node, inputs: Arrays) -> np.ndarray:
    given = inputs[1] if len(inputs) > 1 else None
    axes = reduced_axes(node, inputs[0].ndim, given)
    keep = bool(node.integer("keepdims", 1))
    return np.asarray(_REDUCE[node.op](inputs[0], axis=axes, keepdims=keep))


def _pad(node: Node, inputs: Arrays) -> np.ndarray:
    x = inputs[0]
    borders = read_pad(node, (1, *x.shape[1:]), inputs[1:])
    result = np.asarray(x, np.float64)
    for axis, size in enumerate(x.shape):
        if borders.pads[axis] == (0, 0):
            continue
        sources = borders.sources(axis, size)
        outside = sources < 0
        result = np.take(result, np.where(outside, 0, sources), axis=axis)
        result[(slice(None),) * axis + (outside,)] = borders.value
    return result


def resize(node: Node, inputs: Arrays) -> np.ndarray:
    """Resize or Upsample, nearest neighbour only; the batch keeps its length."""
    x = inputs[0]
    scales, sizes = resize_target(node, (1, *x.shape[1:]), inputs[1:])
    for axis in range(1, x.ndim):
        index = resize_sources(node, x.shape[axis], sizes[axis], scales[axis])
        x = np.take(x, index, axis=axis)
    return x


WINDOWS: dict[str, Callable[[Node, Arrays], np.ndarray]] = {
    "AveragePool": pool,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "GlobalAveragePool": global_average,
    "GlobalMaxPool": _global_max,
    "MaxPool": pool,
    "Pad": _pad,
    "Resize": resize,
    "Upsample": resize,
    **dict.fromkeys(_REDUCE, _reduce),
}
"""Operators over windows and whole axes, by name."""
