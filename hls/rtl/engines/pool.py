"""Pooling: a sliding window, then a reduction per channel."""

from __future__ import annotations

import numpy as np

from hwcompress.hls.rtl.builder import RTL, Layer, value_code
from hwcompress.hls.rtl.engines.spatial import is_pointwise, sliding_window
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
    pe, target = layer.lanes.pe, layer.target
    stream = layer.convert(stream, pe)
    if not is_pointwise(op.kernel, op.stride, op.padding):
        stream = sliding_window(
            layer,
            stream,
            window_type,
            kernel=op.kernel,
            stride=op.stride,
            padding=op.padding,
            pad_value=pad_value,
            groups=layer.source.channels // pe,
        )
    return layer.put(
        "hwc_reduce",
        "pool",
        stream,
        {
            "LANES": pe,
            "IN_BITS": stream.dtype.bits,
            "KIND": value_code(stream.dtype),
            "BEATS": op.kernel[0] * op.kernel[1],
            "SUM": int(isinstance(op, SumPool)),
            "OUT_BITS": target.dtype.bits,
        },
        dtype=target.dtype,
        lanes=pe,
        size=target.size,
    )
