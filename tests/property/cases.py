"""Random whole networks with a random folding each: all that follows from one number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from hwcompress.hls.folding import Folding, Lanes, Style, default_folding, legal_foldings
from hwcompress.hls.rtl import Design
from hwcompress.hls.rtl.plan import Plan, plan
from hwcompress.hls.rtl.timing import fifo_depths
from hwcompress.ir import Conv, ConvTranspose, Dense, Graph
from hwcompress.sim.timing import FifoSizes
from tests.conformance.generators import random_dag, random_network

__all__ = ["Case", "case", "pauses"]

_SLOW = 1200  # cycles a frame above which another folding is drawn
_LARGE = 250  # products a cycle, likewise
_DRAWS = 12


@dataclass(frozen=True)
class Case:
    """A network, its folding, and depths of its buffers."""

    number: int
    graph: Graph
    folding: Folding
    plan: Plan
    sizes: FifoSizes

    @property
    def design(self) -> Design:
        """The record of the design, written nowhere."""
        return self.plan.design("", self.sizes.depths)


@cache
def case(number: int) -> Case:
    """Every fourth network is a chain, the others have branches; every fifth is folded as a
    user's is by default."""
    rng = np.random.default_rng([number, 81])
    if number % 4 == 0:
        graph = random_network(number, max_size=7, max_channels=6)
    else:
        graph = random_dag(
            number, image=bool(rng.random() < 0.85), several=bool(rng.random() < 0.5),
            max_blocks=int(rng.integers(2, 6)), max_size=int(rng.integers(3, 9)), varied=True,
        )  # fmt: skip
    made = plan(graph, _folding(graph, rng, number % 5 == 4))
    return Case(number, graph, made.builder.folding, made, fifo_depths(made.design()))


def _folding(graph: Graph, rng: np.random.Generator, default: bool) -> Folding:
    """Any legal lanes; ``default`` tries the default ones first.

    Drawn again while the design is slow or large, for it is simulated.
    """
    legal = legal_foldings(graph)
    best: tuple[float, Mapping[str, Lanes]] | None = None
    for draw in range(_DRAWS):
        lanes = {name: choices[rng.integers(len(choices))] for name, choices in legal.items()}
        if default and draw == 0:
            lanes = dict(default_folding(graph).lanes)
        cycles = plan(graph, Folding(lanes)).design().interval
        products = sum(item.pe * item.simd * item.pixels for item in lanes.values())
        excess = max(cycles / _SLOW, products / _LARGE)
        if best is None or excess < best[0]:
            best = (excess, lanes)
        if excess <= 1:
            break
    assert best is not None
    return Folding(best[1], _styles(graph, rng))


def _styles(graph: Graph, rng: np.random.Generator) -> dict[str, Style]:
    """Most of the matrix engines multiply and store in a way of their own."""
    styles = {}
    for op in graph.layers:
        if isinstance(op, Conv | ConvTranspose | Dense) and rng.random() < 0.8:
            memory = rng.choice(["auto", "logic", "distributed", "block"])
            styles[op.name] = Style(
                rng.choice(["lut", "dsp", "packed", "packed"]).item(), memory.item(),
                reload=bool(memory != "logic" and rng.random() < 0.2),
            )  # fmt: skip
    return styles


def pauses(
    design: Design, rng: np.random.Generator, length: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Patterns of every input (offers) and output (accepts), each port in its own way."""
    offers = {port.port: _pattern(rng, length) for port in design.inputs}
    return offers, {port.port: _pattern(rng, length) for port in design.outputs}


def _pattern(rng: np.random.Generator, length: int) -> np.ndarray:
    """0 and 1 ``(length,)``: single pauses, or bursts of them; now and then none at all."""
    kind = rng.integers(0, 5)
    if kind == 0:
        return np.ones(length, np.int64)
    busy = rng.uniform(0.15, 0.9)
    if kind < 3:
        row = (rng.random(length) < busy).astype(np.int64)
    else:
        mean = int(rng.choice([4, 16, 60]))
        runs = rng.geometric(1 / mean, length)
        values = np.arange(length) % 2
        runs = np.where(values == 1, np.maximum(1, (runs * busy / (1 - busy)).astype(int)), runs)
        row = np.repeat(values, runs)[:length].astype(np.int64)
    row[rng.integers(0, length)] = 1
    return row
