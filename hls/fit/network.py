"""A graph and a cost model as a problem, and its choices as foldings."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from hwcompress.hls.fit.cost import UNKNOWN, CostModel
from hwcompress.hls.fit.menu import DEFAULT_OFFER, Offer, Option, options_of
from hwcompress.hls.fit.problem import Cover, Edge, Node, Problem
from hwcompress.hls.fit.widths import Spread, gives, port_lanes, spread_of, takes
from hwcompress.hls.folding import Folding, Lanes, Style
from hwcompress.hls.folding.engines import Engine, engine
from hwcompress.hls.folding.gearbox import gearbox, gearbox_cycles
from hwcompress.hls.folding.style import DEFAULT_STYLE
from hwcompress.ir import Constant, Graph, Input, Op

__all__ = ["Menus", "menus_of"]


@dataclass(frozen=True)
class Menus:
    """A problem, and what its nodes stand for.

    Args:
        problem: the nodes of the engines come first, in graph order, then those of
            inputs and constants that several engines read.
        engines: options of every engine, by the name of its operation, as in ``problem``.
    """

    problem: Problem
    engines: Mapping[str, tuple[Option, ...]]

    @property
    def unknown(self) -> int:
        """Options whose area the cost model cannot tell, and which therefore are never taken."""
        return sum(
            int((self.problem.nodes[number].area >= UNKNOWN).any(axis=1).sum())
            for number in range(len(self.engines))
        )

    def folding(self, choice: Sequence[int] | np.ndarray) -> Folding:
        """The lanes and styles that a choice stands for."""
        taken = {
            name: options[choice[number]]
            for number, (name, options) in enumerate(self.engines.items())
        }
        lanes = {name: some for name, (some, _style) in taken.items()}
        styles = {name: style for name, (_lanes, style) in taken.items()}
        return Folding(lanes, {n: style for n, style in styles.items() if style != DEFAULT_STYLE})

    def choice(self, folding: Folding) -> np.ndarray:
        """The choice that stands for a folding.

        Raises:
            KeyError: the folding lacks an engine, or an engine has no such option.
        """
        places = {
            name: {option: place for place, option in enumerate(options)}
            for name, options in self.engines.items()
        }
        found = [
            places[name][folding.lanes[name], folding.styles.get(name, DEFAULT_STYLE)]
            for name in self.engines
        ]
        for cover in self.problem.covers:
            found.append(max(int(asked[found[taker]]) for taker, asked in cover.takers))
        return np.array(found, np.int64)


def menus_of(
    graph: Graph,
    model: CostModel,
    *,
    offer: Offer = DEFAULT_OFFER,
    fixed: Folding | None = None,
) -> Menus:
    """Everything that the design of a graph can be.

    Nothing is left out of the area but the buffers in front of joins and behind
    forks, whose depths are known only once a design is chosen.

    Args:
        graph: with at least one engine.
        model: of the areas.
        offer: kinds of multipliers and memories to choose from.
        fixed: engines that are not to be chosen.

    Raises:
        InputError: ``fixed`` has lanes that are not legal.
        UnsupportedError: an operation has no engine.
    """
    work = _Work(graph, model)
    with _uncollected():
        for op in graph.layers:
            item = engine(op, graph)
            if item is not None:
                work.add_engine(op, item, options_of(op, graph, item, offer, fixed))
        for op in graph.ops:
            if isinstance(op, Input | Constant):
                work.source(op)
            elif op.name in work.number:
                for output, tensor in enumerate(op.outputs):
                    work.tensor(op, output, spread_of(graph, tensor))
    nodes = (Node(*parts) for parts in zip(work.names, work.cycles, work.areas, strict=True))
    problem = Problem(model.resources, tuple(nodes), tuple(work.edges), tuple(work.covers))
    return Menus(problem, {name: tuple(work.options[name]) for name in work.options})


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the search for garbage in cycles, of which millions of small objects make none.

    It takes a fifth of the time otherwise, more where large libraries are loaded.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


@dataclass
class _Work:
    """The problem under construction; a node's cycles and area grow as tensors are followed."""

    graph: Graph
    model: CostModel
    number: dict[str, int] = field(default_factory=dict)  # of a node, by operation
    items: dict[str, Engine] = field(default_factory=dict)
    options: dict[str, tuple[Option, ...]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    cycles: list[np.ndarray] = field(default_factory=list)
    areas: list[np.ndarray] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    covers: list[Cover] = field(default_factory=list)
    known: dict[tuple[int, int, int], np.ndarray] = field(default_factory=dict)

    def add_engine(self, op: Op, item: Engine, options: tuple[Option, ...]) -> None:
        self.items[op.name], self.options[op.name] = item, options
        cycles = {lanes: item.cycles(lanes) for lanes, _style in options}
        self._add(
            op.name,
            np.array([cycles[lanes] for lanes, _style in options], np.int64),
            _whole(self.model.engine(op, self.graph, options)),
        )

    def _add(self, name: str, cycles: np.ndarray, area: np.ndarray) -> int:
        self.number[name] = len(self.names)
        self.names.append(name)
        self.cycles.append(cycles)
        self.areas.append(area)
        return self.number[name]

    def tensor(self, op: Op, output: int, spread: Spread) -> None:
        """Forks, ports and converters of a tensor that an engine makes."""
        item = self.items[op.name]
        given = np.array([gives(item, lanes, output) for lanes, _style in self.options[op.name]])
        lanes, group = np.unique(given, return_inverse=True)
        self._behind(self.number[op.name], lanes, group, spread)
        self._converters(self.number[op.name], lanes, group, spread)

    def source(self, op: Op) -> None:
        """An input or a constant, which comes with the most lanes that a reader takes."""
        spread = spread_of(self.graph, op.outputs[0])
        asked = [self._asked(reader.op, reader.position) for reader in spread.readers]
        lanes = np.unique(np.concatenate([[1], *asked])) if asked else np.ones(1, np.int64)
        if len(asked) == 1:  # nothing to agree on: it is a part of its reader
            (reader,) = spread.readers
            number = self.number[reader.op.name]
            lanes, group = np.unique(asked[0], return_inverse=True)
            self._made(number, op, lanes, group)
            self._behind(number, lanes, group, spread)
            takers = self._taken(reader.op, reader.position)
            for option, (given, wanted) in enumerate(zip(asked[0], takers, strict=True)):
                cycles, area = self._converter(spread.tensor, int(given), int(wanted))
                self.cycles[number][option] = max(self.cycles[number][option], cycles)
                self.areas[number][option] += area
            return
        count = len(lanes)
        number = self._add(
            op.name,
            np.zeros(count, np.int64),
            np.zeros((count, len(self.model.resources)), np.int64),
        )
        group = np.arange(count)
        self._made(number, op, lanes, group)
        self._behind(number, lanes, group, spread)
        self._converters(number, lanes, group, spread)
        every = tuple(
            (self.number[reader.op.name], np.searchsorted(lanes, wanted))
            for reader, wanted in zip(spread.readers, asked, strict=True)
        )
        if every:
            self.covers.append(Cover(number, every))

    def _asked(self, op: Op, position: int) -> np.ndarray:
        item = self.items[op.name]
        found = [port_lanes(item, lanes, position) for lanes, _style in self.options[op.name]]
        return np.array(found, np.int64)

    def _taken(self, op: Op, position: int) -> np.ndarray:
        item = self.items[op.name]
        found = [takes(item, lanes, position) for lanes, _style in self.options[op.name]]
        return np.array(found, np.int64)

    def _made(self, number: int, op: Op, lanes: np.ndarray, group: np.ndarray) -> None:
        """The port or the memory that gives a tensor, with each number of lanes."""
        kind = self.graph.tensors[op.outputs[0]].type
        if isinstance(op, Input):
            area = np.array([
                self._module("hwc_skid", {"WIDTH": int(n) * kind.dtype.bits}) for n in lanes
            ])  # fmt: skip
        else:
            every = [(Lanes(int(n)), Style()) for n in lanes]
            area = _whole(self.model.engine(op, self.graph, every))
        self.areas[number] = self.areas[number] + area[group]
        self._busy(number, kind.size // lanes[group])

    def _busy(self, number: int, cycles: np.ndarray) -> None:
        self.cycles[number] = np.maximum(self.cycles[number], cycles)

    def _behind(self, number: int, lanes: np.ndarray, group: np.ndarray, spread: Spread) -> None:
        """Forks of a tensor and the ports that it leaves by."""
        kind = self.graph.tensors[spread.tensor].type
        area = np.zeros((len(lanes), len(self.model.resources)), np.int64)
        for place, count in enumerate(map(int, lanes)):
            width = count * kind.dtype.bits
            for copies in spread.forks:
                area[place] += self._module("hwc_fork", {"WIDTH": width, "COUNT": copies})
            if spread.ports:
                port = {"WIDTH": -(-width // 8) * 8, "BEATS": kind.size // count}
                area[place] += spread.ports * self._module("hwc_last", port)
        self.areas[number] = self.areas[number] + area[group]
        if spread.ports:
            self._busy(number, kind.size // lanes[group])

    def _converters(
        self, number: int, lanes: np.ndarray, group: np.ndarray, spread: Spread
    ) -> None:
        for reader in spread.readers:
            taken = self._taken(reader.op, reader.position)
            wanted, target_group = np.unique(taken, return_inverse=True)
            pairs = [
                [self._converter(spread.tensor, int(a), int(b)) for b in wanted] for a in lanes
            ]
            self.edges.append(
                Edge(
                    number,
                    self.number[reader.op.name],
                    group,
                    target_group,
                    np.array([[cycles for cycles, _ in row] for row in pairs], np.int64),
                    np.array([[area for _, area in row] for row in pairs], np.int64),
                )
            )

    def _converter(self, tensor: str, given: int, wanted: int) -> tuple[int, np.ndarray]:
        kind = self.graph.tensors[tensor].type
        bits = kind.dtype.bits
        key = given, wanted, bits
        if key not in self.known:
            total, lanes = np.zeros(len(self.model.resources), np.int64), given
            for step in gearbox(given, wanted, bits):
                module = "hwc_width_up" if step > lanes else "hwc_width_down"
                low, high = sorted((step, lanes))
                total = total + self._module(module, {"WIDTH": low * bits, "RATIO": high // low})
                lanes = step
            self.known[key] = total
        return gearbox_cycles(given, wanted, bits, kind.size), self.known[key]

    def _module(self, module: str, parameters: Mapping[str, int]) -> np.ndarray:
        return _whole(self.model.module(module, parameters))


def _whole(area: np.ndarray) -> np.ndarray:
    """To whole units: less than one is far below what an estimate can tell."""
    return np.maximum(np.rint(area), 0).astype(np.int64)
