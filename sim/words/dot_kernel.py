"""The kernel of weighted sums over packed words, with what follows a sum built in.

Everything that the compiled code calls stands here or is an intrinsic, since
Numba's cache notices changes of this file alone.
"""

from __future__ import annotations

import numpy as np

from hwcompress.sim.jit import kernel
from hwcompress.sim.words.cpu import COLUMNS, LANES
from hwcompress.sim.words.finish import (
    compare,
    copy,
    near,
    pack_bits,
    pack_bytes,
    pack_pairs,
    raw,
    rescale,
    rescale_in_doubles,
    rescale_narrow,
)
from hwcompress.sim.words.finish_bytes import (
    compare_bytes,
    double_bytes,
    float_bytes,
    near_bytes,
    wide_double_bytes,
    wide_float_bytes,
    wide_sums_to_float_bytes,
)
from hwcompress.sim.words.pointers import load_int32, load_int64
from hwcompress.sim.words.tile import OUTPUTS, TILES, WIDE_TILES

__all__ = [
    "BITS",
    "BYTES",
    "COMPARE",
    "COMPARE_BYTES",
    "DOT_FACTS",
    "DOUBLE",
    "DOUBLE_BYTES",
    "FLOAT_BYTES",
    "NARROW",
    "NEAR",
    "NEAR_BYTES",
    "PAIRS",
    "RAW",
    "RESCALE",
    "SEARCH",
    "WIDE",
    "dot",
]

# What a word holds.
WIDE, BYTES, PAIRS, BITS = 0, 1, 2, 3
# What follows a sum.
RAW, COMPARE, SEARCH, RESCALE, NARROW, NEAR, DOUBLE = 0, 1, 2, 3, 4, 5, 6
# Those that make words of bytes at once (:mod:`hwcompress.sim.words.finish_bytes`).
FLOAT_BYTES, DOUBLE_BYTES, COMPARE_BYTES, NEAR_BYTES = 7, 8, 9, 10

DOT_FACTS = (
    "code",
    "kind",  # of the words read
    "offsets",  # address of int64 (groups, steps): rows of the words of the first window
    "steps",
    "weights",  # address of uint32 (blocks, steps, 4): words of four rows of weights
    "blocks",
    "groups",  # so many equal parts of the blocks have offsets of their own
    "below",  # rows from an output's window to that of the output below
    "right",
    "height",  # outputs
    "width",
    "starts",  # address of int32 (4 * blocks,): of the sums
    "factor",  # of the sums
    "mode",  # what follows
    "limits",  # address of int32 (4 * blocks, count), ascending
    "count",
    "terms",  # address of what a mode needs of each sum, see below
    "wide",  # bytes of it
    "low",
    "high",
    "zero",  # what is stored as zero
    "even",  # 1 for ties to even
    "result",  # kind of the words written
    "first",  # row of the first one
    "pitch_y",  # rows to that of the output below
    "pitch_x",
    "rows",  # sums that are wanted (the last block may be filled up)
)
"""What the kernel is told. Terms are int64: of COMPARE, SEARCH and NEAR base and gain; behind them
of NEAR, and first of RESCALE and NARROW, multiplier, addend and shift; of DOUBLE the bits of slope
and offset. Of the modes for bytes they are what the functions of ``finish_bytes`` want."""

# Bytes from one sum of a tile to the next.
_TO_NEXT = 4 * LANES * COLUMNS

_BYTES, _PAIRS, _BITS = TILES["bytes"], TILES["pairs"], TILES["bits"]
_WIDE_BYTES, _WIDE_PAIRS, _WIDE_BITS = WIDE_TILES["bytes"], WIDE_TILES["pairs"], WIDE_TILES["bits"]


@kernel
def _store(at, m, count, kind, to, row_bytes):  # type: ignore[no-untyped-def]
    """One column of four sums' levels into the words of one pixel, whose first is at ``to``."""
    if kind == BYTES:
        pack_bytes(at, to + m // 4 * row_bytes)
    elif kind == PAIRS:
        pack_pairs(at, to + m // 2 * row_bytes)
        if count > 2:
            pack_pairs(at + 2 * _TO_NEXT, to + (m // 2 + 1) * row_bytes)
    elif kind == BITS:
        pack_bits(at, to + m // 32 * row_bytes, m % 32)
    else:
        for o in range(count):
            copy(at + o * _TO_NEXT, to + (m + o) * row_bytes)


@kernel
def _search(sums, m, limits, count, terms):  # type: ignore[no-untyped-def]
    """As ``compare``, by binary search: for many levels."""
    stride = 1
    while stride * 2 <= count:
        stride *= 2
    for o in range(OUTPUTS):
        row = limits + (m + o) * count * 4
        base, gain = load_int64(terms + (m + o) * 24), load_int64(terms + (m + o) * 24 + 8)
        for column in range(COLUMNS):
            for i in range(LANES):
                value, found, jump = sums[o, column, i], 0, stride
                while jump > 0:
                    probe = found + jump
                    if probe <= count and value >= load_int32(row + (probe - 1) * 4):
                        found = probe
                    jump //= 2
                sums[o, column, i] = base + gain * found


@kernel
def _finish(  # type: ignore[no-untyped-def]
    totals, m, starts, factor, mode, limits, count, terms, wide, low, high, zero, even
):
    """What follows four sums, in place; ``terms`` has ``wide`` bytes a sum."""
    for o in range(OUTPUTS):
        c = m + o
        at = totals + o * _TO_NEXT
        start = np.int64(load_int32(starts + c * 4))
        row, term = limits + c * count * 4, terms + c * wide
        if mode == COMPARE:
            compare(at, start, factor, row, count, load_int64(term), load_int64(term + 8))
        elif mode == NEAR:
            mul, add, shift = (
                load_int64(term + 16),
                load_int64(term + 24),
                load_int64(term + 32),
            )
            base, gain = load_int64(term), load_int64(term + 8)
            near(at, start, factor, row, count, mul, add, shift, base, gain)
        elif mode == DOUBLE:
            slope, offset = load_int64(term), load_int64(term + 8)
            rescale_in_doubles(at, start, factor, slope, offset, low, high, zero)
        elif mode in (NARROW, RESCALE):
            mul, add, shift = load_int64(term), load_int64(term + 8), load_int64(term + 16)
            if mode == NARROW:
                rescale_narrow(at, start, factor, mul, add, shift, even, low, high, zero)
            else:
                rescale(at, start, factor, mul, add, shift, even, low, high, zero)
        else:
            raw(at, start, factor)


@kernel
def dot(arena, facts):  # type: ignore[no-untyped-def]
    """Sums over windows of packed words, and what follows them.

    Args:
        arena: uint32 ``(groups of lanes, rows, lanes)`` with 16 or ``16 * COLUMNS`` lanes:
            words of all tensors.
        facts: int64, as :data:`DOT_FACTS` lists them.
    """
    kind, ways, steps, weights, blocks = facts[1], facts[2], facts[3], facts[4], facts[5]
    each = blocks // facts[6]
    step_y, step_x, height, width = facts[7], facts[8], facts[9], facts[10]
    starts, factor, mode = facts[11], facts[12], facts[13]
    limit_rows, count, term_rows, wide = facts[14], facts[15], facts[16], facts[17]
    low, high, zero, even = facts[18], facts[19], facts[20], facts[21]
    result_kind, first_row, pitch_y, pitch_x, rows = (
        facts[22],
        facts[23],
        facts[24],
        facts[25],
        facts[26],
    )
    lanes = arena.shape[2]
    row_bytes = lanes * 4
    sums = np.zeros((OUTPUTS, COLUMNS, LANES), np.int32)
    totals = sums.ctypes.data
    # Side by side: vectors of lanes where there are enough of them, otherwise pixels.
    by_lanes = lanes == LANES * COLUMNS
    across = 1 if by_lanes else COLUMNS
    column_bytes = LANES * 4 if by_lanes else step_x * row_bytes
    for group in range(arena.shape[0]):
        address = arena.ctypes.data + group * arena.shape[1] * row_bytes
        for oy in range(height):
            for first_x in range(0, width, across):
                whole = by_lanes or first_x + COLUMNS <= width
                columns = COLUMNS if whole else width - first_x
                at = address + (oy * step_y + first_x * step_x) * row_bytes
                into_row = first_row + oy * pitch_y + first_x * pitch_x
                into_pixel = address + into_row * row_bytes
                into_step = LANES * 4 if by_lanes else pitch_x * row_bytes
                for block in range(blocks):
                    m = block * OUTPUTS
                    way = ways + block // each * steps * 8
                    words = weights + block * steps * OUTPUTS * 4
                    if whole and kind == BYTES and mode == FLOAT_BYTES:
                        params, to = term_rows + m * wide, into_pixel + block * row_bytes
                        wide_sums_to_float_bytes(
                            at, way, row_bytes, words, steps, column_bytes,
                            params, zero, low, high, to, into_step,
                        )  # fmt: skip
                        continue
                    for column in range(0, columns, COLUMNS if whole else 1):
                        here = at + column * column_bytes
                        into = totals + column * LANES * 4
                        if whole:
                            if kind == BYTES:
                                _WIDE_BYTES(here, way, row_bytes, words, steps, column_bytes, into)
                            elif kind == PAIRS:
                                _WIDE_PAIRS(here, way, row_bytes, words, steps, column_bytes, into)
                            else:
                                _WIDE_BITS(here, way, row_bytes, words, steps, column_bytes, into)
                        elif kind == BYTES:
                            _BYTES(here, way, row_bytes, words, steps, column_bytes, into)
                        elif kind == PAIRS:
                            _PAIRS(here, way, row_bytes, words, steps, column_bytes, into)
                        else:
                            _BITS(here, way, row_bytes, words, steps, column_bytes, into)
                    if mode >= FLOAT_BYTES:
                        # Everything that follows at once, a vector of words at a time.
                        params = term_rows + m * wide
                        limits = limit_rows + m * count * 4
                        to = into_pixel + block * row_bytes
                        if whole and mode == FLOAT_BYTES:
                            wide_float_bytes(totals, params, zero, low, high, to, into_step)
                            continue
                        if whole and mode == DOUBLE_BYTES:
                            wide_double_bytes(totals, params, zero, low, high, to, into_step)
                            continue
                        for column in range(columns):
                            found = totals + column * LANES * 4
                            if mode == FLOAT_BYTES:
                                float_bytes(found, params, zero, low, high, to, into_step)
                            elif mode == DOUBLE_BYTES:
                                double_bytes(found, params, zero, low, high, to, into_step)
                            elif mode == NEAR_BYTES:
                                near_bytes(found, limits, count, params, high, to)
                            else:
                                compare_bytes(found, limits, count, params, high, to)
                            to += into_step
                        continue
                    _finish(
                        totals, m, starts, factor, mode, limit_rows, count, term_rows, wide,
                        low, high, zero, even,
                    )  # fmt: skip
                    if mode == SEARCH:
                        _search(sums, m, limit_rows, count, term_rows)
                    wanted = min(OUTPUTS, rows - m)
                    for column in range(columns):
                        found = totals + column * LANES * 4
                        to = into_pixel + column * into_step
                        _store(found, m, wanted, result_kind, to, row_bytes)
