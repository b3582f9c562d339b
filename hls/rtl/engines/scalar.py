"""Thresholds and rescaling, channel by channel."""

from __future__ import annotations

import numpy as np

from hwcompress.hls.rtl.builder import RTL, Layer, value_code
from hwcompress.hls.rtl.memory import signed_bits, to_bits
from hwcompress.hls.rtl.netlist import Literal, Stream, identifier
from hwcompress.ir import Rescale, Threshold

__all__ = ["rescale", "threshold"]

# Thresholds up to which every one has a comparator, with constant thresholds and
# with those of several channel folds. Of whole designs with one lane (Yosys 0.70,
# synth_xilinx; LUT / FF), comparators against search:
#   8 bits, constant   K = 3: 41 / 62, 39 / 88     K = 7: 57 / 69, 45 / 90
#                     K = 15: 81 / 80, 64 / 153   K = 31: 100 / 99, 78 / 188
#  16 bits, constant   K = 3: 61 / 86, 57 / 136    K = 7: 90 / 93, 75 / 183
#   8 bits, 16 folds   K = 3: 74 / 93, 58 / 123    K = 7: 130 / 128, 73 / 164
#                     K = 15: 248 / 195, 95 / 206 K = 31: 461 / 313, 133 / 251
#  16 bits, 16 folds   K = 3: 123 / 141, 94 / 187  K = 7: 240 / 208, 123 / 251
# A device has two flip-flops a LUT, so one counts half. Tables that become logic
# cost a LUT a bit however few folds they have: comparators read all K at once,
# a search lays its thresholds end to end.
_PARALLEL_CONSTANT = 31
_PARALLEL_FOLDED = 3


@RTL.register(Threshold)
def threshold(layer: Layer, op: Threshold, stream: Stream) -> Stream:
    """Counts of ``x >= t``. For sign -1, ``-x >= t`` is ``not x >= 1 - t``, so
    the lane compares with ``1 - t`` and the count is taken from K."""
    pe = layer.lanes.pe
    dtype, otype = stream.dtype, layer.target.dtype
    stream = layer.convert(stream, pe)
    rows, sign = op.rows(layer.source.channels)
    rows, sign = _by_lane(layer, rows), _by_lane(layer, sign)
    channels = len(sign)
    # One level only: a threshold that never holds, and nothing to turn.
    constant = op.thresholds.shape[1] == 0
    falling = (sign < 0) & (not constant)
    # Thresholds outside the input type always or never hold: lo and hi + 1 say
    # so within one bit more than the type has. Clipped before they are turned,
    # for 1 - t of the least int64 would wrap.
    turned = 1 - np.clip(rows, -dtype.hi, 1 - dtype.lo)
    table = np.where(falling[:, None], turned, np.clip(rows, dtype.lo, dtype.hi + 1))
    table = np.sort(table, axis=1)
    levels = table.shape[1]
    width = signed_bits(dtype.lo, dtype.hi + 1)
    parameters: dict[str, int | str | Literal] = {
        "PE": pe,
        "IN_BITS": dtype.bits,
        "KIND": value_code(dtype),
        "K": max(levels, 1),
        "T_BITS": width,
        "FALLING": int(falling.any()),
    }
    low = int(otype.to_raw(np.array(otype.lo)))
    output: dict[str, int | str | Literal] = {
        "OUT_BITS": otype.bits,
        "LO": Literal.hex(otype.bits, low),
    }
    by_fold = np.concatenate([table, falling[:, None]], axis=1).reshape(channels // pe, -1)
    constant_tables = bool(np.all(by_fold == by_fold[:1]))
    if levels <= (_PARALLEL_CONSTANT if constant_tables else _PARALLEL_FOLDED):
        if constant:
            table = np.full((channels, 1), dtype.hi + 1)
        bits = to_bits(table, width).reshape(channels, -1)
        if falling.any():
            bits = np.concatenate([bits, falling[:, None].astype(np.uint8)], axis=1)
        file, folds = layer.table("thresholds", bits.reshape(channels // pe, -1))
        parameters |= {"FOLDS": folds, **output, "TABLE": file}
        module = "hwc_threshold"
    else:
        parameters |= _search_tables(layer, table, falling, width) | output
        module = "hwc_threshold_search"
    return layer.put(
        module, "threshold", stream, parameters, dtype=otype, lanes=pe, size=stream.size
    )


def _by_lane(layer: Layer, rows: np.ndarray) -> np.ndarray:
    """Rows by channel, as often as a beat holds the channels."""
    times = max(1, layer.lanes.pe // layer.source.channels)
    return np.concatenate([rows] * times)


def _search_tables(
    layer: Layer, table: np.ndarray, falling: np.ndarray, width: int
) -> dict[str, int | str | Literal]:
    """One file per lane and search stage: ``<prefix>_<stage>_<lane>.hex``, two and five digits."""
    channels, levels = table.shape
    pe = layer.lanes.pe
    stages = levels.bit_length()
    never = layer.source.dtype.hi + 1
    full = np.full((channels, (1 << stages) - 1), never)
    full[:, :levels] = table
    lanes = full.reshape(channels // pe, pe, -1).transpose(1, 0, 2)  # (lane, fold, threshold)
    turned = falling.reshape(channels // pe, pe)
    if np.all(lanes == lanes[:, :1]) and np.all(turned == turned[:1]):
        lanes, turned = lanes[:, :1], turned[:1]
    folds = lanes.shape[1]
    prefix = layer.builder.unique(f"{identifier(layer.op.name)}_thresholds")
    for stage in range(stages):
        # Stage s has decided the upper s bits of the count; the next bit is
        # one if the threshold in the middle of what is left holds.
        rest = stages - stage
        middle = (np.arange(1 << stage) << rest) + (1 << (rest - 1)) - 1
        words = to_bits(lanes[:, :, middle].reshape(pe, -1), width)
        for lane in range(pe):
            layer.memory_file(f"{prefix}_{stage:02d}_{lane:05d}.hex", "thresholds", words[lane])
    if falling.any():
        layer.memory_file(f"{prefix}_falling.hex", "falling", turned.astype(np.uint8))
    result: dict[str, int | str | Literal] = {"FOLDS": folds, "STAGES": stages, "TABLES": prefix}
    return result


@RTL.register(Rescale)
def rescale(layer: Layer, op: Rescale, stream: Stream) -> Stream:
    """One shift for all channels: ``(m x + a) / 2**s`` does not change when
    all of m, a and 2**s are doubled, so smaller shifts are raised to the largest."""
    pe, otype = layer.lanes.pe, layer.target.dtype
    dtype = stream.dtype
    stream = layer.convert(stream, pe)
    mul, add, shift = (
        _by_lane(layer, np.broadcast_to(field, (layer.source.channels,)).astype(object))
        for field in (op.mul, op.add, op.shift)
    )
    channels = len(mul)
    common = max(shift)
    mul = np.array([m << (common - s) for m, s in zip(mul, shift, strict=True)], object)
    add = np.array([a << (common - s) for a, s in zip(add, shift, strict=True)], object)
    while common and not any(value & 1 for value in (*mul, *add)):
        mul, add, common = mul >> 1, add >> 1, common - 1
    reach = [m * x + a for m, a in zip(mul, add, strict=True) for x in (dtype.lo, dtype.hi)]
    mul_bits = signed_bits(min(mul), max(mul))
    add_bits = signed_bits(min(add), max(add))
    sum_bits = max(signed_bits(min(reach), max(reach) + (1 << common)), add_bits, common + 2)
    lane = np.concatenate([to_bits(mul, mul_bits), to_bits(add, add_bits)], axis=1)
    file, folds = layer.table("rescale", lane.reshape(channels // pe, -1))
    return layer.put(
        "hwc_rescale",
        "rescale",
        stream,
        {
            "PE": pe,
            "IN_BITS": dtype.bits,
            "KIND": value_code(dtype),
            "MUL_BITS": mul_bits,
            "ADD_BITS": add_bits,
            "SUM_BITS": sum_bits,
            "SHIFT": common,
            "HALF_EVEN": int(op.rounding == "half_even"),
            "FOLDS": folds,
            "OUT_BITS": otype.bits,
            "LO": Literal.signed(64, otype.lo),
            "HI": Literal.signed(64, otype.hi),
            "TABLE": file,
        },
        dtype=otype,
        lanes=pe,
        size=stream.size,
    )
