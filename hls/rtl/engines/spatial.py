"""The sliding windows in front of an engine."""

from __future__ import annotations

import numpy as np

from hwcompress.hls.folding.window import Window
from hwcompress.hls.rtl.builder import Layer, value_code
from hwcompress.hls.rtl.netlist import Literal, Stream
from hwcompress.ir import TERNARY, IntType
from hwcompress.ir.ops.spatial import Pair, Quad

__all__ = ["is_pointwise", "parallel_window", "sliding_window"]

_SLACK = 4  # beats more than the rows need: writing, reading and releasing take cycles


def is_pointwise(kernel: Pair, stride: Pair, padding: Quad) -> bool:
    """Whether the windows are the pixels themselves, in order."""
    return kernel == (1, 1) and stride == (1, 1) and not any(padding)


def sliding_window(
    layer: Layer,
    stream: Stream,
    window_type: IntType,
    *,
    kernel: Pair,
    stride: Pair,
    padding: Quad,
    dilation: Pair = (1, 1),
    pad_value: int = 0,
    groups: int = 1,
    folds: int = 1,
) -> Stream:
    """Windows of an image stream whose lanes divide the channels of a group.

    For every output pixel and group the window leaves ``folds`` times, kernel
    row by kernel row, with elements of ``window_type``.
    """
    window_type = _stored_type(window_type, stream.dtype)
    height, width, channels = layer.source.shape
    out_height, out_width = layer.target.shape[:2]
    lanes = stream.lanes
    if kernel == (1, 1) and not any(padding):  # single pixels: no other one is ever stored
        stream = _subsampled(layer, stream, stride)
        if folds == 1:
            return _rows_buffer(layer, stream)
        height, width, stride = out_height, out_width, (1, 1)
    parameters: dict[str, int | str | Literal] = {
        "LANES": lanes,
        "IN_BITS": stream.dtype.bits,
        "KIND": value_code(stream.dtype),
        "OUT_BITS": window_type.bits,
        "HEIGHT": height,
        "WIDTH": width,
        "WORDS": channels // lanes,
        "GROUPS": groups,
        "FOLDS": folds,
        "KERNEL_H": kernel[0],
        "KERNEL_W": kernel[1],
        "STRIDE_H": stride[0],
        "STRIDE_W": stride[1],
        "DILATION_H": dilation[0],
        "DILATION_W": dilation[1],
        "PAD_TOP": padding[0],
        "PAD_LEFT": padding[1],
        "OUT_HEIGHT": out_height,
        "OUT_WIDTH": out_width,
        "ROWS": _ring_rows(height, out_height, kernel[0], stride[0], dilation[0], padding[0])
        + -(-_SLACK // (width * (channels // lanes))),
        "PAD": _pad_word(window_type, pad_value, lanes),
    }
    taps = kernel[0] * kernel[1]
    size = out_height * out_width * channels * taps * folds
    return layer.put(
        "hwc_window", "window", stream, parameters, dtype=window_type, lanes=lanes, size=size
    )


def _subsampled(layer: Layer, stream: Stream, stride: Pair) -> Stream:
    """The pixels that a stride keeps."""
    height, width, channels = layer.source.shape
    out_height, out_width = layer.target.shape[:2]
    return layer.put(
        "hwc_subsample",
        "subsample",
        stream,
        {
            "BITS": stream.width,
            "HEIGHT": height,
            "WIDTH": width,
            "WORDS": channels // stream.lanes,
            "STRIDE_H": stride[0],
            "STRIDE_W": stride[1],
        },
        dtype=stream.dtype,
        lanes=stream.lanes,
        size=out_height * out_width * channels,
    )


def _rows_buffer(layer: Layer, stream: Stream) -> Stream:
    """Room for what is kept of two rows: it comes in bursts, and may be worked on evenly."""
    out_height, out_width = layer.target.shape[:2]
    depth = out_width * min(out_height, 2) * (layer.source.channels // stream.lanes)
    if depth <= 2:  # a slice will do
        return stream
    return layer.put(
        "hwc_fifo",
        "rows",
        stream,
        {"WIDTH": stream.width, "DEPTH": depth},
        dtype=stream.dtype,
        lanes=stream.lanes,
        size=stream.size,
    )


def parallel_window(
    layer: Layer,
    stream: Stream,
    window_type: IntType,
    window: Window,
    *,
    pad_value: int = 0,
    words: int = 1,
    folds: int = 1,
    pixels: int = 1,
) -> Stream:
    """All kernel positions of ``pixels`` windows in one beat, ``folds`` times.

    A pixel of the image stream takes ``words`` beats, or a beat holds several pixels.
    """
    window_type = _stored_type(window_type, stream.dtype)
    taken = window.pixels_in(pixels)
    lanes = stream.lanes // taken
    leaving = pixels * window.taps * lanes
    parameters: dict[str, int | str | Literal] = {
        "LANES": lanes,
        "PIXELS": pixels,
        "PIXELS_IN": taken,
        "IN_BITS": stream.dtype.bits,
        "KIND": value_code(stream.dtype),
        "OUT_BITS": window_type.bits,
        "HEIGHT": window.image[0],
        "WIDTH": window.image[1],
        "WORDS": words,
        "FOLDS": folds,
        "KERNEL_H": window.kernel[0],
        "KERNEL_W": window.kernel[1],
        "STRIDE_H": window.stride[0],
        "STRIDE_W": window.stride[1],
        "DILATION_H": window.dilation[0],
        "DILATION_W": window.dilation[1],
        "PAD_TOP": window.before[0],
        "PAD_LEFT": window.before[1],
        "OUT_HEIGHT": window.output[0],
        "OUT_WIDTH": window.output[1],
        "DEPTH": window.bank_depth(words, pixels),
        "PAD": _pad_word(window_type, pad_value, lanes),
    }
    beats = window.output[0] * (window.output[1] // pixels) * words * folds
    return layer.put(
        "hwc_window_parallel",
        "window",
        stream,
        parameters,
        dtype=window_type,
        lanes=leaving,
        size=beats * leaving,
    )


def _stored_type(window_type: IntType, dtype: IntType) -> IntType:
    if window_type.is_bipolar and not dtype.is_bipolar:
        # A constant -1 padded with +1: one bit both before and after, but not the same bit.
        return TERNARY
    return window_type


def _pad_word(window_type: IntType, pad_value: int, lanes: int) -> Literal:
    raw = int(window_type.to_raw(np.array(pad_value))) & ((1 << window_type.bits) - 1)
    word = sum(raw << (lane * window_type.bits) for lane in range(lanes))
    return Literal.hex(lanes * window_type.bits, word)


def _ring_rows(
    height: int, out_height: int, kernel: int, stride: int, dilation: int, top: int
) -> int:
    """Rows of the ring: the last windows of a frame and the first of the next one fit together."""
    reach = dilation * (kernel - 1) + 1
    first = max(0, reach - 1 - top)
    span = max(
        min(height - 1, first + row * stride) - max(0, row * stride - top) + 1
        for row in range(out_height)
    )
    # From the last windows' first row, over rows that no window needs, to the
    # next image's first window.
    change = height - max(0, (out_height - 1) * stride - top) + min(first, height - 1) + 1
    # Beyond two frames nothing can be gained; one row more than a window's
    # span is needed because the ring never fills to its last beat.
    return max(span + 1, min(2 * height, max(2 * reach, reach + stride, change)))
