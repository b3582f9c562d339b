"""Integer multipliers that are proven to equal a monotone step function.

A step function over the integers ``lo..hi`` is given by its boundaries:
level ``k`` is reached from ``t_k`` on. ``floor((m*x + b) / 2**s)`` is
monotone for ``m >= 0``, hence equal to it everywhere exactly if it is right
at each boundary: at least ``k`` at ``t_k`` and less than ``k`` at
``t_k - 1``. For fixed ``m`` and ``s`` these are bounds on ``b``, so the
search is over ``m`` and ``s`` only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Fit", "fit_rescale"]

_MOST_FITS = 1 << 13  # different channels; more would take minutes
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

    @property
    def highest_level(self) -> int:
        """Largest magnitude of a level."""
        both = np.concatenate([self.reached_level, self.before_level])
        return int(np.abs(both).max()) if both.size else 0

    def thinned(self) -> _Steps:
        """About sixty of the constraints, spread evenly."""
        rows = (self.reached, self.reached_level, self.before, self.before_level)
        return _Steps(*(row[:: max(row.size // 64, 1)] for row in rows))


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


def _addends(steps: _Steps, mul: int, shift: int) -> tuple[int | None, int | None]:
    """Least and largest addend that meet the constraints; ``None`` where nothing bounds it."""
    least = (steps.reached_level << shift) - mul * steps.reached
    most = (steps.before_level << shift) - 1 - mul * steps.before
    return (int(least.max()) if least.size else None, int(most.min()) if most.size else None)


def _crossed(bounds: tuple[int | None, int | None]) -> bool:
    low, high = bounds
    return low is not None and high is not None and low > high


def _fit_floor(steps: _Steps, slope: float, reach: int) -> tuple[int, int, int] | None:
    if not math.isfinite(slope):
        return None
    muls, shifts = _candidates(slope, reach, steps.highest_level)
    # A few of the constraints refute nearly all candidates.
    for index in np.flatnonzero(_agreeing(steps.thinned(), muls, shifts)):
        mul, shift = int(muls[index]), int(shifts[index])
        low, high = bounds = _addends(steps, mul, shift)
        if _crossed(bounds):
            continue
        if low is None:
            low = high if high is not None else 0
        if high is None:
            high = low
        # The addend with the most trailing zeros is the cheapest to add.
        return mul, _roundest(low, high), shift
    return None


def _candidates(slope: float, reach: int, highest: int) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers near the slope, and their shifts, the smallest shift first."""
    found = []
    for shift in range(_MAX_SHIFT + 1):
        center = round(slope * (1 << shift))
        if center > _MAX_MULTIPLIER or (center + 1) * reach > _MAX_PRODUCT:
            break
        if highest << shift > _MAX_PRODUCT:  # int64 would wrap below
            break
        for mul in (center, center + 1, center - 1):
            if mul > 0 or (mul == 0 and slope <= 0):
                found.append((mul, shift))
    rows = np.array(found, np.int64).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]


def _agreeing(steps: _Steps, muls: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Which multipliers have an addend that meets the constraints."""
    if not steps.reached.size or not steps.before.size:
        return np.ones(muls.size, bool)
    mul, shift = muls[:, None], shifts[:, None]
    least = (steps.reached_level << shift) - mul * steps.reached
    most = (steps.before_level << shift) - 1 - mul * steps.before
    return np.asarray(least.max(axis=1) <= most.min(axis=1))


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
    if not (math.isfinite(gain) and math.isfinite(offset)):
        return None
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
    bounds = [(int(a), int(b)) for a, b in zip(lo, hi, strict=True)]
    reaches = [max(-low, high, 1) for low, high in bounds]

    def constraints(channel: int) -> _Steps:
        return _steps(thresholds[channel], base, *bounds[channel])

    fits: list[tuple[int, int, int]] = []
    if gain is not None and offset is not None:
        for channel, reach in enumerate(reaches):
            exact = _fit_half_even(
                constraints(channel), float(gain[channel]), float(offset[channel]), reach
            )
            if exact is None:
                break
            fits.append(exact)
        else:
            return _as_fit(fits, "half_even", max(reaches))
    fits = []
    found: dict[tuple[bytes, tuple[int, int], float], tuple[int, int, int]] = {}
    for channel, reach in enumerate(reaches):
        slope = _slope(thresholds[channel], *bounds[channel])
        known = float(gain[channel]) if gain is not None else slope
        # Channels that are alike, as the elements of a flattened image, are fitted once.
        key = thresholds[channel].tobytes(), bounds[channel], known
        if key not in found:
            steps = constraints(channel)
            fit = _fit_floor(steps, known, reach) or _fit_floor(steps, slope, reach)
            if fit is None or len(found) == _MOST_FITS:
                return None
            found[key] = fit
        fits.append(found[key])
    return _as_fit(fits, "floor", max(reaches))


def _as_fit(rows: list[tuple[int, int, int]], rounding: str, reach: int) -> Fit:
    # A common shift that makes the multipliers equal is one constant in
    # hardware; scaling all three by a power of two changes no result. Python's
    # integers, because a product may leave int64.
    most = max(shift for _, _, shift in rows)
    scaled = [(mul << (most - shift), add << (most - shift), most) for mul, add, shift in rows]
    same = len({mul for mul, _, _ in scaled}) == 1
    fits = all(mul * reach + abs(add) < _MAX_PRODUCT for mul, add, _ in scaled)
    mul, add, shift = (
        np.array(column, np.int64)
        for column in zip(*(scaled if same and fits else rows), strict=True)
    )
    return Fit(mul, add, shift, rounding)
