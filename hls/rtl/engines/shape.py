"""Reshape, which is only another reading of the same beats, and argmax."""

from __future__ import annotations

from hwcompress.hls.rtl.builder import RTL, Layer, value_code
from hwcompress.hls.rtl.netlist import Stream
from hwcompress.ir import ArgMax, Reshape

__all__ = ["argmax", "reshape"]


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
