"""Table lookup."""

from __future__ import annotations

import numpy as np

from hwcompress.hls.rtl.builder import RTL, Layer
from hwcompress.hls.rtl.memory import to_bits
from hwcompress.hls.rtl.netlist import Stream, identifier
from hwcompress.ir import Table

__all__ = ["table"]


@RTL.register(Table)
def table(layer: Layer, op: Table, stream: Stream) -> Stream:
    """Words by the lowest bits of the stored form: values of a type that follow
    each other differ in them, so nothing is subtracted to get an address."""
    pe, dtype, otype = layer.lanes.pe, stream.dtype, layer.target.dtype
    channels = layer.source.channels
    stream = layer.convert(stream, pe)
    index = max(1, (dtype.count - 1).bit_length())
    inputs = dtype.lo + dtype.step * np.arange(dtype.count, dtype=np.int64)
    words = np.zeros((op.values.shape[0], 1 << index), np.int64)
    place = dtype.to_raw(inputs) & ((1 << index) - 1)
    words[:, place] = otype.to_raw(op.values[:, op.index(inputs)])
    # By lane and fold; one of either if all are alike. A beat may hold several pixels.
    tables = np.tile(np.broadcast_to(words, (channels, 1 << index)), (max(1, pe // channels), 1))
    tables = tables.reshape(-1, pe, 1 << index)
    if np.all(tables == tables[:1]):
        tables = tables[:1]
    own = not np.all(tables == tables[:, :1])
    folds = tables.shape[0]
    prefix = layer.builder.unique(f"{identifier(op.name)}_table")
    for lane in range(pe if own else 1):
        file = f"{prefix}_{lane:05d}.hex" if own else f"{prefix}.hex"
        layer.memory_file(file, "table", to_bits(tables[:, lane].reshape(-1), otype.bits))
    return layer.put(
        "hwc_table",
        "lookup",
        stream,
        {
            "PE": pe,
            "IN_BITS": dtype.bits,
            "INDEX": index,
            "OUT_BITS": otype.bits,
            "FOLDS": folds,
            "OWN": int(own),
            "TABLE": prefix,
        },
        dtype=otype,
        lanes=pe,
        size=stream.size,
    )
