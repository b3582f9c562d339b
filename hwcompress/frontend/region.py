"""Closing a scalar region: a function between an integer tensor and a quantizer
becomes a Threshold or a Rescale, by evaluating it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.function import ScalarFunction
from hwcompress.frontend.rescale import Fit, fit_rescale
from hwcompress.ir import IntType, Range

__all__ = ["StepFunction", "evaluate_region", "fit_region", "prefers_rescale"]

# Up to this many evaluations a region is tabulated, which also proves that it
# is monotone; beyond, its direction must follow from its operators.
_TABULATE = 1 << 22
# More levels than this are a multiplication in hardware, if one can be proven.
_COMPARATOR_LEVELS = 16

Levels = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class StepFunction:
    """``level = dtype.lo + step * #{k: sign * q >= thresholds[:, k]}`` on ``lo <= q <= hi``."""

    dtype: IntType
    thresholds: np.ndarray
    sign: np.ndarray
    lo: np.ndarray
    hi: np.ndarray

    @property
    def is_identity(self) -> bool:
        """Whether every reachable integer maps to itself."""
        if np.any(self.sign < 0) or self.dtype.step != 1:
            return False
        ladder = self.dtype.lo + 1 + np.arange(self.dtype.count - 1)
        reached = (ladder > self.lo[:, None]) & (ladder <= self.hi[:, None])
        low_enough = (ladder > self.lo[:, None]) | (self.thresholds <= self.lo[:, None])
        high_enough = (ladder <= self.hi[:, None]) | (self.thresholds > self.hi[:, None])
        same = np.where(reached, self.thresholds == ladder, low_enough & high_enough)
        inside = np.all(self.lo >= self.dtype.lo) and np.all(self.hi <= self.dtype.hi)
        return bool(inside and np.all(same))


def evaluate_region(
    function: ScalarFunction, levels: Levels, dtype: IntType | None, bounds: Range, where: str
) -> StepFunction:
    """Find the step function ``q -> levels(function(q))`` by evaluation.

    Args:
        function: from integers to reals.
        levels: ``(real (k, n), channel (k,)) -> int64`` levels of the
            quantizer, rising in the real value.
        dtype: the quantizer's type, or ``None`` to take the levels reached.
        bounds: integers that can occur.
        where: the node, for messages.

    Raises:
        UnsupportedError: the function rises and falls, or its direction is
            unknown and the range too wide to look at every integer.
    """
    lo, hi = bounds.lo, bounds.hi

    def g(q: np.ndarray) -> np.ndarray:
        real = function.every_channel(q)
        if not np.all(np.isfinite(real)):
            raise UnsupportedError("a reachable integer gives no finite value", where=where)
        return levels(real, np.arange(function.channels))

    width = int((hi - lo).max()) + 1
    if width * function.channels <= _TABULATE:
        q = np.minimum(lo[:, None] + np.arange(width), hi[:, None])
        table = g(q)
        steps = np.diff(table, axis=1)
        rising, falling = np.all(steps >= 0, axis=1), np.all(steps <= 0, axis=1)
        mixed = np.flatnonzero(~rising & ~falling)
        sign = np.where(rising, 1, -1)
        if mixed.size:
            raise UnsupportedError(
                f"the function between {where} and the tensor before it rises and falls"
                f" (channel {mixed[0]})",
                where=where,
                remedy="use a monotone activation before this quantizer",
            )
    else:
        unknown = np.flatnonzero(function.direction == 0)
        ends = g(np.stack([lo, hi], axis=1))
        constant = function.gain is not None and np.all(function.gain[unknown] == 0)
        if unknown.size and not constant:
            raise UnsupportedError(
                f"a range of {width} integers is too wide to tabulate an activation that may"
                " not be monotone",
                where=where,
                remedy="quantize before the activation",
            )
        sign = np.where(function.direction < 0, -1, 1)
        table = ends
    if dtype is None:
        dtype = IntType(int(table.min()), int(table.max()))
    # p = sign * q rises with the level.
    low = np.where(sign > 0, lo, -hi)
    high = np.where(sign > 0, hi, -lo)
    ladder = dtype.lo + dtype.step * (1 + np.arange(dtype.count - 1))
    thresholds = _bisect(lambda p: g(p * sign[:, None]), ladder, low, high)
    return StepFunction(dtype, thresholds, sign.astype(np.int64), lo, hi)


def _bisect(
    g: Callable[[np.ndarray], np.ndarray], ladder: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """First ``p`` in ``low..high`` with ``g(p) >= level`` for each level; ``high + 1`` if none."""
    below = np.repeat(low[:, None] - 1, ladder.size, axis=1)  # too low
    above = np.repeat(high[:, None] + 1, ladder.size, axis=1)  # enough, or out of range
    while np.any(above - below > 1):
        middle = (below + above) >> 1
        open_ = above - below > 1
        enough = g(np.clip(middle, low[:, None], high[:, None])) >= ladder
        above = np.where(open_ & enough, middle, above)
        below = np.where(open_ & ~enough, middle, below)
    return above


def fit_region(
    steps: StepFunction,
    gain: np.ndarray | None,
    offset: np.ndarray | None,
) -> Fit | None:
    """A rescale proven equal to the step function, if there is one.

    ``gain`` and ``offset`` are in levels, where the region is affine.
    """
    if steps.dtype.step != 1:
        return None
    rising = steps.sign > 0
    low = np.where(rising, steps.lo, -steps.hi)
    high = np.where(rising, steps.hi, -steps.lo)
    turned = None if gain is None else gain * steps.sign
    fit = fit_rescale(steps.thresholds, steps.dtype.lo, low, high, turned, offset)
    if fit is None:
        return None
    return Fit(fit.mul * steps.sign, fit.add, fit.shift, fit.rounding)


def prefers_rescale(dtype: IntType, fit: Fit | None) -> bool:
    """Whether a proven rescale is to be taken rather than thresholds."""
    if fit is None or dtype.count <= 2:
        return False
    return fit.is_shift or dtype.count > _COMPARATOR_LEVELS
