"""Interval arithmetic over real numbers: bounds that hold for every value of an interval.

Bounds come as pairs of float64 arrays ``(lo, hi)`` of one shape. They may be wider than
need be, never narrower. Sums, products and comparisons round monotonically, so that
their bounds are those of the rounded values; what libraries compute (``exp``, ``tanh``)
is covered by a few units of the last place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

__all__ = [
    "Interval",
    "IntervalFunction",
    "enclosed",
    "everything",
    "extended",
    "hull",
    "lipschitz",
    "product",
    "quotient",
    "widened",
]

Interval = tuple[np.ndarray, np.ndarray]
IntervalFunction = Callable[..., Interval]
"""Intervals of the operands to the interval of the result."""

Function = Callable[[np.ndarray], np.ndarray]

# Libraries round exp, tanh and the like to within one or two units of the last place.
_SLACK = 2.0**-49


def widened(interval: Interval) -> Interval:
    """A little wider."""
    lo, hi = interval
    low = np.where(np.isfinite(lo), lo - np.abs(lo) * _SLACK, lo)
    high = np.where(np.isfinite(hi), hi + np.abs(hi) * _SLACK, hi)
    return low, high


def everything(like: np.ndarray) -> Interval:
    """The whole real line."""
    return np.full(like.shape, -np.inf), np.full(like.shape, np.inf)


def hull(items: Sequence[np.ndarray]) -> Interval:
    """The interval that spans several values; everything where one is not a number."""
    lo, hi = np.minimum.reduce(items), np.maximum.reduce(items)  # these keep NaN
    lost = np.isnan(lo)
    return np.where(lost, -np.inf, lo), np.where(lost, np.inf, hi)


def enclosed(function: Function, turns: Sequence[float], interval: Interval) -> Interval:
    """A function that is monotone between its turning points.

    A jump is a turning point, too: the values on both sides of it are looked at.
    """
    lo, hi = interval
    values = [function(lo), function(hi)]
    for turn in turns:
        inside = (lo <= turn) & (turn <= hi)
        for point in (np.nextafter(turn, -np.inf), turn, np.nextafter(turn, np.inf)):
            values.append(np.where(inside, function(np.asarray(float(point))), values[0]))
    return hull(values)


def lipschitz(function: Function, lowest: float, highest: float, interval: Interval) -> Interval:
    """A function between two bounds whose slope is at most 1, such as a sine."""
    lo, hi = interval
    value, reach = function(lo / 2.0 + hi / 2.0), (hi - lo) / 2.0
    low, high = widened(hull([value - reach, value + reach]))
    return np.clip(low, lowest, highest), np.clip(high, lowest, highest)


def product(a: Interval, b: Interval) -> Interval:
    """``a * b``."""
    # Zero times a bound that is not finite is zero: the value itself is finite.
    return hull([np.where((x == 0) | (y == 0), 0.0, x * y) for x in a for y in b])


def quotient(a: Interval, b: Interval) -> Interval:
    """``a / b``; everything where ``b`` may be zero."""
    lo, hi = hull([x / y for x in a for y in b])
    pole = (b[0] <= 0) & (b[1] >= 0)
    return np.where(pole, -np.inf, lo), np.where(pole, np.inf, hi)


def extended(function: Callable[..., np.ndarray], senses: Sequence[int]) -> IntervalFunction:
    """A function that rises (+1) or falls (-1) in each of its operands."""

    def enclose(*operands: Interval) -> Interval:
        pairs = list(zip(operands, senses, strict=True))
        low = function(*(item[0] if sense > 0 else item[1] for item, sense in pairs))
        high = function(*(item[1] if sense > 0 else item[0] for item, sense in pairs))
        return hull([low, high])

    return enclose
