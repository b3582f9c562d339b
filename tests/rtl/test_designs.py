"""Generated designs against the reference interpreter, exactly, under random stalls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.hls.folding import Folding, Lanes, default_folding
from hwcompress.ir import (
    BIPOLAR,
    ArgMax,
    Conv,
    Dense,
    Graph,
    IntType,
    MaxPool,
    Reshape,
    Threshold,
)

from .designs import check_design
from .graphs import chain, graph_of, random_folding, random_graph

STALLS = [(0, 0), (150, 0), (0, 150), (110, 110)]
KINDS = ("Conv", "Dense", "Threshold", "Rescale", "MaxPool", "SumPool", "ArgMax")


def _check(graph: Graph, rng: np.random.Generator, seed: int, folder: Path) -> None:
    folding = random_folding(graph, rng)
    check_design(graph, folding, folder, frames=3, stalls=STALLS[seed % 4], seed=seed)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("kind", KINDS)
def test_one_operation(tmp_path: Path, kind: str, seed: int) -> None:
    """Random shapes, types, geometries and foldings of each operation alone."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    _check(graph_of(kind, rng), rng, seed, tmp_path)


@pytest.mark.parametrize("seed", range(12))
def test_random_chain(tmp_path: Path, seed: int) -> None:
    """Random networks with random foldings, so that every width converter occurs."""
    rng = np.random.default_rng([seed, 99])
    _check(random_graph(rng), rng, seed, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1400))
def test_many(tmp_path: Path, seed: int) -> None:
    """A long sweep over the same two."""
    rng = np.random.default_rng([seed, 5])
    _check(graph_of(KINDS[seed % 7], rng), rng, seed, tmp_path / "one")
    _check(random_graph(rng), rng, seed, tmp_path / "chain")


@pytest.mark.parametrize("seed", range(10))
def test_interval_is_the_busiest_layer(tmp_path: Path, seed: int) -> None:
    """Frames sent back to back leave in exactly the cycles that the design states."""
    rng = np.random.default_rng([seed, 7])
    graph = random_graph(rng)
    folding = random_folding(graph, rng) if seed % 2 else default_folding(graph)
    design, response = check_design(graph, folding, tmp_path, frames=7)
    ends = response.cycles[:: design.outputs[0].beats_per_frame]
    assert list(np.diff(ends)[3:]) == [design.interval] * 3


def test_wide_searches_and_gearboxes(tmp_path: Path) -> None:
    """Forty thresholds with falling channels, lanes that divide neither way."""
    rng = np.random.default_rng(0)
    table = np.sort(rng.integers(-300, 300, (12, 40)), axis=1)
    sign = np.array([1, -1] * 6)
    ops = [
        Threshold("steps", ("t0",), ("t1",), table, sign, IntType(-10, 30)),
        MaxPool("pool", ("t1",), ("t2",), (1, 2), (1, 2)),
    ]
    graph = chain("search", (1, 6, 12), IntType(-256, 255), ops)
    for steps, pool in ((4, 6), (12, 1), (3, 4)):
        folding = Folding({"steps": Lanes(steps), "pool": Lanes(pool)})
        check_design(graph, folding, tmp_path / f"{steps}", frames=4, stalls=(60, 60))


def _xnor_net(rng: np.random.Generator) -> Graph:
    def weight(*shape: int) -> np.ndarray:
        return 2 * rng.integers(0, 2, shape) - 1

    ones = np.ones(8, np.int64)
    ops = [
        Conv("c", ("t0",), ("t1",), weight(8, 3, 3, 4), BIPOLAR, None, (1, 1), (0,) * 4),
        Threshold("s", ("t1",), ("t2",), rng.integers(-6, 7, (8, 1)), ones, BIPOLAR),
        Reshape("f", ("t2",), ("t3",), (72,)),
        Dense("d", ("t3",), ("t4",), weight(10, 72), BIPOLAR, rng.integers(-9, 9, 10)),
        ArgMax("a", ("t4",), ("t5",)),
    ]
    return chain("xnor", (5, 5, 4), BIPOLAR, ops)


def test_binary_network(tmp_path: Path) -> None:
    """XNOR and popcount through convolution, sign, dense layer with bias and argmax."""
    graph = _xnor_net(np.random.default_rng(8))
    folding = Folding({"c": Lanes(4, 2), "s": Lanes(8), "d": Lanes(5, 36), "a": Lanes(1)})
    check_design(graph, folding, tmp_path, frames=12, stalls=(50, 50))
