"""Integers of many bits by integers of few bits and a multiplier, with the least squared error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from hwcompress.ir import BIPOLAR, IntType

__all__ = ["SCALES", "Rounded", "Scales", "levels", "round_weights"]

Scales = Literal["channel", "layer", "power-of-two"]
"""A multiplier for each output channel, one for a layer, or one that is a power of two."""
SCALES: tuple[Scales, ...] = get_args(Scales)

# What is never negative is taken for a rectified normal distribution: its squared mean over
# its variance.
_MEAN = 1 / (math.pi - 1)

# Multipliers that are tried; all there are, unless weights have more than some nine bits.
_MOST = 8192


@dataclass(frozen=True, eq=False)
class Rounded:
    """New weights: ``multiplier[row] * weight[row] / 2**shift`` stands for the old row.

    Attributes:
        weight: int64, of the old shape.
        dtype: their type.
        multiplier: int64 ``(rows,)``, positive.
        shift: fraction bits of the multipliers.
    """

    weight: np.ndarray
    dtype: IntType
    multiplier: np.ndarray
    shift: int

    @property
    def values(self) -> np.ndarray:
        """What they stand for, float64 and exact, in steps of the old weights."""
        axes = (-1,) + (1,) * (self.weight.ndim - 1)
        return np.asarray(self.weight * self.multiplier.reshape(axes) / (1 << self.shift))


def levels(bits: int, positive: bool) -> IntType:
    """The integers of so many bits: one bit is {-1, +1}, more are symmetric about zero; where no
    weight is negative they start at zero."""
    if positive:
        return IntType.unsigned_bits(bits)
    return BIPOLAR if bits == 1 else IntType.signed_bits(bits, narrow=True)


def round_weights(
    weight: np.ndarray,
    bits: int,
    scales: Scales,
    fraction: int,
    *,
    balanced: bool = False,
) -> Rounded:
    """Round a layer's weights to fewer bits.

    Of all multipliers, which are whole numbers over ``2**fraction`` (powers of two if that
    is wanted), the one with the least sum of squared errors is taken, the smallest of equal
    ones. A weight becomes the nearest level, a tie the even one. With levels -1 and +1 a
    zero has no nearest one: zeros of a row become +1 and -1 in turn, so that they add up to
    nothing.

    Where inputs are never negative their mean is not zero, and errors of a row that add up
    to something move its sums by that mean. Balanced rows count that: with inputs of
    squared mean over variance ``r``, the expected squared error of a sum is proportional to
    ``sum(e**2) + r * sum(e)**2``. Weights go a level up or down, those first that lose least,
    while this falls.

    Args:
        weight: int64 ``(rows, ...)``.
        bits: of the new ones, 1 to 8.
        scales: one multiplier for a row, or for all.
        fraction: fraction bits of the multipliers; none with powers of two.
        balanced: whether errors of a row are balanced.
    """
    dtype = levels(bits, bool(weight.min() >= 0))
    flat = weight.reshape(weight.shape[0], -1)
    fraction = 0 if scales == "power-of-two" else fraction
    groups = flat if scales == "channel" else flat.reshape(1, -1)
    found = [_multiplier(row, dtype, fraction, scales == "power-of-two") for row in groups]
    multiplier = np.broadcast_to(np.array(found, np.int64), flat.shape[:1]).copy()
    rows = []
    for row, factor in zip(flat, multiplier, strict=True):
        near = _nearest(row, dtype, int(factor), fraction)
        if balanced:
            near = _balanced(row, near, dtype, int(factor) / (1 << fraction))
        rows.append(near)
    return Rounded(np.stack(rows).reshape(weight.shape), dtype, multiplier, fraction)


def _multiplier(row: np.ndarray, dtype: IntType, fraction: int, power: bool) -> int:
    """The best multiplier of some weights, times ``2**fraction``."""
    values, counts = np.unique(row, return_counts=True)
    tried = _candidates(int(np.abs(values).max()), dtype, fraction, power)
    best, least = int(tried[0]), np.inf
    for start in range(0, tried.size, 256):
        some = tried[start : start + 256, None]
        steps = some / (1 << fraction)
        if dtype.is_bipolar:
            errors = (np.abs(values) - steps) ** 2
        else:
            near = np.rint((values << fraction) / some).clip(dtype.lo, dtype.hi)
            errors = (values - near * steps) ** 2
        sums = errors @ counts
        if sums.min() < least:
            best, least = int(some[int(sums.argmin()), 0]), float(sums.min())
    return best


def _candidates(peak: int, dtype: IntType, fraction: int, power: bool) -> np.ndarray:
    """Multipliers, ascending. One below 1 helps -1 and +1 only: other levels are nearer then."""
    if power:
        return 1 << np.arange(max(peak, 1).bit_length(), dtype=np.int64)
    low = 1 if dtype.is_bipolar else 1 << fraction
    high = max(peak << fraction, low)
    if high - low < _MOST:
        return np.arange(low, high + 1, dtype=np.int64)
    return np.unique(np.rint(np.geomspace(low, high, _MOST)).astype(np.int64))


def _nearest(row: np.ndarray, dtype: IntType, multiplier: int, fraction: int) -> np.ndarray:
    """The levels of some weights."""
    if dtype.is_bipolar:
        signs = np.sign(row)
        zeros = np.flatnonzero(row == 0)
        signs[zeros] = 1 - 2 * (np.arange(zeros.size) % 2)
        return np.asarray(signs, np.int64)
    near = np.rint((row << fraction) / multiplier).clip(dtype.lo, dtype.hi)
    return np.asarray(near, np.int64)


def _balanced(row: np.ndarray, near: np.ndarray, dtype: IntType, multiplier: float) -> np.ndarray:
    """Levels whose errors add up to less."""
    found = near.copy()
    errors = row - near * multiplier
    sign = 1 if errors.sum() >= 0 else -1
    left, move = abs(float(errors.sum())), dtype.step * multiplier
    for index in np.argsort(-sign * errors, kind="stable"):
        level = int(near[index]) + sign * dtype.step
        if not dtype.lo <= level <= dtype.hi:
            continue
        own = sign * float(errors[index])
        if move * move - 2 * move * own + _MEAN * (move * move - 2 * move * left) >= 0:
            break
        found[index] = level
        left -= move
    return found
