"""Small networks whose netlists are simulated gate by gate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hwcompress.hls.folding import Folding, Lanes
from hwcompress.ir import (
    BIPOLAR,
    TERNARY,
    ArgMax,
    Conv,
    Dense,
    Graph,
    IntType,
    MaxPool,
    Op,
    Rescale,
    Reshape,
    Threshold,
)
from tests.rtl.graphs import chain, draw, random_folding, random_graph

__all__ = ["NETS", "random_net"]

_U2, _U3, _S4 = IntType(0, 3), IntType(0, 7), IntType(-8, 7)


def _bipolar(rng: np.random.Generator) -> tuple[Graph, Folding]:
    """XNOR-popcount and comparators behind a padded window."""
    ops: list[Op] = [
        Conv("conv", ("t0",), ("t1",), draw(rng, BIPOLAR, (4, 2, 2, 2)), BIPOLAR, None,
             (1, 1), (1, 0, 0, 1), (1, 1), 1, -1),
        Threshold("act", ("t1",), ("t2",), rng.integers(-3, 4, (4, 1)), np.ones(4, np.int64),
                  BIPOLAR),
        MaxPool("pool", ("t2",), ("t3",), (2, 2), (2, 2), (0, 0, 0, 0)),
    ]  # fmt: skip
    lanes = {"conv": Lanes(2, 2), "act": Lanes(2), "pool": Lanes(1)}
    return chain("bipolar", (4, 4, 2), BIPOLAR, ops), Folding(lanes)


def _dense(rng: np.random.Generator) -> tuple[Graph, Folding]:
    """Weights deep enough for a block RAM, a bias, and a vote."""
    ops: list[Op] = [
        Dense("fc", ("t0",), ("t1",), draw(rng, _S4, (12, 48)), _S4, rng.integers(-50, 50, 12)),
        ArgMax("vote", ("t1",), ("t2",)),
    ]
    return chain("dense", (48,), _U3, ops), Folding({"fc": Lanes(1, 1), "vote": Lanes(1)})


def _rescaled(rng: np.random.Generator) -> tuple[Graph, Folding]:
    """A multiplier that becomes a DSP, rounding and clipping; ternary weights."""
    mul = rng.integers(30, 90, 3)
    ops: list[Op] = [
        Reshape("flat", ("t0",), ("t1",), (12,)),
        Dense("fc", ("t1",), ("t2",), draw(rng, TERNARY, (3, 12)), TERNARY, None),
        Rescale("scale", ("t2",), ("t3",), mul, rng.integers(-99, 99, 3), np.full(3, 6),
                "half_even", _S4),
    ]  # fmt: skip
    return chain("rescaled", (2, 2, 3), _S4, ops), Folding({"fc": Lanes(3, 2), "scale": Lanes(1)})


def _searched(rng: np.random.Generator) -> tuple[Graph, Folding]:
    """A threshold with many levels: binary search through memories."""
    thresholds = np.sort(rng.integers(-60, 60, (4, 31)), axis=1)
    ops: list[Op] = [
        Threshold("act", ("t0",), ("t1",), thresholds, np.ones(4, np.int64), IntType(0, 31)),
    ]
    return chain("searched", (2, 4), IntType(-64, 63), ops), Folding({"act": Lanes(2)})


def _levels(rng: np.random.Generator) -> tuple[Graph, Folding]:
    """The smallest one: a threshold with four levels."""
    thresholds = np.sort(rng.integers(-8, 9, (1, 3)), axis=1)
    ops: list[Op] = [
        Threshold("act", ("t0",), ("t1",), thresholds, np.ones(1, np.int64), _U2),
    ]
    return chain("levels", (6,), _S4, ops), Folding({"act": Lanes(1)})


NETS: dict[str, Callable[[np.random.Generator], tuple[Graph, Folding]]] = {
    "bipolar": _bipolar,
    "dense": _dense,
    "rescaled": _rescaled,
    "searched": _searched,
    "levels": _levels,
}
"""Makers of a graph and its folding."""


def random_net(rng: np.random.Generator) -> tuple[Graph, Folding]:
    """Any small network."""
    graph = random_graph(rng)
    return graph, random_folding(graph, rng)
