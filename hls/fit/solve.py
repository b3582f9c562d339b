"""The fastest choice within a budget, and the smallest one at an interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hwcompress.errors import CheckFailed
from hwcompress.hls.fit.oracle import NARROW, USUAL, WIDE, Answer, Oracle
from hwcompress.hls.fit.problem import Area, Problem
from hwcompress.hls.fit.reduce import reduced
from hwcompress.hls.fit.trellis import trellis_of

__all__ = ["Fastest", "Smallest", "fastest", "smallest"]

_WHOLE = 1 << 30  # of a capacity, in the units in which shares are added up
_GAP = 1e-3  # relative, between an area and the proven bound
_NEAR = 1e-3  # likewise, where the paths that are left are few enough to look at all


@dataclass(frozen=True, eq=False)
class Smallest:
    """A choice that is fast enough, and what is proven about its area.

    Its largest share of a capacity comes first, then the sum of the shares.

    Args:
        choice: an option of every node.
        cycles: of its slowest node or edge.
        area: of it.
        share: largest share of the capacity, 0 or more.
        least_share: proven: no choice that is as fast has a smaller one.
        total: sum of the shares.
        least_total: proven: no choice with at most ``share`` has a smaller sum.
    """

    choice: np.ndarray
    cycles: int
    area: Area
    share: float
    least_share: float
    total: float
    least_total: float


@dataclass(frozen=True, eq=False)
class Fastest:
    """The smallest one of the fastest choices that were found.

    Args:
        found: itself.
        least_cycles: proven: no choice within the budget has fewer.
        probes: intervals that were tried.
    """

    found: Smallest
    least_cycles: int
    probes: int

    @property
    def is_proven(self) -> bool:
        """Whether no choice is faster."""
        return self.found.cycles == self.least_cycles


def smallest(
    problem: Problem,
    budget: Area,
    cycles: int,
    *,
    capacity: Area | None = None,
    gap: float = _GAP,
) -> Smallest | None:
    """The smallest choice of at most ``cycles`` within a budget.

    Args:
        problem: what to choose from.
        budget: area that is not to be exceeded.
        cycles: of the slowest node or edge.
        capacity: of what shares are counted; by default of ``budget``.
        gap: relative distance between the areas found and the proven bounds at which to
            stop; 0 for the very best. Where the search grows too large, the bounds
            are farther away.

    Returns:
        None: there is no such choice, which is proven.

    Raises:
        CheckFailed: none has been found, and it is not proven that there is none.
    """
    oracle = _oracle(problem, budget, cycles, gap)
    answer = Answer(None, True) if oracle is None else oracle.ask(budget)
    if oracle is not None and answer.path is not None:
        choice = oracle.trellis.choice(answer.path)
        whole = budget if capacity is None else capacity
        return _smallest(problem, oracle, budget, whole, choice, gap)
    if answer.excluded:
        return None
    raise CheckFailed(
        f"no design of at most {cycles} cycles a frame was found, and none was excluded",
        remedy="allow more cycles or more resources",
    )


def fastest(
    problem: Problem,
    budget: Area,
    *,
    capacity: Area | None = None,
    gap: float = _GAP,
) -> Fastest | None:
    """The fastest choice within a budget; of those, the smallest.

    Whether an interval can be met grows with the interval, so the least one is
    found by halving what is left of the numbers of cycles that any part can
    take, and every interval below it is excluded by a proof.

    Args:
        problem: what to choose from.
        budget: area that is not to be exceeded.
        capacity: as for :func:`smallest`.
        gap: of the area, likewise.

    Returns:
        None: no choice is within the budget, which is proven.

    Raises:
        CheckFailed: none has been found, and it is not proven that there is none.
    """
    steps = problem.steps
    low, high, excluded = 0, len(steps) - 1, 0  # all steps before ``excluded`` are
    best: np.ndarray | None = None
    probes = 0
    while low < high or (low == high and best is None):
        middle = (low + high) // 2
        probes += 1
        oracle = _oracle(problem, budget, int(steps[middle]), gap)
        answer = Answer(None, True) if oracle is None else oracle.ask(budget)
        if oracle is not None and answer.path is not None:
            best = oracle.trellis.choice(answer.path)
            high = int(np.searchsorted(steps, problem.cycles(best)))
        else:
            low = middle + 1
            if answer.excluded:
                excluded = max(excluded, low)
    if best is None:
        if excluded == len(steps):
            return None
        raise CheckFailed(
            "no design within the budget was found, and none was excluded",
            remedy="allow more resources",
        )
    oracle = _oracle(problem, budget, problem.cycles(best), gap)
    assert oracle is not None
    whole = budget if capacity is None else capacity
    found = _smallest(problem, oracle, budget, whole, best, gap)
    return Fastest(found, int(steps[min(excluded, high)]), probes)


def _oracle(problem: Problem, budget: Area, cycles: int, gap: float) -> Oracle | None:
    left = reduced(problem, cycles, budget)
    trellis = None if left is None else trellis_of(problem, left, budget)
    return None if trellis is None else Oracle(trellis, USUAL if gap else WIDE)


def _smallest(
    problem: Problem,
    oracle: Oracle,
    budget: Area,
    capacity: Area,
    known: np.ndarray,
    gap: float,
) -> Smallest:
    """The smallest choice, starting from a known one that is fast enough."""
    there = capacity > 0  # of the others nothing can be used

    def share(area: Area) -> int:
        return int(np.max(-(-area[there] * _WHOLE // capacity[there]), initial=0))

    def within(most: int) -> Area:
        limits = budget.copy()
        limits[there] = np.minimum(limits[there], most * capacity[there] // _WHOLE)
        return limits

    oracle = replace(oracle, beams=NARROW if gap else WIDE)
    widest = _least(oracle, share, within, problem.area(known), gap)
    first = known if widest.path is None else oracle.trellis.choice(widest.path)
    limits = within(widest.value)
    weights = np.zeros(len(capacity), np.int64)
    weights[there] = _WHOLE // capacity[there]  # rounded down, so that a bound stays one
    summed = Oracle(oracle.trellis.with_sum(weights), oracle.beams)

    def total(area: Area) -> int:
        return int(area[-1])

    def keeping(most: int) -> Area:
        return np.append(limits, most)

    area = problem.area(first)
    least = _least(summed, total, keeping, np.append(area, area @ weights), gap)
    choice = first if least.path is None else oracle.trellis.choice(least.path)
    area = problem.area(choice)
    shares = area[there] / capacity[there]
    return Smallest(
        choice,
        problem.cycles(choice),
        area,
        float(shares.max(initial=0.0)),
        min(max(0, widest.bound - 1) / _WHOLE, float(shares.max(initial=0.0))),
        float(shares.sum()),
        min(least.bound / _WHOLE, float(shares.sum())),
    )


@dataclass(frozen=True, eq=False)
class _Least:
    """A value, the path that has it if it is a new one, and a proven bound."""

    value: int
    path: np.ndarray | None
    bound: int


def _least(
    oracle: Oracle,
    value: Callable[[Area], int],
    within: Callable[[int], Area],
    known: Area,
    gap: float,
) -> _Least:
    """The least value of any path, by halving; in the end, by looking at all that are left.

    Args:
        oracle: of the paths.
        value: of an area; 0 or more.
        within: the budget that just the areas of at most a value keep.
        known: area of something that need not be beaten.
        gap: see :func:`smallest`.
    """
    high, bound, low = value(known), 0, 0
    path: np.ndarray | None = None
    near = max(gap, _NEAR)
    while high - low > near * high:
        middle = (low + high) // 2
        answer = oracle.ask(within(middle))
        if answer.path is not None:
            path = answer.path
            high = value(oracle.trellis.area(path))
        else:
            low = middle + 1
            if answer.excluded:
                bound = max(bound, low)
    if gap < _NEAR and bound < high:
        rest = oracle.every(within(high))
        for area, arcs in zip(rest.area, rest.arcs, strict=True):
            if value(area) < high or path is None:
                path, high = arcs, value(area)
        if rest.complete:
            bound = high
    return _Least(high, path, min(bound, high))
