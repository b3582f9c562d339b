"""Constants: a memory of their period, walked for ever."""

from __future__ import annotations

import numpy as np

from hwcompress.hls.folding.engines import divisors
from hwcompress.hls.rtl.builder import RTL, Layer
from hwcompress.hls.rtl.lanes import wanted_lanes
from hwcompress.hls.rtl.memory import to_bits
from hwcompress.hls.rtl.netlist import Stream
from hwcompress.ir import Constant

__all__ = ["constant", "values"]


@RTL.register(Constant)
def constant(layer: Layer, op: Constant) -> Stream:
    """As many lanes as its reader takes, so that no converter stands between them."""
    return values(layer, op, wanted_lanes(layer.builder, op.outputs[0]))


def values(layer: Layer, op: Constant, lanes: int) -> Stream:
    """The memory that gives ``lanes`` elements a beat."""
    dtype = op.dtype
    beats = op.values.reshape(-1, lanes)
    part = _period(beats.T)
    words = beats[: _period(beats), :part]
    repeat = _run(words)
    words = words[::repeat]
    layer.cycles = len(beats)
    bits = to_bits(dtype.to_raw(words), dtype.bits).reshape(len(words), -1)
    return layer.put(
        "hwc_constant",
        "values",
        [],
        {
            "WIDTH": bits.shape[1],
            "COPIES": lanes // part,
            "WORDS": len(words),
            "REPEAT": repeat,
            "BEATS": len(beats),
            "TABLE": layer.memory("values", bits),
        },
        dtype=dtype,
        lanes=lanes,
        size=op.values.size,
    )


def _period(rows: np.ndarray) -> int:
    """The fewest first rows of which all are copies, in turn."""
    for count in divisors(len(rows)):
        if np.all(rows.reshape(-1, count, rows.shape[1]) == rows[:count]):
            return count
    raise AssertionError("the rows are copies of themselves")


def _run(rows: np.ndarray) -> int:
    """The longest runs of equal rows of which they consist; 1 for a single row."""
    runs = (
        count
        for count in reversed(divisors(len(rows)))
        if np.all(rows.reshape(-1, count, rows.shape[1]) == rows[::count, None])
    )
    return next(runs)
