"""Closing a scalar region: a function between an integer tensor and a quantizer
becomes a Threshold, a Rescale or a Table, by evaluating it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.function import ScalarFunction
from hwcompress.frontend.pieces import Runs, find_runs, runs_of_table
from hwcompress.frontend.rescale import Fit, fit_rescale
from hwcompress.ir import IntType, Range
from hwcompress.ir.ops.table import MAX_ENTRIES

__all__ = [
    "EveryChannel",
    "Levels",
    "StepFunction",
    "TableFunction",
    "evaluate_region",
    "finite_levels",
    "fit_region",
    "prefers_rescale",
]

# Up to this many evaluations a region is tabulated, which also proves that it
# is monotone; beyond, its direction must follow from its operators.
_TABULATE = 1 << 22
# Thresholds of one region, in all channels together: those of a known affine
# function are found by two evaluations, others by a bisection.
_MOST_GUESSED = 1 << 26
_MOST_BISECTED = 1 << 22
# A quantizer with more levels is narrowed to those that are reached.
_MANY_LEVELS = 1 << 17
# Channels are worked on in groups of about this many thresholds.
_GROUP = 1 << 20
# float64 holds integers below exactly.
_EXACT = 1 << 53
# A table of up to so many entries is preferred to thresholds; a bit of it is cheaper, too.
_SHORT_TABLE = 4096
_PER_COMPARATOR = 4
# More levels than this are a multiplication in hardware, if one can be proven.
_COMPARATOR_LEVELS = 16

Levels = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class EveryChannel:
    """Levels that a real number has in every channel: ``of(real)``."""

    of: Callable[[np.ndarray], np.ndarray]

    def __call__(self, real: np.ndarray, channel: np.ndarray) -> np.ndarray:
        return self.of(real)


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


@dataclass(frozen=True, eq=False)
class TableFunction:
    """A function that rises and falls, as runs of integers with one level each.

    ``levels``, if the integers are few: ``level = levels[c, min(q, hi[c]) - lo[c]]`` on
    ``lo <= q <= hi``.
    """

    dtype: IntType
    runs: Runs
    levels: np.ndarray | None
    lo: np.ndarray
    hi: np.ndarray

    def entries(self, itype: IntType) -> np.ndarray | None:
        """A Table's values ``(channels, itype.count)``: beyond what is reachable, the nearest.

        ``None`` if two step functions are cheaper, or the type has too many values.
        """
        if self.levels is None or itype.count > MAX_ENTRIES:
            return None
        bits = itype.count * self.levels.shape[0] * self.dtype.bits
        dear = bits > _PER_COMPARATOR * self.runs.boundaries * itype.bits
        if itype.count > _SHORT_TABLE and dear:
            return None
        q = itype.lo + itype.step * np.arange(itype.count)
        index = np.clip(q, self.lo[:, None], self.hi[:, None]) - self.lo[:, None]
        return np.take_along_axis(self.levels, index, axis=1)


def evaluate_region(
    function: ScalarFunction,
    levels: Levels,
    dtype: IntType | None,
    bounds: Range,
    where: str,
    hint: tuple[np.ndarray, np.ndarray] | None = None,
) -> StepFunction | TableFunction:
    """Find the function ``q -> levels(function(q))`` by evaluation.

    Args:
        function: from integers to reals.
        levels: ``(real (k, n), channel (k,)) -> int64`` levels of the
            quantizer, rising in the real value.
        dtype: the quantizer's type, or ``None`` to take the levels reached.
        bounds: integers that can occur.
        where: the node, for messages.
        hint: gain and offset ``(channels,)``, in levels, of the function where
            it is about affine; only saves time.

    Raises:
        UnsupportedError: the function's direction and bounds are unknown and the
            range too wide to look at every integer, or there are too many levels.
    """
    region = _Region(function, levels, bounds, where)
    sign, table, runs = region.direction()
    ends = region.evaluate(np.arange(function.channels), np.stack([bounds.lo, bounds.hi], axis=1))
    if dtype is None or (dtype.count > _MANY_LEVELS and dtype.step == 1):
        reached = ends if table is None else table
        if runs is not None:
            reached = runs.level
        dtype = IntType(int(reached.min()), int(reached.max()))
    elif dtype.step == 1 and dtype.lo < 0:
        reached = ends if table is None else table
        lowest = int((reached if runs is None else runs.level).min())
        if lowest >= 0:  # a signed quantizer behind a Relu
            dtype = IntType(0, dtype.hi)
    if sign is None:
        assert runs is not None
        return TableFunction(dtype, runs, table, bounds.lo, bounds.hi)
    steps = dtype.count - 1
    total, most = steps * function.channels, _MOST_GUESSED if hint else _MOST_BISECTED
    if total > most:
        raise UnsupportedError(
            f"{dtype.count} levels in {function.channels} channels: more than {most} boundaries"
            " would have to be found",
            where=where,
            remedy="use fewer activation bits",
        )
    ladder = dtype.lo + dtype.step * (1 + np.arange(steps))
    if runs is not None:
        thresholds = runs.thresholds(sign, dtype)
        return StepFunction(dtype, thresholds, sign, bounds.lo, bounds.hi)
    thresholds = np.empty((function.channels, steps), np.int64)
    group = max(_GROUP // max(steps, 1), 1)
    for start in range(0, function.channels, group):
        channels = np.arange(start, min(start + group, function.channels))
        thresholds[channels] = (
            region.looked_up(channels, sign, ladder, table)
            if table is not None
            else region.bisected(channels, sign, ladder, hint)
        )
    return StepFunction(dtype, thresholds, sign, bounds.lo, bounds.hi)


def finite_levels(levels: Levels, real: np.ndarray, channels: np.ndarray, where: str) -> np.ndarray:
    """Levels of reals ``(k, n)`` in ``channels`` ``(k,)``, which must be finite."""
    if not np.all(np.isfinite(real)):
        raise UnsupportedError(
            "a reachable integer gives no finite value",
            where=where,
            remedy="clip before the function that is not defined there (Log, Sqrt, a division)",
        )
    return levels(real, channels)


@dataclass(frozen=True, eq=False)
class _Region:
    function: ScalarFunction
    levels: Levels
    bounds: Range
    where: str

    def evaluate(self, channels: np.ndarray, q: np.ndarray) -> np.ndarray:
        """Levels of the integers ``(k, n)`` in ``channels`` ``(k,)``."""
        real = self.function.call(q.astype(np.float64), channels)
        return finite_levels(self.levels, real, channels, self.where)

    def direction(self) -> tuple[np.ndarray | None, np.ndarray | None, Runs | None]:
        """+1 or -1 per channel; the level of every integer if they are few; the runs of levels
        if the direction does not follow from the operators.

        No direction if some channel rises and falls.
        """
        lo, hi = self.bounds.lo, self.bounds.hi
        if max(abs(int(lo.min())), abs(int(hi.max()))) >= _EXACT:
            raise UnsupportedError(
                "the sum before it may reach 2^53", where=self.where, remedy="use fewer bits"
            )
        channels = np.arange(self.function.channels)
        width = int((hi - lo).max()) + 1
        if width * channels.size > _TABULATE:
            sign = self._known_direction(width)
            if sign is not None:
                return sign, None, None
            runs = find_runs(self.function, self.levels, self.evaluate, self.bounds, self.where)
            return runs.direction(), None, runs
        table = self.evaluate(channels, np.minimum(lo[:, None] + np.arange(width), hi[:, None]))
        steps = np.diff(table, axis=1)
        rising, falling = np.all(steps >= 0, axis=1), np.all(steps <= 0, axis=1)
        if not np.all(rising | falling):
            return None, table, runs_of_table(table, self.bounds)
        return np.where(rising, 1, -1).astype(np.int64), table, None

    def _known_direction(self, width: int) -> np.ndarray | None:
        """The direction, or ``None`` if the function's bounds will tell it."""
        direction = self.function.direction
        unknown = (direction == 0) & ~self.function.neutral
        if not np.any(unknown):
            return np.where(direction < 0, -1, 1).astype(np.int64)
        if self.function.enclose is None:
            raise UnsupportedError(
                f"a range of {width} integers is too wide to tabulate an activation that may"
                " not be monotone",
                where=self.where,
                remedy="quantize before the activation",
            )
        return None

    def _turned(self, channels: np.ndarray, sign: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of ``p = sign * q``, which rises with the level."""
        lo, hi, rising = self.bounds.lo[channels], self.bounds.hi[channels], sign[channels] > 0
        return np.where(rising, lo, -hi), np.where(rising, hi, -lo)

    def looked_up(
        self, channels: np.ndarray, sign: np.ndarray, ladder: np.ndarray, table: np.ndarray
    ) -> np.ndarray:
        """First ``p`` that reaches each level, from the table; one past the last if none."""
        low, high = self._turned(channels, sign)
        rows = []
        for index, channel in enumerate(channels):
            row = table[channel, : int(high[index] - low[index]) + 1]
            row = row if sign[channel] > 0 else row[::-1]
            rows.append(low[index] + np.searchsorted(row, ladder, side="left"))
        return np.array(rows, np.int64).reshape(channels.size, ladder.size)

    def bisected(
        self,
        channels: np.ndarray,
        sign: np.ndarray,
        ladder: np.ndarray,
        hint: tuple[np.ndarray, np.ndarray] | None,
    ) -> np.ndarray:
        """First ``p`` that reaches each level, by bisection; one past the last if none."""
        low, high = (item[:, None] for item in self._turned(channels, sign))
        side = sign[channels][:, None]

        def enough(p: np.ndarray) -> np.ndarray:
            return self.evaluate(channels, np.clip(p, low, high) * side) >= ladder

        below = np.broadcast_to(low - 1, (channels.size, ladder.size)).copy()  # too low
        above = np.broadcast_to(high + 1, below.shape).copy()  # enough, or out of range
        if hint is not None:
            gain, offset = (item[channels][:, None] for item in hint)
            slope = np.maximum(np.abs(gain), 1e-300)
            guess = np.nan_to_num((ladder - 0.5 - offset) / slope, nan=0.0)
            center = np.clip(guess, low - 1.0, high + 1.0).astype(np.int64)
            for near in (center - 2, center + 2):
                inside = (near > below) & (near < above)
                reached = enough(near)
                above = np.where(inside & reached, near, above)
                below = np.where(inside & ~reached, near, below)
        while np.any(going := above - below > 1):
            middle = (below + above) >> 1
            reached = enough(middle)
            above = np.where(going & reached, middle, above)
            below = np.where(going & ~reached, middle, below)
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
