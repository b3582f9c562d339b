"""Kernels that bring samples into words and integers out of them."""

from __future__ import annotations

import numpy as np

from hwcompress.sim.jit import kernel

__all__ = ["decode", "encode", "from_rows", "to_rows"]

_WIDE, _BYTES, _PAIRS, _BITS = 0, 1, 2, 3

# Eight bytes of 0 or 1, times this, have their bits side by side in the top byte.
_GATHER_BITS = np.uint64(0x0102040810204080)


@kernel
def encode(values, first, channels, words, kind, zero, lowest_of_type, arena):  # type: ignore[no-untyped-def]
    """Samples ``(n, pixels * channels)`` into words; ``first`` holds the first row of each pixel.

    Lanes without a sample get the last one. A sample's words are made in a small array, and
    then spread over the rows. Returns the lowest and the highest integer, and the distances of
    all from the type's lowest combined by OR: what tells whether all were of the input's
    type, at hardly any cost.
    """
    groups, _, lanes = arena.shape
    last = values.shape[0] - 1
    # Whole words, even where the last pixel's are not filled.
    made = np.zeros(first.size * words + 8, np.uint32)
    bytes_, pairs = made.view(np.uint8), made.view(np.int16)
    ones = np.zeros(32 * words + 32, np.uint8)
    eights = ones.view(np.uint64)
    lowest, highest, union = np.int64(values[0, 0]), np.int64(values[0, 0]), np.int64(0)
    for group in range(groups):
        for lane in range(lanes):
            n = group * lanes + lane
            if n > last:
                # The words made last are those of the last sample.
                for pixel in range(first.size):
                    for w in range(words):
                        arena[group, first[pixel] + w, lane] = made[pixel * words + w]
                continue
            sample = values[n]
            for f in range(sample.size):
                value = np.int64(sample[f])
                lowest, highest = min(lowest, value), max(highest, value)
                union |= value - lowest_of_type
            if kind == _BYTES:
                if channels == 4 * words:
                    for f in range(sample.size):
                        bytes_[f] = np.uint8(sample[f] - zero)
                else:
                    for pixel in range(first.size):
                        for c in range(channels):
                            value = sample[pixel * channels + c] - zero
                            bytes_[4 * pixel * words + c] = np.uint8(value)
            elif kind == _PAIRS:
                for pixel in range(first.size):
                    for c in range(channels):
                        value = sample[pixel * channels + c] - zero
                        pairs[2 * pixel * words + c] = np.int16(value)
            elif kind == _BITS:
                for pixel in range(first.size):
                    for c in range(channels):
                        ones[c] = np.uint8(sample[pixel * channels + c] > 0)
                    for w in range(words):
                        word = np.uint32(0)
                        for part in range(4):
                            eight = eights[4 * w + part] * _GATHER_BITS >> np.uint64(56)
                            word |= np.uint32(eight) << np.uint32(8 * part)
                        made[pixel * words + w] = word
            else:
                for f in range(sample.size):
                    made[f] = np.uint32(sample[f] - zero)
            for pixel in range(first.size):
                for w in range(words):
                    arena[group, first[pixel] + w, lane] = made[pixel * words + w]
    return lowest, highest, union


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
def decode(arena, rows, parts, kind, zero, values):  # type: ignore[no-untyped-def]
    """Words to samples ``(n, features)``, int64: element ``f`` is a part of the word in a row."""
    lanes = arena.shape[2]
    for n in range(values.shape[0]):
        group, lane = n // lanes, n % lanes
        for f in range(rows.size):
            values[n, f] = _get(kind, zero, parts[f], arena[group, rows[f], lane])


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
