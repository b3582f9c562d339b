"""Integer multipliers that are proven to equal a monotone step function.

A step function over the integers ``lo..hi`` is given by its boundaries:
level ``k`` is reached from ``t_k`` on. ``floor((m*x + b) / 2**s)`` is
monotone for ``m >= 0``, hence equal to it everywhere exactly if it is right
at each boundary: at least ``k`` at ``t_k`` and less than ``k`` at
``t_k - 1``. For fixed ``m`` and ``s`` these are bounds on ``b``, so the
search is over ``m`` and ``s`` only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Fit", "fit_rescale"]

_MAX_SHIFT = 40
_MAX_MULTIPLIER = 1 << 34
_MAX_PRODUCT = 1 << 60


@dataclass(frozen=True, eq=False)
class Fit:
    """Multiplier, addend and shift per channel, and the rounding they need."""

    mul: np.ndarray
    add: np.ndarray
    shift: np.ndarray
    rounding: str

    @property
    def is_shift(self) -> bool:
        """Whether every multiplier is the same power of two, so that no hardware multiplies."""
        first = abs(int(self.mul[0]))
        return bool(np.all(np.abs(self.mul) == first)) and first & (first - 1) == 0


@dataclass(frozen=True, eq=False)
class _Steps:
    """The constraints of one channel: value >= level at ``reached``, < level at ``before``."""

    reached: np.ndarray
    reached_level: np.ndarray
    before: np.ndarray
    before_level: np.ndarray


def _steps(thresholds: np.ndarray, base: int, lo: int, hi: int) -> _Steps:
    levels = base + 1 + np.arange(thresholds.size, dtype=np.int64)
    attained = thresholds <= hi  # somewhere in range
    missed = thresholds > lo  # not everywhere in range
    return _Steps(
        np.maximum(thresholds, lo)[attained],
        levels[attained],
        np.minimum(thresholds - 1, hi)[missed],
        levels[missed],
    )


def _slope(thresholds: np.ndarray, lo: int, hi: int) -> float:
    """Levels per input step, from the outermost boundaries inside the range."""
    inside = np.flatnonzero((thresholds > lo) & (thresholds <= hi))
    if inside.size < 2:
        return float(inside.size)
    first, last = inside[0], inside[-1]
    width = int(thresholds[last] - thresholds[first])
    # All levels at one input: as steep as it takes to pass them in one step.
    return float(last - first) / width if width else float(inside.size)


def _fit_floor(steps: _Steps, slope: float, reach: int) -> tuple[int, int, int] | None:
    for shift in range(_MAX_SHIFT + 1):
        center = round(slope * (1 << shift))
        if center > _MAX_MULTIPLIER or (center + 1) * reach > _MAX_PRODUCT:
            return None
        for mul in (center, center + 1, center - 1):
            if mul < 0 or (mul == 0 and slope > 0):
                continue
            least = (steps.reached_level << shift) - mul * steps.reached
            most = (steps.before_level << shift) - 1 - mul * steps.before
            low = int(least.max()) if least.size else None
            high = int(most.min()) if most.size else None
            if low is not None and high is not None and low > high:
                continue
            if low is None:
                low = high if high is not None else 0
            if high is None:
                high = low
            # The addend with the most trailing zeros is the cheapest to add.
            return mul, _roundest(low, high), shift
    return None


def _roundest(low: int, high: int) -> int:
    """The integer in ``low..high`` that is a multiple of the largest power of two."""
    if low <= 0 <= high:
        return 0
    bit = 1
    while -(-low // (bit * 2)) * (bit * 2) <= high:
        bit *= 2
    return -(-low // bit) * bit


def _half_even(values: np.ndarray, shift: int) -> np.ndarray:
    result = values >> shift
    twice = (values - (result << shift)) << 1
    one = np.int64(1) << shift
    up: np.ndarray = (twice > one) | ((twice == one) & ((result & 1) == 1))
    return np.asarray(result + up)


def _fit_half_even(
    steps: _Steps, gain: float, offset: float, reach: int
) -> tuple[int, int, int] | None:
    """An exactly dyadic ``gain * x + offset``, rounded to nearest even."""
    for shift in range(_MAX_SHIFT + 1):
        mul, add = gain * (1 << shift), offset * (1 << shift)
        if abs(mul) > _MAX_MULTIPLIER or abs(mul) * reach + abs(add) > _MAX_PRODUCT:
            return None
        if mul != int(mul) or add != int(add):
            continue
        at = _half_even(int(mul) * steps.reached + int(add), shift)
        ahead = _half_even(int(mul) * steps.before + int(add), shift)
        if np.all(at >= steps.reached_level) and np.all(ahead < steps.before_level):
            return int(mul), int(add), shift
        return None
    return None


def fit_rescale(
    thresholds: np.ndarray,
    base: int,
    lo: np.ndarray,
    hi: np.ndarray,
    gain: np.ndarray | None,
    offset: np.ndarray | None,
) -> Fit | None:
    """Find a rescale equal to rising step functions, or ``None``.

    Args:
        thresholds: int64 ``(channels, K)``, ascending rows.
        base: level below the first threshold.
        lo, hi: the inputs that can occur, ``(channels,)``.
        gain, offset: levels per input step and level at zero where the
            function is affine before rounding (``(channels,)``), else ``None``.
    """
    rows = []
    for channel, row in enumerate(thresholds):
        low, high = int(lo[channel]), int(hi[channel])
        rows.append((_steps(row, base, low, high), _slope(row, low, high), max(-low, high, 1)))
    if gain is not None and offset is not None:
        found = [
            _fit_half_even(steps, float(gain[c]), float(offset[c]), reach)
            for c, (steps, _, reach) in enumerate(rows)
        ]
        if all(item is not None for item in found):
            return _as_fit([item for item in found if item is not None], "half_even")
    fits = []
    for channel, (steps, slope, reach) in enumerate(rows):
        known = float(gain[channel]) if gain is not None else slope
        fit = _fit_floor(steps, known, reach) or _fit_floor(steps, slope, reach)
        if fit is None:
            return None
        fits.append(fit)
    return _as_fit(fits, "floor")


def _as_fit(rows: list[tuple[int, int, int]], rounding: str) -> Fit:
    mul, add, shift = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    # A common shift that makes the multipliers equal is one constant in
    # hardware; scaling all three by a power of two changes no result.
    up = np.int64(shift.max()) - shift
    common = mul << up
    if np.all(common == common[0]) and np.all(np.abs(add << up) < _MAX_PRODUCT):
        mul, add, shift = common, add << up, shift + up
    return Fit(mul, add, shift, rounding)
