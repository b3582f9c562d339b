"""A menu for every engine, and what neighbours cost each other: the search as plain integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["Area", "Cover", "Edge", "Node", "Problem"]

Area = np.ndarray
"""Amounts of every resource of a problem, int64 ``(resources,)``."""


@dataclass(frozen=True, eq=False)
class Node:
    """Something of which one option is taken.

    Args:
        name: for people.
        cycles: busy cycles a frame of every option, int64 ``(options,)``.
        area: int64 ``(options, resources)``, 0 or more.
    """

    name: str
    cycles: np.ndarray
    area: np.ndarray


@dataclass(frozen=True, eq=False)
class Edge:
    """What stands between two nodes, as a function of a property of each one's option.

    Args:
        source: number of the node that gives.
        target: number of the node that takes.
        source_group: property of every option of the source, int64 ``(options,)``.
        target_group: likewise of the target.
        cycles: busy cycles a frame by the two properties, int64 ``(A, B)``.
        area: likewise, int64 ``(A, B, resources)``, 0 or more.
    """

    source: int
    target: int
    source_group: np.ndarray
    target_group: np.ndarray
    cycles: np.ndarray
    area: np.ndarray


@dataclass(frozen=True, eq=False)
class Cover:
    """A node whose option is not free: it is the greatest that one of its takers asks for.

    Args:
        node: number of the node.
        takers: other nodes, and which option of ``node`` each of their options
            asks for, int64 ``(options of the taker,)``.
    """

    node: int
    takers: tuple[tuple[int, np.ndarray], ...]


@dataclass(frozen=True, eq=False)
class Problem:
    """Nodes, the edges between them, and what the design needs in any case.

    A choice is an option of every node, int64 ``(nodes,)``.
    """

    resources: tuple[str, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    covers: tuple[Cover, ...] = ()

    def cycles(self, choice: Sequence[int] | np.ndarray) -> int:
        """Busy cycles a frame of the slowest node or edge."""
        found = [int(node.cycles[i]) for node, i in zip(self.nodes, choice, strict=True)]
        found += [int(edge.cycles[self._pair(edge, choice)]) for edge in self.edges]
        return max(found, default=0)

    def area(self, choice: Sequence[int] | np.ndarray) -> Area:
        """Summed area of all nodes and edges."""
        total = np.zeros(len(self.resources), np.int64)
        for node, option in zip(self.nodes, choice, strict=True):
            total += node.area[option]
        for edge in self.edges:
            total += edge.area[self._pair(edge, choice)]
        return total

    def allows(self, choice: Sequence[int] | np.ndarray) -> bool:
        """Whether every covering node has the option that its takers ask for."""
        return all(
            int(choice[cover.node])
            == max(int(asked[choice[taker]]) for taker, asked in cover.takers)
            for cover in self.covers
        )

    @staticmethod
    def _pair(edge: Edge, choice: Sequence[int] | np.ndarray) -> tuple[int, int]:
        given = edge.source_group[choice[edge.source]]
        return int(given), int(edge.target_group[choice[edge.target]])

    @cached_property
    def steps(self) -> np.ndarray:
        """Every number of cycles that a design's slowest part may have, ascending int64."""
        values = [node.cycles for node in self.nodes]
        values += [edge.cycles.reshape(-1) for edge in self.edges]
        if not values:
            return np.zeros(1, np.int64)
        every = np.unique(np.concatenate(values))
        floor = max((int(node.cycles.min()) for node in self.nodes), default=0)
        return every[every >= floor]
