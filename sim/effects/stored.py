"""How hardware stores tensors, weights and thresholds as bits, and what a flipped bit makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hwcompress.ir import BIPOLAR, Conv, ConvTranspose, Dense, IntType, Threshold

__all__ = [
    "Weighted",
    "bit_patterns",
    "flip_weights",
    "storage_range",
    "store_thresholds",
    "threshold_bits",
    "threshold_shape",
]

Weighted = Dense | Conv | ConvTranspose
"""Operations with a weight memory."""


def storage_range(kind: IntType) -> IntType:
    """Every value that the stored form of a type can take: [-7..7] has room for -8."""
    if kind.is_bipolar:
        return BIPOLAR
    return IntType.signed_bits(kind.bits) if kind.signed else IntType.unsigned_bits(kind.bits)


def bit_patterns(kind: IntType) -> np.ndarray:
    """int64 ``(bits,)``: what a flip of each bit toggles in the integer, by exclusive or.

    The sign bit of a signed type toggles every bit above it, too; so does the one bit of
    the bipolar type, all but the lowest one: -1 and +1.
    """
    if kind.is_bipolar:
        return np.array([-2], np.int64)
    patterns = np.int64(1) << np.arange(kind.bits, dtype=np.int64)
    if kind.signed:
        patterns[-1] = -patterns[-1]
    return patterns


def flip_weights(op: Weighted, places: Sequence[tuple[tuple[int, ...], int]]) -> Weighted:
    """The layer with some bits of its weights flipped, each an index and a bit.

    The weights' type grows to all that its bits can hold where it has to. Ternary weights have
    two bits, of which hardware reads the pattern 10 as 0.
    """
    raw = op.wtype.to_raw(op.weight)
    for index, bit in places:
        raw[index] ^= 1 << bit
    weight = op.wtype.from_raw(raw)
    wtype = op.wtype
    if wtype.is_ternary:
        weight = np.where(weight == -2, 0, weight)
    elif not wtype.contains(weight):
        wtype = storage_range(wtype)
    return replace(op, weight=weight, wtype=wtype)


def threshold_bits(source: IntType) -> int:
    """Bits of a stored threshold: of the input's values, and one above all of them."""
    low = max(-source.lo - 1, 0).bit_length()
    return max(low, max(source.hi + 1, 0).bit_length()) + 1


def threshold_shape(op: Threshold) -> tuple[int, int]:
    """Rows and columns of the threshold memory.

    One row serves all channels, unless their signs differ: hardware compares with
    ``1 - t`` where the sign is -1.
    """
    rows, levels = op.thresholds.shape
    return (max(rows, len(op.sign)) if _mixed(op) else rows, levels)


def store_thresholds(
    op: Threshold, source: IntType, places: Sequence[tuple[tuple[int, ...], int]] = ()
) -> Threshold:
    """The step function as hardware stores it, perhaps with some bits flipped.

    A threshold beyond the range of the input is stored as the edge that decides alike for all
    inputs of that range, and one of a falling function as ``1 - t``, both in two's complement of
    :func:`threshold_bits`. Comparisons are counted whatever the order of the thresholds, which is
    the same as with ascending ones.

    Args:
        op: the step function.
        source: type of its input's stream.
        places: index and bit of every flip.
    """
    shape = threshold_shape(op)
    sign = np.broadcast_to(op.sign, shape[:1]) if _mixed(op) else op.sign[:1]
    falling = np.broadcast_to(sign[:, None] < 0, shape)
    given = np.broadcast_to(op.thresholds, shape)
    turned = 1 - np.clip(given, -source.hi, 1 - source.lo)  # clipped first: 1 - t must not wrap
    stored = np.where(falling, turned, np.clip(given, source.lo, source.hi + 1))
    patterns = bit_patterns(IntType.signed_bits(threshold_bits(source)))
    for index, bit in places:
        stored[index] ^= patterns[bit]
    back = np.where(falling, 1 - stored, stored)
    return replace(op, thresholds=np.sort(back, axis=1))


def _mixed(op: Threshold) -> bool:
    return bool(np.any(op.sign != op.sign[0]))
