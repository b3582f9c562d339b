"""A region behind a sum of two tensors with unrelated scales, wide or narrow.

The multipliers of :mod:`hwcompress.frontend.farey` give integer sums that compare as the
real ones do, whatever the integers of the two tensors are: no two different real sums share
one. Any function of the real sum is therefore one of the integer sum, known wherever some
integers of the tensors give it; it is found as runs, as for a single wide integer.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from hwcompress.frontend.farey import ordering_ratio
from hwcompress.frontend.function import ScalarFunction
from hwcompress.frontend.intervals import Interval
from hwcompress.frontend.pieces import Runs, find_runs
from hwcompress.frontend.region import (
    EveryChannel,
    Levels,
    StepFunction,
    TableFunction,
    finite_levels,
)
from hwcompress.ir import IntType, Range

__all__ = ["PairedSum", "paired_region"]

_EXACT = 1 << 53
_UNREACHED = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False)
class PairedSum:
    """``real = gains[0] * x + gains[1] * y + offset`` and ``m[0] * x + m[1] * y`` beside it.

    Arrays are per channel: ``gains`` float64 ``(2, channels)``, ``multipliers`` int64 alike,
    ``offset`` float64 ``(channels,)``, ``bounds`` of the two tensors.
    """

    gains: np.ndarray
    multipliers: np.ndarray
    offset: np.ndarray
    bounds: tuple[Range, Range]

    @classmethod
    def ordered(
        cls, gains: np.ndarray, offset: np.ndarray, bounds: tuple[Range, Range]
    ) -> PairedSum:
        """With multipliers that order the integer sums as the real ones."""
        if np.all(gains == gains[:, :1]):
            # One pair of multipliers for all channels, and one search for levels.
            first, second = (
                Range(np.full_like(item.lo, item.lo.min()), np.full_like(item.hi, item.hi.max()))
                for item in bounds
            )
            bounds = first, second
        widths = [item.hi - item.lo for item in bounds]
        rows = np.array([*gains, *widths])
        columns, place = np.unique(rows, axis=1, return_inverse=True)
        found = np.array([_multipliers(column) for column in columns.T], np.int64).T
        return cls(gains, found[:, place.reshape(-1)], offset, bounds)

    @property
    def range(self) -> Range:
        """Bounds of the integer sum."""
        corners = [
            np.sort(np.stack([m * item.lo, m * item.hi]), axis=0)
            for m, item in zip(self.multipliers, self.bounds, strict=True)
        ]
        total = corners[0] + corners[1]
        return Range(total[0], total[1])

    def real_bounds(self, sums: Interval, channel: np.ndarray) -> Interval:
        """Bounds of the real sums whose integer sums lie in an interval, ``(k, n)``."""
        m, g = self.multipliers[:, channel], self.gains[:, channel]
        lead = (m[1] == 0).astype(np.int64)  # the place of a multiplier that is not zero
        pick = np.arange(channel.size)
        unit = g[1 - lead, pick] / np.where(m[1 - lead, pick] == 0, 1, m[1 - lead, pick])
        rest = g[lead, pick] - m[lead, pick] * unit
        lo = np.stack([item.lo[channel] for item in self.bounds])[lead, pick]
        hi = np.stack([item.hi[channel] for item in self.bounds])[lead, pick]
        ends = np.sort(np.stack([rest * lo, rest * hi]), axis=0) + self.offset[channel]
        both = np.all(m == 0, axis=0)  # each tensor has one value, or does not count
        fixed = sum(g[i] * self.bounds[i].lo[channel] for i in (0, 1)) + self.offset[channel]
        ends = np.where(both, fixed, ends)
        unit = np.where(both, 0.0, unit)[:, None]
        sides = [unit * item for item in sums]
        low, high = np.minimum(*sides) + ends[0][:, None], np.maximum(*sides) + ends[1][:, None]
        slack = 2.0**-48 * (np.abs(low) + np.abs(high) + np.abs(ends).max(axis=0)[:, None])
        return low - slack, high + slack

    def parts(self, channel: np.ndarray, total: np.ndarray) -> tuple[np.ndarray, ...]:
        """Integers of the two tensors with the sums ``total`` ``(k,)``, and where there are any."""
        first, second = self.multipliers[:, channel]
        lo = np.stack([item.lo[channel] for item in self.bounds])
        hi = np.stack([item.hi[channel] for item in self.bounds])
        # A zero among the multipliers leaves one tensor to be found; 1 divides everything.
        alone = second == 0
        one, two = np.where(alone, 0, first), np.where(alone, 1, second)
        modulus = np.abs(two)
        inverse = _inverses(one, modulus)
        residue = (total % modulus) * inverse % modulus  # x modulo |two|
        # Values of x that keep y inside of its bounds.
        edges = np.sort(np.stack([total - two * lo[1], total - two * hi[1]]), axis=0)
        size = np.maximum(np.abs(one), 1)
        turned = np.where(one < 0, -1, 1)
        ends = np.sort(np.stack([edges[0] * turned, edges[1] * turned]), axis=0)
        least = np.where(one == 0, lo[0], np.maximum(lo[0], -((-ends[0]) // size)))
        most = np.where(one == 0, lo[0], np.minimum(hi[0], ends[1] // size))
        x = least + (residue - least) % modulus
        x = np.where(one == 0, lo[0], x)
        y, left = np.divmod(total - one * x, two)
        x = np.where(alone, lo[0], x)
        inside = (left == 0) & (x <= np.where(alone, lo[0], most)) & (y >= lo[1]) & (y <= hi[1])
        if np.any(alone):  # second multiplier zero: y is free, x alone makes the sum
            size = np.where(first == 0, 1, first)
            only, rest = np.divmod(total, size)
            only = np.where(first == 0, lo[0], only)
            fits = (only >= lo[0]) & (only <= hi[0])
            fits &= np.where(first == 0, total == 0, rest == 0)
            x, y = np.where(alone, only, x), np.where(alone, lo[1], y)
            inside = np.where(alone, fits, inside)
        return x, y, inside


def _multipliers(column: np.ndarray) -> tuple[int, int]:
    """Multipliers of one channel: its two gains and the widths of the two tensors."""
    first, second = (Fraction(float(item)) for item in column[:2])
    width_x, width_y = (int(item) for item in column[2:])
    if first == 0 or second == 0 or width_x == 0 or width_y == 0:
        # A tensor of one value adds the same to every sum.
        one = 0 if first == 0 or width_x == 0 else (1 if first > 0 else -1)
        two = 0 if second == 0 or width_y == 0 else (1 if second > 0 else -1)
        return one, two
    top, bottom = ordering_ratio(abs(first / second), width_y, width_x)
    return top if first > 0 else -top, bottom if second > 0 else -bottom


def _inverses(values: np.ndarray, moduli: np.ndarray) -> np.ndarray:
    """``values ** -1`` modulo ``moduli``, element by element; 0 modulo 1."""
    pairs, place = np.unique(np.stack([values, moduli]), axis=1, return_inverse=True)
    found = [pow(int(value), -1, int(modulus)) if modulus > 1 else 0 for value, modulus in pairs.T]
    return np.array(found, np.int64)[place.reshape(-1)]


def paired_region(
    paired: PairedSum,
    function: ScalarFunction,
    levels: Levels,
    dtype: IntType | None,
    where: str,
) -> StepFunction | TableFunction | None:
    """The function ``levels(function(real sum))`` of the integer sum.

    ``None`` if nothing bounds ``function`` over intervals, or the sum may reach 2^53.

    Raises:
        UnsupportedError: its level changes too often.
    """
    if function.enclose is None:
        return None
    bounds = paired.range
    if max(abs(int(bounds.lo.min())), abs(int(bounds.hi.max()))) >= _EXACT:
        return None
    uniform = function.uniform and isinstance(levels, EveryChannel)
    runs = _distinct(paired, function, levels, where) if uniform else None
    if runs is None:
        runs = _runs(paired, function, levels, where)
    if dtype is None:
        dtype = IntType(int(runs.level.min()), int(runs.level.max()))
    sign = runs.direction()
    if sign is None:
        return TableFunction(dtype, runs, None, bounds.lo, bounds.hi)
    return StepFunction(dtype, runs.thresholds(sign, dtype), sign, bounds.lo, bounds.hi)


def _distinct(
    paired: PairedSum, function: ScalarFunction, levels: Levels, where: str
) -> Runs | None:
    """The runs, where some channels are the same in everything: found once for these."""
    parts = [*paired.gains, paired.offset, *(end for b in paired.bounds for end in (b.lo, b.hi))]
    _, first, place = np.unique(np.array(parts), axis=1, return_index=True, return_inverse=True)
    if first.size == paired.offset.size:
        return None
    bounds = tuple(Range(item.lo[first], item.hi[first]) for item in paired.bounds)
    some = PairedSum(
        paired.gains[:, first],
        paired.multipliers[:, first],
        paired.offset[first],
        (bounds[0], bounds[1]),
    )
    runs = _runs(some, function.rearranged(first), levels, where)
    edges = np.searchsorted(runs.channel, np.arange(first.size + 1))
    place = place.reshape(-1)
    taken = np.concatenate([np.arange(edges[item], edges[item + 1]) for item in place])
    channel = np.repeat(np.arange(place.size), np.diff(edges)[place])
    return Runs(channel, runs.start[taken], runs.level[taken], paired.range)


def _runs(paired: PairedSum, function: ScalarFunction, levels: Levels, where: str) -> Runs:
    """Runs of integer sums with one level each."""
    channels = function.channels

    def enclose(total: Interval, channel: np.ndarray) -> Interval:
        return function.bounds(paired.real_bounds(total, channel), channel)

    def evaluate(channel: np.ndarray, total: np.ndarray) -> np.ndarray:
        x, y, inside = paired.parts(channel, total[:, 0])
        gains = paired.gains[:, channel]
        real = gains[0] * x + gains[1] * y + paired.offset[channel]
        found = np.full(total.shape, _UNREACHED)
        rows = np.flatnonzero(inside)
        if rows.size:
            value = function.call(real[rows, None], channel[rows])
            found[rows] = finite_levels(levels, value, channel[rows], where)
        return found

    over = ScalarFunction(channels, function.call, np.zeros(channels, np.int64), enclose=enclose)
    return _reached(find_runs(over, levels, evaluate, paired.range, where))


def _reached(runs: Runs) -> Runs:
    """Sums that no integers give take the level of the sum before, or of the next one."""
    level = runs.level.copy()
    edges = np.append(np.flatnonzero(runs.first), level.size)
    for start, stop in itertools.pairwise(edges):
        part = level[start:stop]
        known = np.flatnonzero(part != _UNREACHED)
        place = np.maximum(np.searchsorted(known, np.arange(part.size), side="right") - 1, 0)
        level[start:stop] = part[known[place]]
    kept = runs.first.copy()
    kept[1:] |= level[1:] != level[:-1]
    return Runs(runs.channel[kept], runs.start[kept], level[kept], runs.bounds)
