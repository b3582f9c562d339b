"""Class numbers of every level: whether they agree, and whether they are right."""

from __future__ import annotations

import numpy as np

from hwcompress.inspect.compare_facts import Decisions
from hwcompress.ir import Graph
from hwcompress.sim.decisions import decide, decides

__all__ = ["DecisionTally"]


class DecisionTally:
    """Counts, level by level, for a model whose first output decides between classes.

    Args:
        graph: the integer graph.
        reference: the level whose decisions the others are compared with; it is to be
            added first in every block.
        labels: class numbers of all samples, or ``None``.
    """

    def __init__(self, graph: Graph, reference: str, labels: np.ndarray | None) -> None:
        self._graph = graph
        self._reference = reference
        self._labels = labels
        self._decided = np.zeros(0, np.int64)
        self._counts: dict[str, list[int]] = {}
        self.decides = decides(graph)

    def add(self, level: str, start: int, real: np.ndarray) -> None:
        """Real values ``(n, ...)`` of the first output, in the source's layout."""
        if not self.decides:
            return
        given = decide(self._graph, real)
        if level == self._reference:
            self._decided = given
        counts = self._counts.setdefault(level, [0, 0, 0])
        counts[0] += len(given)
        counts[1] += int((given == self._decided[: len(given)]).sum())
        if self._labels is not None:
            counts[2] += int((given == self._labels[start : start + len(given)]).sum())

    def rows(self) -> tuple[Decisions, ...]:
        """What was counted."""
        return tuple(
            Decisions(level, count, agree, None if self._labels is None else correct)
            for level, (count, agree, correct) in self._counts.items()
        )
