"""Kernels that bring samples into words and integers out of them."""

from __future__ import annotations

import numpy as np
from numba import carray

from hwcompress.sim.jit import kernel
from hwcompress.sim.words.pointers import as_int32, as_int64

__all__ = ["DECODE_FACTS", "ENCODE_FACTS", "decode", "encode", "from_rows", "to_rows"]

_WIDE, _BYTES, _PAIRS, _BITS = 0, 1, 2, 3
# Rows that are written for one sample after another before the next rows: they stay in the
# first-level cache.
_TILE = 64

# Eight bytes of 0 or 1, times this, have their bits side by side in the top byte.
_GATHER_BITS = np.uint64(0x0102040810204080)


ENCODE_FACTS = (
    "code",
    "feed",  # number of the input
    "first",  # address of int64 (pixels,): the first row of each pixel
    "pixels",
    "channels",
    "words",  # of a pixel
    "kind",
    "zero",
    "lowest",  # of the input's type
    "highest",
    "between",  # bits in which an integer of the type may not differ from the lowest one
)
DECODE_FACTS = (
    "code",
    "result",  # number of the result
    "rows",  # address of int64 (features,): the row of each element's word
    "parts",  # address of int64 (features,): its part of the word
    "features",
    "kind",
    "zero",
)


@kernel
def _fits_narrow(values, lowest, highest, between):  # type: ignore[no-untyped-def]
    """Whether all are of a type; integers of up to 32 bits, ``(n,)``."""
    low, high, union, first = np.int32(values[0]), np.int32(values[0]), np.int32(0), lowest
    for i in range(values.size):
        value = np.int32(values[i])
        low, high = min(low, value), max(high, value)
        union |= value ^ np.int32(first)
    return low >= lowest and high <= highest and (np.int64(union) & between) == 0


@kernel
def _fits_wide(values, lowest, highest, between):  # type: ignore[no-untyped-def]
    """The same of 64 bits."""
    low, high, union = values[0], values[0], np.int64(0)
    for i in range(values.size):
        value = values[i]
        low, high = min(low, value), max(high, value)
        union |= value ^ lowest
    return low >= lowest and high <= highest and (union & between) == 0


@kernel
def _spread_words(source, count, first, words, zero, arena):  # type: ignore[no-untyped-def]
    """Samples whose bytes stand as in words, int32 ``(n, words of all pixels)``."""
    lanes = arena.shape[2]
    # Bytes are lowered by `zero` modulo 256, four at once.
    less = np.uint32((256 - zero) & 255) * np.uint32(0x01010101)
    low, top = np.uint32(0x7F7F7F7F), np.uint32(0x80808080)
    each = max(_TILE // words, 1)
    for start in range(0, count, lanes):
        group = start // lanes
        for begin in range(0, first.size, each):
            end = min(begin + each, first.size)
            for pixel in range(begin, end):
                for w in range(words):
                    row = arena[group, first[pixel] + w]
                    column = source[start : start + lanes, pixel * words + w]
                    for lane in range(column.size):
                        word = np.uint32(column[lane])
                        row[lane] = ((word & low) + (less & low)) ^ ((word ^ less) & top)


@kernel
def _spread_parts(values, first, channels, words, kind, zero, arena):  # type: ignore[no-untyped-def]
    """Samples ``(n, pixels * channels)`` as words of bytes, pairs, or one integer each."""
    lanes = arena.shape[2]
    count = values.shape[0]
    capacity = 4 if kind == _BYTES else 2 if kind == _PAIRS else 1
    bits = 32 // capacity
    mask = np.int64((1 << bits) - 1)
    each = max(_TILE // words, 1)
    for start in range(0, count, lanes):
        group = start // lanes
        for begin in range(0, first.size, each):
            end = min(begin + each, first.size)
            for lane in range(min(lanes, count - start)):
                sample = values[start + lane]
                for pixel in range(begin, end):
                    for w in range(words):
                        at = pixel * channels + w * capacity
                        word = np.uint32(0)
                        for part in range(min(capacity, channels - w * capacity)):
                            value = (np.int64(sample[at + part]) - zero) & mask
                            word |= np.uint32(value) << np.uint32(part * bits)
                        arena[group, first[pixel] + w, lane] = word


@kernel
def _spread_bits(values, first, channels, words, arena):  # type: ignore[no-untyped-def]
    """Samples ``(n, pixels * channels)`` as words of single bits."""
    lanes = arena.shape[2]
    ones = np.zeros(32 * words + 32, np.uint8)
    eights = ones.view(np.uint64)
    for n in range(values.shape[0]):
        group, lane, sample = n // lanes, n % lanes, values[n]
        for pixel in range(first.size):
            for c in range(channels):
                ones[c] = np.uint8(sample[pixel * channels + c] > 0)
            for w in range(words):
                word = np.uint32(0)
                for part in range(4):
                    eight = eights[4 * w + part] * _GATHER_BITS >> np.uint64(56)
                    word |= np.uint32(eight) << np.uint32(8 * part)
                arena[group, first[pixel] + w, lane] = word


@kernel
def encode(arena, facts, values):  # type: ignore[no-untyped-def]
    """Samples ``(n, features)`` into words; lanes without one get the last.

    Args:
        arena: as many groups of lanes as the samples take.
        facts: as :data:`ENCODE_FACTS` lists them.
        values: C-contiguous.

    Returns:
        Whether all integers are of the input's type. If not, nothing is written.
    """
    count = values.shape[0]
    lowest, highest, between = facts[8], facts[9], facts[10]
    flat = values.reshape(values.size)
    if values.itemsize < 8:
        if not _fits_narrow(flat, lowest, highest, between):
            return False
    elif not _fits_wide(flat, lowest, highest, between):
        return False
    first = carray(as_int64(facts[2]), (facts[3],))
    channels, words, kind, zero = facts[4], facts[5], facts[6], facts[7]
    address = values.ctypes.data
    if kind == _BITS:
        _spread_bits(values, first, channels, words, arena)
    elif kind == _BYTES and values.itemsize == 1 and channels == 4 * words and address % 4 == 0:
        source = carray(as_int32(address), (count, first.size * words))
        _spread_words(source, count, first, words, zero, arena)
    else:
        _spread_parts(values, first, channels, words, kind, zero, arena)
    lanes = arena.shape[2]
    last = (count - 1) % lanes
    if last + 1 < lanes:
        group = arena[(count - 1) // lanes]
        for pixel in range(first.size):
            for w in range(words):
                row = group[first[pixel] + w]
                for lane in range(last + 1, lanes):
                    row[lane] = row[last]
    return True


@kernel
def _put(kind, zero, part, value, word):  # type: ignore[no-untyped-def]
    """A word with one more integer in it."""
    if kind == _BYTES:
        return word | np.uint32((value - zero) & 255) << np.uint32(8 * part)
    if kind == _PAIRS:
        return word | np.uint32((value - zero) & 65535) << np.uint32(16 * part)
    if kind == _BITS:
        return word | np.uint32(value > 0) << np.uint32(part)
    return np.uint32(value - zero)


@kernel
def _get(kind, zero, part, word):  # type: ignore[no-untyped-def]
    """One integer of a word."""
    if kind == _BYTES:
        return np.int64((word >> np.uint32(8 * part)) & np.uint32(255)) + zero
    if kind == _PAIRS:
        return np.int64(np.int16((word >> np.uint32(16 * part)) & np.uint32(65535))) + zero
    if kind == _BITS:
        return 2 * np.int64((word >> np.uint32(part)) & np.uint32(1)) - 1
    return np.int64(np.int32(word)) + zero


@kernel
def decode(arena, facts, values):  # type: ignore[no-untyped-def]
    """Words to samples, int64 ``(n, features)``; ``facts`` as :data:`DECODE_FACTS` lists them."""
    lanes = arena.shape[2]
    rows = carray(as_int64(facts[2]), (facts[4],))
    parts = carray(as_int64(facts[3]), (facts[4],))
    kind, zero = facts[5], facts[6]
    for start in range(0, values.shape[0], lanes):
        group = arena[start // lanes]
        for begin in range(0, rows.size, _TILE):
            end = min(begin + _TILE, rows.size)
            for f in range(begin, end):
                source, part = group[rows[f]], parts[f]
                target = values[start : start + lanes, f]
                if kind == _WIDE:
                    for lane in range(target.size):
                        target[lane] = np.int64(np.int32(source[lane])) + zero
                else:
                    for lane in range(target.size):
                        target[lane] = _get(kind, zero, part, source[lane])


@kernel
def to_rows(arena, rows, parts, kind, zero, y):  # type: ignore[no-untyped-def]
    """Words to an array ``(features, lanes of all groups)``."""
    groups, _, lanes = arena.shape
    for f in range(rows.size):
        for group in range(groups):
            source = arena[group, rows[f]]
            target = y[f, group * lanes : (group + 1) * lanes]
            for i in range(lanes):
                target[i] = _get(kind, zero, parts[f], source[i])


@kernel
def from_rows(x, rows, parts, kind, zero, arena):  # type: ignore[no-untyped-def]
    """The other way round; parts of one word follow each other, the first is 0."""
    groups, _, lanes = arena.shape
    for f in range(rows.size):
        for group in range(groups):
            source = x[f, group * lanes : (group + 1) * lanes]
            target = arena[group, rows[f]]
            if parts[f] == 0:
                for i in range(lanes):
                    target[i] = _put(kind, zero, 0, np.int64(source[i]), np.uint32(0))
            else:
                for i in range(lanes):
                    target[i] = _put(kind, zero, parts[f], np.int64(source[i]), target[i])
