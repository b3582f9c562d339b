"""Any function of a wide integer, as runs of integers with one level each.

Whether a function rises or falls need not be known: its bounds over a run of integers are
(:attr:`~hwcompress.frontend.function.ScalarFunction.enclose`). A run over which they give
one level has that level; others are halved, down to single integers, which are
evaluated. Runs become two rising step functions, one of which is subtracted.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.function import ScalarFunction
from hwcompress.ir import IntType, Range

__all__ = ["Runs", "find_runs", "runs_of_table"]

_MOST_RUNS = 1 << 22  # looked at in one round


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of integers with one level each.

    Attributes:
        channel, start, level: int64 arrays of one length, by channel and then by start; a run
            ends where the next one of its channel starts.
        bounds: the integers that can occur.
    """

    channel: np.ndarray
    start: np.ndarray
    level: np.ndarray
    bounds: Range

    @property
    def first(self) -> np.ndarray:
        """Whether a run is the first of its channel."""
        return np.concatenate([[True], self.channel[1:] != self.channel[:-1]])

    def steps(self) -> tuple[np.ndarray, np.ndarray]:
        """Rise of the level into each run but a channel's first, and those runs' places."""
        places = np.flatnonzero(~self.first)
        return self.level[places] - self.level[places - 1], places

    def direction(self) -> np.ndarray | None:
        """+1 or -1 per channel; ``None`` if some channel rises and falls."""
        rise, places = self.steps()
        channels = self.bounds.lo.size
        up, down = np.zeros(channels, bool), np.zeros(channels, bool)
        up[self.channel[places[rise > 0]]] = True
        down[self.channel[places[rise < 0]]] = True
        return None if np.any(up & down) else np.where(down, -1, 1).astype(np.int64)

    def thresholds(self, direction: np.ndarray, dtype: IntType) -> np.ndarray:
        """First ``p = direction * q`` that reaches each level above the lowest."""
        count = dtype.count - 1
        result = np.empty((direction.size, count), np.int64)
        ladder = dtype.lo + dtype.step * (1 + np.arange(count))
        edges = np.append(np.flatnonzero(self.first), self.channel.size)
        for channel, (a, b) in enumerate(itertools.pairwise(edges)):
            low, high = int(self.bounds.lo[channel]), int(self.bounds.hi[channel])
            starts, levels = self.start[a:b], self.level[a:b]
            if direction[channel] < 0:  # p runs from -high up to -low
                ends = np.append(starts[1:] - 1, high)
                starts, levels, high = -ends[::-1], levels[::-1], -low
            place = np.searchsorted(levels, ladder, side="left")
            result[channel] = np.append(starts, high + 1)[place]
        return result

    def two_sided(self) -> tuple[np.ndarray, np.ndarray, int]:
        """Thresholds ``(channels, K)`` of a rising and of a falling part, and the lowest level.

        ``level = lowest + #{q >= rising} - #{q >= falling}``.
        """
        rise, places = self.steps()
        channels = self.bounds.lo.size
        base = self.level[self.first]
        lowest = int(base.min())
        parts: list[list[np.ndarray]] = [[], []]
        for channel in range(channels):
            mine = self.channel[places] == channel
            starts, amount = self.start[places[mine]], rise[mine]
            before = np.full(int(base[channel]) - lowest, self.bounds.lo[channel])
            up = np.repeat(starts, np.maximum(amount, 0))
            parts[0].append(np.concatenate([before, up]))
            parts[1].append(np.repeat(starts, np.maximum(-amount, 0)))
        never = self.bounds.hi + 1
        rising, falling = (_padded(rows, never) for rows in parts)
        return rising, falling, lowest

    @property
    def boundaries(self) -> int:
        """Thresholds that :meth:`two_sided` needs, in all channels together."""
        rise, places = self.steps()
        per_channel = np.bincount(self.channel[places], np.abs(rise), self.bounds.lo.size)
        base = self.level[self.first]
        return int((per_channel + base - base.min()).max()) * self.bounds.lo.size


def _padded(rows: list[np.ndarray], never: np.ndarray) -> np.ndarray:
    """Rows of one length, ending in thresholds that nothing reaches."""
    width = max(1, *(row.size for row in rows)) if len(rows) > 1 else max(1, rows[0].size)
    result = np.repeat(never[:, None], width, axis=1)
    for index, row in enumerate(rows):
        result[index, : row.size] = row
    return result


def runs_of_table(table: np.ndarray, bounds: Range) -> Runs:
    """Runs of levels ``(channels, n)`` of the integers from ``bounds.lo`` on."""
    change = np.ones(table.shape, bool)
    change[:, 1:] = table[:, 1:] != table[:, :-1]
    change &= np.arange(table.shape[1]) <= (bounds.hi - bounds.lo)[:, None]
    channel, place = np.nonzero(change)
    return Runs(channel, bounds.lo[channel] + place, table[channel, place], bounds)


def find_runs(
    function: ScalarFunction,
    levels: Callable[[np.ndarray, np.ndarray], np.ndarray],
    evaluate: Callable[[np.ndarray, np.ndarray], np.ndarray],
    bounds: Range,
    where: str,
) -> Runs:
    """Runs of the levels of a function whose bounds are known.

    Args:
        function: from integers to reals.
        levels: ``(real (k, n), channel (k,)) -> int64``, rising in the real value.
        evaluate: ``(channel (k,), q (k, n)) -> int64`` levels of single integers.
        bounds: integers that can occur.
        where: the node, for messages.

    Raises:
        UnsupportedError: too many runs would have to be looked at.
    """
    channel = np.arange(function.channels)
    lo, hi = bounds.lo.copy(), bounds.hi.copy()
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    while channel.size:
        if channel.size > _MOST_RUNS:
            raise UnsupportedError(
                "the function before it changes its level at too many integers to find them",
                where=where,
                remedy="quantize before the activation",
            )
        single = lo == hi
        if np.any(single):
            level = evaluate(channel[single], lo[single][:, None])[:, 0]
            found.append((channel[single], lo[single], level))
        channel, lo, hi = channel[~single], lo[~single], hi[~single]
        if not channel.size:
            break
        span = (lo.astype(np.float64)[:, None], hi.astype(np.float64)[:, None])
        low, high = function.bounds(span, channel)
        finite = np.isfinite(low) & np.isfinite(high)
        ends = [levels(np.where(finite, item, 0.0), channel)[:, 0] for item in (low, high)]
        settled = finite[:, 0] & (ends[0] == ends[1])
        found.append((channel[settled], lo[settled], ends[0][settled]))
        channel, lo, hi = channel[~settled], lo[~settled], hi[~settled]
        middle = lo + ((hi - lo) >> 1)
        channel = np.concatenate([channel, channel])
        lo, hi = np.concatenate([lo, middle + 1]), np.concatenate([middle, hi])
    rows = [np.concatenate(column) for column in zip(*found, strict=True)]
    order = np.lexsort((rows[1], rows[0]))
    channel, start, level = (row[order] for row in rows)
    kept = np.ones(channel.size, bool)
    kept[1:] = (channel[1:] != channel[:-1]) | (level[1:] != level[:-1])
    return Runs(channel[kept], start[kept], level[kept], bounds)
