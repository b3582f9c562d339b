"""Pooling: running results where no windows overlap; else a sliding window and a reduction."""

from __future__ import annotations

import numpy as np

from hwcompress.hls.folding.engines import ChannelWindowEngine, window_of
from hwcompress.hls.rtl.builder import RTL, Layer, value_code
from hwcompress.hls.rtl.engines.spatial import is_pointwise, parallel_window, sliding_window
from hwcompress.hls.rtl.netlist import Stream
from hwcompress.ir import IntType, MaxPool, SumPool

__all__ = ["max_pool", "sum_pool"]


@RTL.register(MaxPool)
def max_pool(layer: Layer, op: MaxPool, stream: Stream) -> Stream:
    """A padded position holds the type's lowest value, which never wins."""
    return _pool(layer, op, stream, stream.dtype, stream.dtype.lo)


@RTL.register(SumPool)
def sum_pool(layer: Layer, op: SumPool, stream: Stream) -> Stream:
    """A padded position holds ``pad_value``, which may widen the element type."""
    pad_value, dtype = op.pad_value, stream.dtype
    if any(op.padding) and not dtype.contains(np.array([pad_value])):
        dtype = dtype.union(IntType(pad_value, pad_value))
    return _pool(layer, op, stream, dtype, pad_value)


def _pool(
    layer: Layer, op: MaxPool | SumPool, stream: Stream, window_type: IntType, pad_value: int
) -> Stream:
    pe, target, item = layer.lanes.pe, layer.target, layer.engine
    assert isinstance(item, ChannelWindowEngine)
    stream = layer.convert(stream, item.lanes_in(layer.lanes))
    if item.is_parallel(layer.lanes):
        return _at_once(layer, op, stream, window_type, pad_value)
    height, width, channels = layer.source.shape
    words, taps = channels // pe, op.kernel[0] * op.kernel[1]
    apart = op.kernel[0] <= op.stride[0] and op.kernel[1] <= op.stride[1]
    whole = op.kernel == (height, width)  # every beat counts, and there is one result a channel
    if not any(op.padding) and taps > 1 and (apart or whole) and not (whole and words == 1):
        return _running(layer, op, stream)
    if not (whole and not any(op.padding)) and not is_pointwise(op.kernel, op.stride, op.padding):
        stream = sliding_window(
            layer,
            stream,
            window_type,
            kernel=op.kernel,
            stride=op.stride,
            padding=op.padding,
            pad_value=pad_value,
            groups=words,
        )
    return layer.put(
        "hwc_reduce",
        "pool",
        stream,
        {
            "LANES": stream.lanes,
            "IN_BITS": stream.dtype.bits,
            "KIND": value_code(stream.dtype),
            "BEATS": taps,
            "SUM": int(isinstance(op, SumPool)),
            "OUT_BITS": target.dtype.bits,
        },
        dtype=target.dtype,
        lanes=stream.lanes,
        size=target.size,
    )


def _at_once(
    layer: Layer, op: MaxPool | SumPool, stream: Stream, window_type: IntType, pad_value: int
) -> Stream:
    """Whole windows in a beat, perhaps several side by side."""
    pe, pixels, target = layer.lanes.pe, layer.lanes.pixels, layer.target
    window = window_of(op, layer.source, target)
    stream = parallel_window(
        layer,
        stream,
        window_type,
        window,
        pad_value=pad_value,
        words=layer.source.channels // pe,
        pixels=pixels,
    )
    return layer.put(
        "hwc_reduce_taps",
        "pool",
        stream,
        {
            "LANES": pe,
            "PIXELS": pixels,
            "TAPS": window.taps,
            "IN_BITS": stream.dtype.bits,
            "KIND": value_code(stream.dtype),
            "SUM": int(isinstance(op, SumPool)),
            "OUT_BITS": target.dtype.bits,
        },
        dtype=target.dtype,
        lanes=pe * pixels,
        size=target.size,
    )


def _running(layer: Layer, op: MaxPool | SumPool, stream: Stream) -> Stream:
    """No pixel is stored: an accumulator for every column of results and channel.

    A row of results leaves within one row of the input. The buffer behind holds
    it (and one more, as there may be rows at the end that belong to no window),
    so that what comes next may take the time of all the rows.
    """
    height, width, channels = layer.source.shape
    out_height, out_width, _ = layer.target.shape
    stride = (max(op.stride[0], op.kernel[0]), max(op.stride[1], op.kernel[1]))
    burst = out_width * (channels // stream.lanes) * min(out_height, 2)
    stream = layer.put(
        "hwc_pool",
        "pool",
        stream,
        {
            "LANES": stream.lanes,
            "IN_BITS": stream.dtype.bits,
            "KIND": value_code(stream.dtype),
            "SUM": int(isinstance(op, SumPool)),
            "OUT_BITS": layer.target.dtype.bits,
            "HEIGHT": height,
            "WIDTH": width,
            "WORDS": channels // stream.lanes,
            "KERNEL_H": op.kernel[0],
            "KERNEL_W": op.kernel[1],
            "STRIDE_H": stride[0],
            "STRIDE_W": stride[1],
            "OUT_HEIGHT": out_height,
            "OUT_WIDTH": out_width,
        },
        dtype=layer.target.dtype,
        lanes=stream.lanes,
        size=layer.target.size,
    )
    if burst <= 2:  # the slice of the module will do
        return stream
    return layer.put(
        "hwc_fifo",
        "row",
        stream,
        {"WIDTH": stream.width, "DEPTH": burst},
        dtype=stream.dtype,
        lanes=stream.lanes,
        size=stream.size,
    )
