"""Endings of sums that give bytes, with all that is constant folded into few parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwcompress.sim.words.steps_line import slope_of

__all__ = ["IntegerLine", "guesses", "in_doubles", "in_floats", "largest", "shifted_limits"]

# Integers below this are float32 numbers.
_FLOAT_EXACT = 1 << 24
_DOUBLE_EXACT = 2.0**52
_INT32 = 1 << 31
_MOST_SHIFT = 44
_MOST_LEVELS = 1 << 8


@dataclass(frozen=True, eq=False)
class IntegerLine:
    """``clamp(round((x * mul + add) / 2**shift), low, high)`` of every channel: int64 ``(C,)``.

    Rounding is down, or to the nearest and to even at ties. ``x`` lies in ``lo..hi``, int64
    ``(C,)``.
    """

    mul: np.ndarray
    add: np.ndarray
    shift: np.ndarray
    half_even: bool
    low: int
    high: int
    lo: np.ndarray
    hi: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The levels of ``x``, int64 ``(C, n)``."""
        mul, add, shift = (item[:, None] for item in (self.mul, self.add, self.shift))
        product = x * mul + add
        result = product >> shift
        if self.half_even:
            unit = np.int64(1) << shift
            twice = 2 * (product - result * unit)
            result = result + ((twice > unit) | ((twice == unit) & (result % 2 == 1)))
        return np.asarray(np.clip(result, self.low, self.high))

    def corners(self) -> np.ndarray:
        """Values of ``x``, int64 ``(C, n)``, at both sides of every step, and both ends.

        What rises or falls as the line does, and gives its level in all of them, gives it
        everywhere: between two steps the level is one.
        """
        rising = self.mul > 0
        mul = np.where(self.mul == 0, 1, np.abs(self.mul))[:, None]
        level = np.arange(self.low + 1, self.high + 1)[None]
        if self.half_even:
            # A tie goes up to an even level only. With shift 0 there are no halves.
            need = (2 * level - 1) << self.shift[:, None]
            need = np.where(self.shift[:, None] > 0, need // 2 + level % 2, level)
        else:
            need = level << self.shift[:, None]
        first = -((self.add[:, None] - need) // mul)
        # A falling line is a rising one of -x.
        ends = np.where(rising, self.lo, -self.hi), np.where(rising, self.hi, -self.lo)
        found = np.concatenate([first - 1, first, ends[0][:, None], ends[1][:, None]], axis=1)
        found = np.clip(found, ends[0][:, None], ends[1][:, None])
        return np.asarray(np.where(rising[:, None], found, -found))


def in_floats(line: IntegerLine, start: np.ndarray) -> np.ndarray | None:
    """The line in float32, of sums ``s`` where ``x = start + s``; or ``None``.

    Args:
        line: to be equalled for every ``x``.
        start: int64 ``(C,)``.

    Returns:
        float32 ``(C, 2)``, slope and offset, so that ``rint(s * slope + offset)`` clamped is
        the line's level, whether the product is rounded before the addition or not. It is
        proven at both sides of every step.
    """
    if line.shift.max() > _MOST_SHIFT or line.high - line.low >= _MOST_LEVELS:
        return None
    x = line.corners()
    sums = x - start[:, None]
    if np.abs(sums).max() >= _FLOAT_EXACT:
        return None
    unit = np.ldexp(1.0, line.shift.astype(np.int32))
    # Rounding down is rounding to the nearest of what lies almost half a step lower.
    lower = 0.0 if line.half_even else 0.5 - 0.5 / unit
    slope = (line.mul / unit).astype(np.float32).astype(np.float64)
    offset = (line.add / unit - lower + slope * start).astype(np.float32).astype(np.float64)
    wanted = line(x)
    for edge in _rounded_sums(sums, slope, offset):
        if not np.array_equal(np.clip(edge, line.low, line.high), wanted):
            return None
    return np.stack([slope, offset], axis=1).astype(np.float32)


def _rounded_sums(
    sums: np.ndarray, slope: np.ndarray, offset: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest that ``rint(s * slope + offset)`` may be in float32.

    ``s`` int64 ``(C, n)`` and ``slope`` and ``offset``, float64 ``(C,)``, are float32 numbers.
    """
    product = sums * slope[:, None]
    value = product + offset[:, None]
    if np.abs(product).max() + np.abs(offset).max() >= _INT32 // 2:
        none = np.full(sums.shape, np.nan)  # beyond 32 bits: equal to nothing
        return none, none
    rounded = _is_rounded(product)
    whole = (value - product == offset[:, None]) & (value - offset[:, None] == product)
    room = np.where(rounded, _step(product), 0.0)
    room += np.where(rounded | ~whole | _is_rounded(value), _step(value), 0.0)
    return np.rint(value - room), np.rint(value + room)


def guesses(
    thresholds: np.ndarray, lo: np.ndarray, hi: np.ndarray, start: np.ndarray
) -> np.ndarray | None:
    """A line in float32 that is the count of thresholds or one less, for sums ``s`` where ``x =
    start + s`` lies in ``lo..hi``; or ``None``.

    Args:
        thresholds: int64 ``(C, K)``, ascending; the count is that of ``x >= t``.
        lo, hi: least and greatest ``x``, int64 ``(C,)``.
        start: int64 ``(C,)``.

    Returns:
        float32 ``(C, 2)``, slope and offset: ``rint(s * slope + offset)``, clamped to
        ``0..K-1``. As it does not fall, both sides of every threshold prove it.
    """
    count = thresholds.shape[1]
    slope, offset = slope_of(thresholds, lo, hi)
    slope = slope.astype(np.float32).astype(np.float64)
    # The line passes the count's steps at whole numbers; here it is rounded to the nearest, and
    # half a level lower.
    offset = (offset - 1 + slope * start).astype(np.float32).astype(np.float64)
    ends = np.stack([lo, hi], axis=1)
    x = np.concatenate([thresholds, thresholds - 1, ends], axis=1)
    x = np.clip(x, lo[:, None], hi[:, None])
    sums = x - start[:, None]
    if np.abs(sums).max() >= _FLOAT_EXACT:
        return None
    found = np.array(
        [np.searchsorted(row, at, side="right") for row, at in zip(thresholds, x, strict=True)]
    )
    for edge in _rounded_sums(sums, slope, offset):
        guess = np.clip(edge, 0, count - 1)
        if not np.all((guess == found) | (guess == found - 1)):
            return None
    return np.stack([slope, offset], axis=1).astype(np.float32)


def _is_rounded(value: np.ndarray) -> np.ndarray:
    """Whether a float64 number is no float32 number."""
    return np.asarray(value.astype(np.float32).astype(np.float64) != value)


def _step(value: np.ndarray) -> np.ndarray:
    """From a float32 number to the next: twice the error of rounding to one."""
    return np.spacing(np.abs(value).astype(np.float32)).astype(np.float64)


def in_doubles(line: IntegerLine, start: np.ndarray) -> np.ndarray | None:
    """The same in float64, ``(C, 2)``, where it is exact: all numbers are integers below 2**52
    times a power of two, and results lie within 31 bits."""
    if line.shift.max() > _MOST_SHIFT:
        return None
    unit = np.ldexp(1.0, line.shift.astype(np.int32))
    lower = 0.0 if line.half_even else (unit - 1) / 2
    reach, first = largest(line.lo, line.hi), np.abs(start.astype(np.float64))
    mul, add = line.mul.astype(np.float64), line.add.astype(np.float64)
    peak = np.abs(mul) * (reach + 2 * first) + np.abs(add) + unit
    small = np.all(2 * peak < _DOUBLE_EXACT) and np.all(peak < unit * (_INT32 // 2))
    if not small or np.any(first + reach >= _INT32):
        return None
    return np.stack([mul / unit, (add - lower + mul * start) / unit], axis=1)


def shifted_limits(
    limits: np.ndarray, start: np.ndarray, lo: np.ndarray, hi: np.ndarray
) -> np.ndarray | None:
    """Limits int32 ``(C, K)`` of ``start + s``, in ``lo..hi``, as limits of ``s`` itself."""
    if not limits.shape[1] or np.any(np.abs(start) + largest(lo, hi) >= _INT32):
        return None
    shifted = limits.astype(np.int64) - start[:, None]
    return shifted.astype(np.int32) if np.abs(shifted).max() < _INT32 else None


def largest(lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
    """The largest magnitude between two ends."""
    return np.asarray(np.maximum(np.abs(lo), np.abs(hi)))
