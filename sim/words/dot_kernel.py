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
from hwcompress.sim.words.tile import OUTPUTS, TILES, WIDE_TILES

__all__ = [
    "BITS",
    "BYTES",
    "COMPARE",
    "DOUBLE",
    "NARROW",
    "NEAR",
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

# Bytes from one sum of a tile to the next.
_TO_NEXT = 4 * LANES * COLUMNS

_BYTES, _PAIRS, _BITS = TILES["bytes"], TILES["pairs"], TILES["bits"]
_WIDE_BYTES, _WIDE_PAIRS, _WIDE_BITS = WIDE_TILES["bytes"], WIDE_TILES["pairs"], WIDE_TILES["bits"]


@kernel
def _store(at, m, count, kind, to, row_bytes, row):  # type: ignore[no-untyped-def]
    """One column of four sums' levels into the words of one pixel, whose first is in ``row``."""
    if kind == BYTES:
        pack_bytes(at, to + (row + m // 4) * row_bytes)
    elif kind == PAIRS:
        pack_pairs(at, to + (row + m // 2) * row_bytes)
        if count > 2:
            pack_pairs(at + 2 * _TO_NEXT, to + (row + m // 2 + 1) * row_bytes)
    elif kind == BITS:
        pack_bits(at, to + (row + m // 32) * row_bytes, m % 32)
    else:
        for o in range(count):
            copy(at + o * _TO_NEXT, to + (row + m + o) * row_bytes)


@kernel
def _search(sums, m, limits, terms):  # type: ignore[no-untyped-def]
    """As ``compare``, by binary search: for many levels."""
    count = limits.shape[1]
    stride = 1
    while stride * 2 <= count:
        stride *= 2
    for o in range(OUTPUTS):
        row = limits[m + o]
        base, gain = terms[m + o, 0], terms[m + o, 1]
        for column in range(COLUMNS):
            for i in range(LANES):
                value, found, jump = sums[o, column, i], 0, stride
                while jump > 0:
                    probe = found + jump
                    if probe <= count and value >= row[probe - 1]:
                        found = probe
                    jump //= 2
                sums[o, column, i] = base + gain * found


@kernel
def dot(  # type: ignore[no-untyped-def]
    arena,
    kind,
    offsets,
    weight,
    groups,
    source,
    window,
    start,
    factor,
    mode,
    limits,
    terms,
    bounds,
    result_kind,
    target,
    rows,
):
    """Sums over windows of packed words, and what follows them.

    Args:
        arena: uint32 ``(groups of lanes, rows, lanes)`` with 16 or ``16 * COLUMNS`` lanes:
            words of all tensors.
        kind: of the words read.
        offsets: int64 ``(groups, steps)``, rows of the words of the first output's window.
        weight: uint32 ``(blocks, steps, 4)``, words of four rows of weights.
        groups: so many equal parts of the blocks have offsets of their own.
        source: rows from an output's window to that of the next output (below, to the right).
        window: outputs (height, width).
        start, factor: of the sums, int32 ``(4 * blocks,)`` and an integer.
        mode: what follows; ``limits`` int32 ``(4 * blocks, levels)`` ascend, ``terms`` is int64
            ``(4 * blocks, 3 or 5)``: of COMPARE, SEARCH and NEAR base and gain; behind them of
            NEAR, and first of RESCALE and NARROW, multiplier, addend and shift; of DOUBLE the
            bits of slope and offset. ``bounds`` is lowest, highest, what is stored as zero, and
            1 for ties to even.
        result_kind: of the words written.
        target: row of the first one, and rows from an output to the next (below, to the right).
        rows: sums that are wanted (the last block may be filled up).
    """
    lanes = arena.shape[2]
    row_bytes = lanes * 4
    steps = offsets.shape[1]
    each = weight.shape[0] // groups
    sums = np.zeros((OUTPUTS, COLUMNS, LANES), np.int32)
    totals = sums.ctypes.data
    count = limits.shape[1]
    low, high, zero, even = bounds[0], bounds[1], bounds[2], bounds[3]
    ways, weights, limit_rows = offsets.ctypes.data, weight.ctypes.data, limits.ctypes.data
    # Side by side: vectors of lanes where there are enough of them, otherwise pixels.
    by_lanes = lanes == LANES * COLUMNS
    height, width = window
    across = 1 if by_lanes else COLUMNS
    column_bytes = LANES * 4 if by_lanes else source[1] * row_bytes
    for group in range(arena.shape[0]):
        address = arena.ctypes.data + group * arena.shape[1] * row_bytes
        for oy in range(height):
            for first_x in range(0, width, across):
                whole = by_lanes or first_x + COLUMNS <= width
                columns = COLUMNS if whole else width - first_x
                at = address + (oy * source[0] + first_x * source[1]) * row_bytes
                for block in range(weight.shape[0]):
                    m = block * OUTPUTS
                    way = ways + block // each * steps * 8
                    words = weights + block * steps * OUTPUTS * 4
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
                    # What follows the sums, in place.
                    for o in range(OUTPUTS):
                        c = m + o
                        at_sum = totals + o * _TO_NEXT
                        if mode == COMPARE:
                            row = limit_rows + c * count * 4
                            compare(at_sum, start[c], factor, row, count, terms[c, 0], terms[c, 1])
                        elif mode == NEAR:
                            row = limit_rows + c * count * 4
                            near(
                                at_sum,
                                start[c],
                                factor,
                                row,
                                count,
                                terms[c, 2],
                                terms[c, 3],
                                terms[c, 4],
                                terms[c, 0],
                                terms[c, 1],
                            )
                        elif mode == DOUBLE:
                            rescale_in_doubles(
                                at_sum, start[c], factor, terms[c, 0], terms[c, 1], low, high, zero
                            )
                        elif mode == NARROW:
                            rescale_narrow(
                                at_sum,
                                start[c],
                                factor,
                                terms[c, 0],
                                terms[c, 1],
                                terms[c, 2],
                                even,
                                low,
                                high,
                                zero,
                            )
                        elif mode == RESCALE:
                            rescale(
                                at_sum,
                                start[c],
                                factor,
                                terms[c, 0],
                                terms[c, 1],
                                terms[c, 2],
                                even,
                                low,
                                high,
                                zero,
                            )
                        else:
                            raw(at_sum, start[c], factor)
                    if mode == SEARCH:
                        _search(sums, m, limits, terms)
                    wanted = min(OUTPUTS, rows - m)
                    for column in range(columns):
                        pixel = first_x if by_lanes else first_x + column
                        row = target[0] + oy * target[1] + pixel * target[2]
                        to = address + (column * LANES * 4 if by_lanes else 0)
                        found = totals + column * LANES * 4
                        _store(found, m, wanted, result_kind, to, row_bytes, row)
