"""Proofs that no path keeps a budget: weighted areas, in whole numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hwcompress.hls.fit.game import game
from hwcompress.hls.fit.problem import Area
from hwcompress.hls.fit.trellis import Trellis

__all__ = ["Bounds", "Prices"]

_UNIT = 1 << 44  # weighted area of a whole budget
_ROUNDS = 60
_NEAR = 1e-7
_FAR = np.iinfo(np.int64).max // 4


@dataclass(frozen=True, eq=False)
class Prices:
    """Whole prices of the resources, and the least that every rest of a path costs.

    Args:
        prices: int64 ``(resources,)``.
        rest: for every layer, and behind the last one, the least price of
            what follows each state, int64 ``(states,)``.
    """

    prices: np.ndarray
    rest: tuple[np.ndarray, ...]


@dataclass(eq=False)
class Bounds:
    """What is known of the paths of a trellis: areas of some, and price tables.

    A price table says what a path costs at the least. Where that is more than
    the price of the budget, no path keeps the budget: all in whole numbers,
    so that this is a proof.
    """

    trellis: Trellis
    areas: list[Area] = field(default_factory=list)
    paths: list[np.ndarray] = field(default_factory=list)

    def cheapest(self, prices: np.ndarray) -> Prices:
        """The price table of some prices; the path that costs least is remembered."""
        layers = self.trellis.layers
        rest = [np.zeros(layers[-1].ends, np.int64)]
        for layer in reversed(layers):
            cost = layer.area @ prices + rest[-1][layer.target]
            least = np.full(layer.starts, _FAR)
            np.minimum.at(least, layer.source, cost)
            rest.append(least)
        rest.reverse()
        arcs, area, state = [], np.zeros(len(prices), np.int64), 0
        for layer, after in zip(layers, rest[1:], strict=True):
            low, high = np.searchsorted(layer.source, [state, state + 1])
            cost = layer.area[low:high] @ prices + after[layer.target[low:high]]
            arc = int(low + np.argmin(cost))
            arcs.append(arc)
            area = area + layer.area[arc]
            state = int(layer.target[arc])
        self.areas.append(area)
        self.paths.append(np.array(arcs, np.int64))
        return Prices(prices, tuple(rest))

    def inside(self, budget: Area) -> np.ndarray | None:
        """A known path that keeps a budget."""
        for area, path in zip(self.areas, self.paths, strict=True):
            if (area <= budget).all():
                return path
        return None

    def prove(self, budget: Area, *, until_found: bool = True) -> tuple[bool, list[Prices]]:
        """Look for prices that no path can pay.

        Args:
            budget: of every resource, 0 or more.
            until_found: stop at the first path that keeps the budget.

        Returns:
            Whether it is proven that no path keeps the budget, and the price
            tables that came nearest to a proof, best first.
        """
        real = np.maximum(budget, 1)
        tables: list[tuple[float, Prices]] = []
        if not self.areas:
            self.cheapest(_whole(np.full(len(budget), 1 / len(budget)), real))
        lowest = -np.inf
        for _round in range(_ROUNDS):
            value, weights = game(np.array(self.areas) / real)
            table = self.cheapest(_whole(weights, real))
            least, limit = int(table.rest[0][0]), int(table.prices @ budget)
            if least > limit:
                return True, [table]
            reached = least / _UNIT
            tables.append((reached, table))
            lowest = max(lowest, reached)
            if until_found and self.inside(budget) is not None:
                break
            if value - lowest < _NEAR:
                break
        tables.sort(key=lambda pair: -pair[0])
        return False, [table for _, table in tables]


def _whole(weights: np.ndarray, budget: np.ndarray) -> np.ndarray:
    return np.asarray(np.rint(weights / budget * _UNIT).astype(np.int64))
