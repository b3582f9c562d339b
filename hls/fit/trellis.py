"""The choices at an interval as paths: node after node, from one state to the next.

A state says all that later nodes need to know of the earlier ones: the property of
every edge whose other end is still to come, and how far every cover is served. An
arc is an option of a node, with its area and that of the edges that it completes.
Every choice is one path, and the areas of its arcs add up to its area.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.hls.fit.problem import Area, Problem
from hwcompress.hls.fit.reduce import Reduced

__all__ = ["Layer", "Trellis", "trellis_of"]

_MOST_ARCS = 2_000_000  # of a layer

_Slot = tuple[str, int]  # an open edge, or a cover's level or whether it is served


@dataclass(frozen=True, eq=False)
class Layer:
    """The arcs of one node, sorted by the state that they start from.

    Args:
        node: its number in the problem.
        starts: states in front of the node; 0 is the only one at the beginning.
        ends: states behind it.
        source: state that an arc starts from, int64 ``(arcs,)``.
        target: state that it ends in.
        option: option of the node.
        area: int64 ``(arcs, resources)``.
    """

    node: int
    starts: int
    ends: int
    source: np.ndarray
    target: np.ndarray
    option: np.ndarray
    area: np.ndarray


@dataclass(frozen=True, eq=False)
class Trellis:
    """Layers in the order of the nodes; behind the last one there is one state."""

    layers: tuple[Layer, ...]

    def choice(self, arcs: Sequence[int] | np.ndarray) -> np.ndarray:
        """The choice of a path, given as the number of its arc in every layer."""
        found = np.zeros(len(self.layers), np.int64)
        for layer, arc in zip(self.layers, arcs, strict=True):
            found[layer.node] = layer.option[arc]
        return found

    def area(self, arcs: Sequence[int] | np.ndarray) -> Area:
        """The area of a path."""
        pairs = zip(self.layers, arcs, strict=True)
        return np.asarray(np.sum([layer.area[arc] for layer, arc in pairs], axis=0))

    def with_sum(self, weights: np.ndarray) -> Trellis:
        """The same paths with one resource more: the weighted sum of all."""
        layers = (
            replace(layer, area=np.concatenate([layer.area, (layer.area @ weights)[:, None]], 1))
            for layer in self.layers
        )
        return Trellis(tuple(layers))


def trellis_of(problem: Problem, left: Reduced, budget: Area) -> Trellis | None:
    """All paths whose every arc is within the budget on its own.

    Returns:
        None if there is no path.

    Raises:
        UnsupportedError: there are too many states, for too many branches
            run side by side.
    """
    layers: list[Layer] = []
    slots: list[_Slot] = []
    states = np.zeros((1, 0), np.int64)
    served = {cover.node: number for number, cover in enumerate(problem.covers)}
    order = _order(problem)
    place = {node: step for step, node in enumerate(order)}
    last = [max(place[taker] for taker, _ in cover.takers) for cover in problem.covers]
    for step, node in enumerate(order):
        options = left.kept[node]
        if len(states) * len(options) > _MOST_ARCS:
            raise UnsupportedError(
                f"the search would need {len(states) * len(options)} steps for"
                f" {problem.nodes[node].name!r}",
                why="too many branches run side by side",
                remedy="fix the lanes of some engines with a folding file",
            )
        fits = np.ones((len(states), len(options)), bool)
        area = np.broadcast_to(
            problem.nodes[node].area[options], (*fits.shape, len(problem.resources))
        )
        columns: dict[_Slot, np.ndarray] = {}  # behind the node, by state and option
        closed: set[_Slot] = set()
        for number, edge in enumerate(problem.edges):
            if edge.target == node:
                given = states[:, slots.index(("edge", number))]
                pair = np.ix_(given, edge.target_group[options])
                fits &= left.pairs[number][pair]
                area = area + edge.area[pair]
                closed.add(("edge", number))
            elif edge.source == node:
                columns["edge", number] = edge.source_group[options][None, :]
        for number, cover in enumerate(problem.covers):
            for taker, asked in cover.takers:
                if taker != node:
                    continue
                level = states[:, slots.index(("level", number))][:, None]
                slot = ("served", number)
                before = columns.get(slot)
                if before is None:
                    before = states[:, slots.index(slot)][:, None]
                fits &= asked[options][None, :] <= level
                columns[slot] = before | (asked[options][None, :] == level)
            if last[number] == step:
                fits &= columns.pop(("served", number)) != 0
                closed |= {("level", number), ("served", number)}
        if node in served:
            columns["level", served[node]] = options[None, :]
            columns["served", served[node]] = np.zeros((1, 1), np.int64)
        fits &= (area <= budget).all(axis=2)
        source, picked = np.nonzero(fits)
        if not source.size:
            return None
        parts: dict[_Slot, np.ndarray] = {
            slot: states[source, column]
            for column, slot in enumerate(slots)
            if slot not in closed and slot not in columns
        }
        parts |= {
            slot: np.broadcast_to(values, fits.shape)[source, picked]
            for slot, values in columns.items()
        }
        starts = len(states)
        slots = list(parts)
        states, target = _distinct([parts[slot] for slot in slots], len(source))
        layers.append(
            Layer(node, starts, len(states), source, target, options[picked], area[source, picked])
        )
    return Trellis(tuple(layers))


def _order(problem: Problem) -> list[int]:
    """Nodes behind all that give to them, and covers in front of their takers."""
    before: list[set[int]] = [set() for _ in problem.nodes]
    for edge in problem.edges:
        before[edge.target].add(edge.source)
    for cover in problem.covers:
        for taker, _asked in cover.takers:
            before[taker].add(cover.node)
    order: list[int] = []
    done: set[int] = set()

    def visit(node: int) -> None:
        if node not in done:
            done.add(node)
            for earlier in sorted(before[node]):
                visit(earlier)
            order.append(node)

    for node in range(len(problem.nodes)):
        visit(node)
    return order


def _distinct(columns: list[np.ndarray], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Distinct rows ``(rows, columns)``, and which one each of them is."""
    code = np.zeros(count, np.int64)
    for values in columns:
        _, small = np.unique(values, return_inverse=True)
        code = code * (int(small.max()) + 1) + small
        _, code = np.unique(code, return_inverse=True)  # keeps the numbers small
    _, first, place = np.unique(code, return_index=True, return_inverse=True)
    rows = np.stack([values[first] for values in columns], axis=1) if columns else None
    return np.zeros((1, 0), np.int64) if rows is None else rows, place
