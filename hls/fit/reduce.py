"""The options that can matter at an interval: the fast enough ones that no other one beats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwcompress.hls.fit.problem import Area, Problem

__all__ = ["Reduced", "reduced"]

_NEVER = np.int64(1) << 50  # area of what is not allowed


@dataclass(frozen=True, eq=False)
class Reduced:
    """What is left of a problem.

    Args:
        kept: numbers of the options left, for every node, ascending.
        pairs: by edge, which pairs of properties are fast enough, bool ``(A, B)``.
    """

    kept: tuple[np.ndarray, ...]
    pairs: tuple[np.ndarray, ...]


def reduced(problem: Problem, cycles: int, budget: Area) -> Reduced | None:
    """Leave out options that no best choice needs.

    An option goes if it is too slow, is alone beyond the budget, or if another
    one of the node takes no more of any resource, whatever the neighbours are:
    counting the most that the edges could cost more with it. Nothing goes
    that would change what areas can be reached from below: for every choice
    there is one of the options left that takes no more of any resource.

    Args:
        problem: whole.
        cycles: no node and no edge may be slower.
        budget: no choice may take more.

    Returns:
        None if a node has no option left.
    """
    pairs = tuple(edge.cycles <= cycles for edge in problem.edges)
    kept: list[np.ndarray] = []
    for node in problem.nodes:
        fits = (node.cycles <= cycles) & (node.area <= budget).all(axis=1)
        kept.append(np.flatnonzero(fits))
    bound = {cover.node for cover in problem.covers}
    for _round in range(2):  # with fewer properties around, more can be compared
        if not _matched(problem, kept, pairs):
            return None
        for number, options in enumerate(kept):
            if number not in bound:
                kept[number] = _best(problem, number, options, kept, pairs)
    return Reduced(tuple(kept), pairs) if _matched(problem, kept, pairs) else None


def _matched(problem: Problem, kept: list[np.ndarray], pairs: tuple[np.ndarray, ...]) -> bool:
    """Leave out options that some neighbour has no option for; whether all have some left."""
    changed = True
    while changed:
        if not all(options.size for options in kept):
            return False
        changed = False
        for edge, allowed in zip(problem.edges, pairs, strict=True):
            given = edge.source_group[kept[edge.source]]
            taken = edge.target_group[kept[edge.target]]
            fits = allowed[given][:, taken]
            if not fits.all():
                before = len(given) + len(taken)
                kept[edge.source] = kept[edge.source][fits.any(axis=1)]
                kept[edge.target] = kept[edge.target][fits.any(axis=0)]
                changed |= len(kept[edge.source]) + len(kept[edge.target]) < before
    return True


def _best(
    problem: Problem,
    number: int,
    options: np.ndarray,
    kept: list[np.ndarray],
    pairs: tuple[np.ndarray, ...],
) -> np.ndarray:
    """The options of a node that no other one of them beats."""
    area = problem.nodes[number].area[options]
    # more[i, j]: what i takes more than j at most, by resource.
    more = area[:, None, :] - area[None, :, :]
    for edge, allowed in zip(problem.edges, pairs, strict=True):
        if number == edge.source:
            near = np.unique(edge.target_group[kept[edge.target]])
            table, fits = edge.area[:, near], allowed[:, near]
            own = edge.source_group[options]
        elif number == edge.target:
            near = np.unique(edge.source_group[kept[edge.source]])
            table, fits = edge.area[near].swapaxes(0, 1), allowed[near].T
            own = edge.target_group[options]
        else:
            continue
        more += _worse(own, table, fits)
    worse_never = (more <= 0).all(axis=2)
    for cover in problem.covers:
        for taker, asked in cover.takers:
            if taker == number:
                worse_never &= asked[options][:, None] == asked[options][None, :]
    order = np.arange(options.size)
    # Of two that beat each other the first one stays.
    beaten = worse_never & (~worse_never.T | (order[:, None] < order[None, :]))
    np.fill_diagonal(beaten, False)
    return options[~beaten.any(axis=0)]


def _worse(own: np.ndarray, table: np.ndarray, fits: np.ndarray) -> np.ndarray:
    """The most that an edge takes more with one option's property than with another's.

    ``(options, options, resources)``; beyond all bounds where a pair is not allowed
    that is allowed with the other.
    """
    groups, place = np.unique(own, return_inverse=True)
    some, ok = table[groups], fits[groups]
    gap = some[:, None] - some[None]  # (groups, groups, near, resources)
    gap = np.where(ok[None, :, :, None], gap, -_NEVER)  # where j cannot be, i is no worse
    gap = np.where((~ok[:, None] & ok[None])[..., None], _NEVER, gap)
    return np.asarray(gap.max(axis=2)[place][:, place])
