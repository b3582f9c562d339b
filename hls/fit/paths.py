"""Every smallest path within a budget, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.hls.fit.bound import Prices
from hwcompress.hls.fit.problem import Area
from hwcompress.hls.fit.trellis import Layer, Trellis

__all__ = ["Paths", "paths_within"]

_CHAMPIONS = 12  # paths to a state that others are compared with
_MOST = 4_000_000  # paths that one layer may lengthen


@dataclass(frozen=True, eq=False)
class Paths:
    """Paths that keep a budget.

    Args:
        area: of each, int64 ``(paths, resources)``.
        arcs: number of the arc in every layer, int64 ``(paths, layers)``.
        complete: for every path within the budget there is one here that
            takes no more of any resource.
    """

    area: np.ndarray
    arcs: np.ndarray
    complete: bool


@dataclass(frozen=True, eq=False)
class _Step:
    parent: np.ndarray
    arc: np.ndarray


def paths_within(trellis: Trellis, budget: Area, tables: Sequence[Prices], *, most: int) -> Paths:
    """Lengthen paths by a layer at a time; leave out those that cannot keep the budget.

    A path goes if some price table says that its cheapest continuation is beyond the
    budget, or if another one to the same state takes no more of any resource.

    Args:
        trellis: the paths.
        budget: of every resource.
        tables: price tables, the most telling one first; at least one.
        most: paths that are kept behind a layer, those with the cheapest
            continuations by the first table.
    """
    limits = [int(table.prices @ budget) for table in tables]
    area = np.zeros((1, len(budget)), np.int64)
    state = np.zeros(1, np.int64)
    steps: list[_Step] = []
    complete = True
    for depth, layer in enumerate(trellis.layers):
        parent, arc = _pairs(layer, state)
        if len(arc) > _MOST:
            parent, arc, complete = parent[:_MOST], arc[:_MOST], False
        grown = area[parent] + layer.area[arc]
        good = (grown <= budget).all(axis=1)
        score = np.zeros(len(arc), np.int64)
        for number, (table, limit) in enumerate(zip(tables, limits, strict=True)):
            price = grown @ table.prices + table.rest[depth + 1][layer.target[arc]]
            good &= price <= limit
            if number == 0:
                score = price
        picked = np.flatnonzero(good)
        picked = picked[np.lexsort((score[picked], layer.target[arc[picked]]))]
        picked = picked[_undominated(layer.target[arc[picked]], grown[picked])]
        if len(picked) > most:
            complete = False
            best = np.argpartition(score[picked], most)[:most]
            picked = picked[np.sort(best)]
        area, state = grown[picked], layer.target[arc[picked]]
        steps.append(_Step(parent[picked], arc[picked]))
        if not picked.size:
            break
    arcs = np.zeros((len(area), len(trellis.layers)), np.int64)
    place = np.arange(len(area))
    for depth in range(len(steps) - 1, -1, -1):
        arcs[:, depth] = steps[depth].arc[place]
        place = steps[depth].parent[place]
    return Paths(area, arcs, complete)


def _pairs(layer: Layer, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every path, which are sorted by their state, with every arc that starts there."""
    low = np.searchsorted(layer.source, state, side="left")
    count = np.searchsorted(layer.source, state, side="right") - low
    parent = np.repeat(np.arange(len(state)), count)
    first = np.cumsum(count) - count
    return parent, np.arange(len(parent)) - first[parent] + low[parent]


def _undominated(state: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Mask of paths, sorted by state, of which the first ones to each state beat none.

    Some that others beat may stay; of equal ones the first stays.
    """
    keep = np.ones(len(state), bool)
    if not len(state):
        return keep
    start = np.flatnonzero(np.diff(state, prepend=-1))
    size = np.diff(start, append=len(state))
    first = np.repeat(start, size)
    rank = np.arange(len(state)) - first
    for champion in range(min(_CHAMPIONS, int(size.max()))):
        against = first + champion
        there = (np.repeat(size, size) > champion) & (rank > champion)
        other = np.where(there, against, 0)
        keep &= ~(there & keep[other] & (area[other] <= area).all(axis=1))
    return keep
