"""Reshape, which is only another reading of the same beats, argmax and top-k."""

from __future__ import annotations

from hwcompress.hls.rtl.builder import RTL, Layer, value_code
from hwcompress.hls.rtl.netlist import Stream
from hwcompress.ir import ArgMax, Reshape, TopK

__all__ = ["argmax", "reshape", "topk"]


@RTL.register(Reshape)
def reshape(layer: Layer, op: Reshape, stream: Stream) -> Stream:
    """No hardware: streams carry the elements in the tensor's order."""
    return stream


@RTL.register(ArgMax)
def argmax(layer: Layer, op: ArgMax, stream: Stream) -> Stream:
    """One element a cycle."""
    stream = layer.convert(stream, 1)
    return layer.put(
        "hwc_argmax",
        "argmax",
        stream,
        {
            "IN_BITS": stream.dtype.bits,
            "KIND": value_code(stream.dtype),
            "COUNT": layer.source.size,
            "OUT_BITS": layer.target.dtype.bits,
        },
        dtype=layer.target.dtype,
        lanes=1,
        size=1,
    )


@RTL.register(TopK)
def topk(layer: Layer, op: TopK, stream: Stream) -> Stream:
    """One element a cycle; the indices leave one by one, while the next frame comes in."""
    stream = layer.convert(stream, 1)
    stream = layer.put(
        "hwc_topk",
        "topk",
        stream,
        {
            "IN_BITS": stream.dtype.bits,
            "KIND": value_code(stream.dtype),
            "COUNT": layer.source.size,
            "K": op.k,
            "OUT_BITS": layer.target.dtype.bits,
        },
        dtype=layer.target.dtype,
        lanes=op.k,
        size=op.k,
    )
    return layer.convert(stream, 1)
