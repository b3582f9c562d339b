"""Whether some path keeps a budget: yes with a path, no with a proof, or left open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwcompress.hls.fit.bound import Bounds
from hwcompress.hls.fit.paths import Paths, paths_within
from hwcompress.hls.fit.problem import Area
from hwcompress.hls.fit.trellis import Trellis

__all__ = ["NARROW", "USUAL", "WIDE", "Answer", "Oracle"]

_TABLES = 6

NARROW, USUAL, WIDE = (100,), (100, 1_000), (200, 20_000)
"""Paths followed at once, in attempts one after the other: an answer now, or almost surely."""


@dataclass(frozen=True, eq=False)
class Answer:
    """A path that keeps a budget, or None and whether it is proven that there is none."""

    path: np.ndarray | None
    excluded: bool = False


@dataclass(eq=False)
class Oracle:
    """Answers for one trellis; what one answer found helps with the next.

    Args:
        trellis: the paths.
        beams: paths that are followed at once, in attempts that come one after
            the other.
    """

    trellis: Trellis
    beams: tuple[int, ...] = USUAL

    def __post_init__(self) -> None:
        self._bounds = Bounds(self.trellis)

    def ask(self, budget: Area) -> Answer:
        """Whether some path keeps a budget."""
        known = self._bounds.inside(budget)
        if known is not None:
            return Answer(known)
        excluded, tables = self._bounds.prove(budget)
        if excluded:
            return Answer(None, True)
        known = self._bounds.inside(budget)
        if known is not None:
            return Answer(known)
        for beam in self.beams:
            found = paths_within(self.trellis, budget, tables[:_TABLES], most=beam)
            if len(found.area):
                self._remember(found)
                return Answer(found.arcs[0])
            if found.complete:
                return Answer(None, True)
        return Answer(None)

    def every(self, budget: Area) -> Paths:
        """All smallest paths within a budget, if they are not too many."""
        excluded, tables = self._bounds.prove(budget, until_found=False)
        if excluded:
            empty = np.zeros((0, len(self.trellis.layers)), np.int64)
            return Paths(np.zeros((0, len(budget)), np.int64), empty, True)
        return paths_within(self.trellis, budget, tables[:_TABLES], most=self.beams[-1])

    def _remember(self, found: Paths) -> None:
        self._bounds.areas += list(found.area[:8])
        self._bounds.paths += list(found.arcs[:8])
