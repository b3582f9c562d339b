"""Thresholds on a line, or close to one: a multiplication instead of many comparisons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Line", "line_of", "near_line", "slope_of"]

_MOST_SHIFT = 40
_LIMIT = 1 << 61
_ROUNDS = 80

Ends = int | np.ndarray


@dataclass(frozen=True, eq=False)
class Line:
    """``floor((x * mul + add) / 2**shift)``, clamped, for every channel: all int64 ``(C,)``."""

    mul: np.ndarray
    add: np.ndarray
    shift: np.ndarray


def line_of(thresholds: np.ndarray, lo: Ends, hi: Ends) -> Line | None:
    """A line that counts thresholds as comparing does, for every integer of a range.

    Thresholds of a quantizer with even steps lie on one. With ``f(x) = floor((x * mul + add) /
    2**shift)`` the count is ``f(x)`` clamped to ``0..K`` if, for every ``k``, ``f(t[k]) >= k + 1``
    and ``f(t[k] - 1) <= k``: as ``f`` does not fall, this proves it for all other ``x``. Both
    are bounds of ``add`` for a given ``mul``; the slope is sought that leaves most between them.

    Args:
        thresholds: int64 ``(C, K)``, ascending; the count is that of ``x >= t``.
        lo, hi: least and greatest ``x``; of all channels, or int64 ``(C,)``.

    Returns:
        The line of every channel with the least shift that serves, or ``None`` if a channel
        has none.
    """
    channels, count = thresholds.shape
    if count == 0 or channels == 0:
        return None
    level = np.arange(1, count + 1)
    reached, passed = _decided(thresholds, lo, hi)
    slope, _ = _slope(thresholds.astype(np.float64), level, reached, passed)
    mul, add, shift = (np.zeros(channels, np.int64) for _ in range(3))
    todo = np.ones(channels, bool)
    largest = _largest(thresholds, lo, hi)
    for bits in range(_MOST_SHIFT + 1):
        factor = np.rint(slope * (1 << bits))
        if np.any(factor[todo] * largest + ((count + 1) << bits) >= _LIMIT):
            return None
        factors = np.where(todo, factor, 0).astype(np.int64)[:, None]
        least = np.where(reached, (level << bits) - thresholds * factors, -_LIMIT).max(axis=1)
        most = (level << bits) - 1 - (thresholds - 1) * factors
        most = np.where(passed, most, _LIMIT).min(axis=1)
        found = todo & (least <= most)
        mul[found], shift[found] = factors[found, 0], bits
        # Where one side is open, the bound of the other; otherwise the middle.
        closed = np.where(least == -_LIMIT, np.where(most == _LIMIT, 0, most), least)
        middle = np.where((least > -_LIMIT) & (most < _LIMIT), (least + most) // 2, closed)
        add[found] = middle[found]
        todo &= ~found
        if not np.any(todo):
            return Line(mul, add, shift)
    return None


def near_line(thresholds: np.ndarray, lo: Ends, hi: Ends) -> Line | None:
    """A line that is at most one beside the count of thresholds, for every integer of a range.

    For every ``k``, ``f(t[k]) >= k`` and ``f(t[k] - 1) <= k + 1`` (of equal thresholds, the
    last and the first) prove it, as ``f`` does not fall.

    Args:
        thresholds, lo, hi: as of :func:`line_of`.
    """
    channels, count = thresholds.shape
    if count == 0 or channels == 0:
        return None
    reached, passed = _decided(thresholds, lo, hi)
    level = np.arange(1, count + 1)
    slope, offset = slope_of(thresholds, lo, hi)
    largest = _largest(thresholds, lo, hi)
    room = _LIMIT / (np.maximum(slope * largest, np.abs(offset)) + count + 1)
    shift = np.clip(np.floor(np.log2(room)) - 1, 0, _MOST_SHIFT).astype(np.int64)
    mul = np.rint(np.ldexp(slope, shift.astype(np.int32))).astype(np.int64)
    add = np.rint(np.ldexp(offset, shift.astype(np.int32))).astype(np.int64)

    def guess(x: np.ndarray) -> np.ndarray:
        found = (x * mul[:, None] + add[:, None]) >> shift[:, None]
        return np.asarray(np.clip(found, 0, count))

    low = np.all((guess(thresholds) >= level - 1) | ~reached)
    high = np.all((guess(thresholds - 1) <= level) | ~passed)
    return Line(mul, add, shift) if low and high else None


def _decided(thresholds: np.ndarray, lo: Ends, hi: Ends) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds that some ``x`` reaches, and those that some ``x`` does not."""
    least, most = np.reshape(lo, (-1, 1)), np.reshape(hi, (-1, 1))
    return thresholds <= most, thresholds - 1 >= least


def _largest(thresholds: np.ndarray, lo: Ends, hi: Ends) -> int:
    """The largest magnitude of all that is multiplied."""
    return int(max(np.abs(lo).max(), np.abs(hi).max() + 1, np.abs(thresholds).max()))


def slope_of(thresholds: np.ndarray, lo: Ends, hi: Ends) -> tuple[np.ndarray, np.ndarray]:
    """The line closest to passing ``1, 2, ...`` between each threshold and what lies below it.

    Args:
        thresholds, lo, hi: as of :func:`line_of`.

    Returns:
        Slope and offset, float64 ``(C,)``.
    """
    level = np.arange(1, thresholds.shape[1] + 1)
    reached, passed = _decided(thresholds, lo, hi)
    return _slope(thresholds.astype(np.float64), level, reached, passed)


def _slope(
    thresholds: np.ndarray, level: np.ndarray, reached: np.ndarray, passed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The slope of each channel for which the bounds of the offset are farthest apart, and the
    offset in the middle of them.

    Their distance is a concave function of the slope, so a search by thirds finds it.
    """

    def bounds(slope: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        line = slope[:, None]
        least = np.where(reached, level - thresholds * line, -np.inf).max(axis=1)
        most = np.where(passed, level - (thresholds - 1) * line, np.inf).min(axis=1)
        return least, most

    def room(slope: np.ndarray) -> np.ndarray:
        least, most = bounds(slope)
        return np.asarray(most - least)

    low, high = np.zeros(len(thresholds)), np.full(len(thresholds), float(level[-1] + 1))
    for _ in range(_ROUNDS):
        third = (high - low) / 3
        better = room(low + third) >= room(high - third)
        low, high = np.where(better, low, low + third), np.where(better, high - third, high)
    slope = (low + high) / 2
    least, most = bounds(slope)
    # Where one side is open, the bound of the other.
    least, most = np.where(least == -np.inf, most, least), np.where(most == np.inf, least, most)
    offset = np.where(np.isfinite(least + most), (least + most) / 2, 0.0)
    return np.asarray(slope), np.asarray(offset)
