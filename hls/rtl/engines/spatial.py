"""The sliding window in front of an engine."""

from __future__ import annotations

import numpy as np

from hwcompress.hls.rtl.builder import Layer, value_code
from hwcompress.hls.rtl.netlist import Literal, Stream
from hwcompress.ir import TERNARY, IntType
from hwcompress.ir.ops.spatial import Pair, Quad

__all__ = ["is_pointwise", "sliding_window"]

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
    if window_type.is_bipolar and not stream.dtype.is_bipolar:
        # A constant -1 padded with +1: one bit both before and after, but not the same bit.
        window_type = TERNARY
    height, width, channels = layer.source.shape
    out_height, out_width = layer.target.shape[:2]
    lanes = stream.lanes
    raw = int(window_type.to_raw(np.array(pad_value))) & ((1 << window_type.bits) - 1)
    pad = sum(raw << (lane * window_type.bits) for lane in range(lanes))
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
        "PAD": Literal.hex(lanes * window_type.bits, pad),
    }
    taps = kernel[0] * kernel[1]
    size = out_height * out_width * channels * taps * folds
    return layer.put(
        "hwc_window", "window", stream, parameters, dtype=window_type, lanes=lanes, size=size
    )


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
    # Beyond two frames nothing can be gained; one row more than a window's
    # span is needed because the ring never fills to its last beat.
    return max(span + 1, min(2 * height, max(2 * reach, reach + stride)))
