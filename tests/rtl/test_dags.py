"""Designs with branches against the reference interpreter, exactly, under random stalls.

Random whole networks are in tests/property.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.hls.folding import Folding, Lanes
from hwcompress.hls.rtl import generate
from hwcompress.ir import (
    BIPOLAR,
    TERNARY,
    Add,
    Concat,
    Conv,
    Graph,
    Input,
    IntType,
    Output,
    Threshold,
)
from tests.conformance.generators import random_op_graph

from .dag_designs import check_dag, intervals
from .graphs import random_folding

STALLS = [(0, 0), (150, 0), (0, 150), (110, 110)]
KINDS = ("Add", "Mul", "Concat", "Split")


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", KINDS)
def test_one_operation(tmp_path: Path, kind: str, seed: int) -> None:
    """Random types, multipliers, numbers of inputs and foldings of each operation alone."""
    rng = np.random.default_rng([seed, KINDS.index(kind), 61])
    graph = random_op_graph(kind, seed)
    folding = random_folding(graph, rng)
    check_dag(graph, folding, tmp_path, stalls=STALLS[seed % 4], seed=seed)


@pytest.mark.parametrize("pe", [1, 4])
def test_constants_that_make_bipolar_channels(tmp_path: Path, pe: int) -> None:
    """A constant -1 is stored as 1 in a bit of its own, as 0 in a bipolar tensor."""
    types = (BIPOLAR, IntType(-1, -1), IntType(1, 1))
    sources = [
        Input(f"in{i}", (), (f"x{i}",), (2, 3, 2 if i == 0 else 1), (0, 1, 2),
              (2, 3, 2 if i == 0 else 1), dtype, 1.0)
        for i, dtype in enumerate(types)
    ]  # fmt: skip
    op = Concat("side", ("x0", "x1", "x2"), ("y",))
    graph = Graph.build("constants", [*sources, op, Output("out", ("y",), ())])
    assert graph.tensors["y"].dtype == BIPOLAR
    check_dag(graph, Folding({"side": Lanes(pe)}), tmp_path)


def _residual(channels: int = 4, side: int = 6) -> Graph:
    """Two convolutions beside an identity, their sum, and a concatenation with the input."""
    rng = np.random.default_rng(5)
    kind = IntType(0, 3)

    def conv(name: str, source: str, target: str) -> Conv:
        weight = rng.integers(-1, 2, (channels, 3, 3, channels))
        return Conv(name, (source,), (target,), weight, TERNARY, padding=(1, 1, 1, 1))

    def step(name: str, source: str, target: str) -> Threshold:
        table = np.array([[-3, 1, 5]])
        return Threshold(name, (source,), (target,), table, np.ones(1, np.int64), kind)

    shape = (side, side, channels)
    ops = [
        Input("in", (), ("x",), shape, (0, 1, 2), shape, kind, 1.0),
        conv("c1", "x", "a"),
        step("s1", "a", "b"),
        conv("c2", "b", "c"),
        step("s2", "c", "d"),
        Add("sum", ("d", "x"), ("e",), np.array([[3], [-2]])),
        Concat("side", ("x", "e"), ("f",)),
        Output("out", ("f",), ()),
        Output("inner", ("b",), ()),
    ]
    return Graph.build("residual", ops)


RESIDUAL = Folding(
    {
        "c1": Lanes(4, 4), "s1": Lanes(4), "c2": Lanes(4, 4), "s2": Lanes(4), "sum": Lanes(4),
        "side": Lanes(8),
    }
)  # fmt: skip


@pytest.mark.parametrize("stalls", STALLS)
def test_residual(tmp_path: Path, stalls: tuple[int, int]) -> None:
    """Identity paths around two windows, one tensor that also leaves the design."""
    check_dag(_residual(), RESIDUAL, tmp_path, frames=6, stalls=stalls)


def test_depths_are_enough_and_no_more(tmp_path: Path) -> None:
    """Full rate with the computed depths; with one beat less anywhere it is lost, or all stops."""
    graph = _residual()
    design, responses = check_dag(graph, RESIDUAL, tmp_path / "sized", frames=9)
    assert design.interval == 324
    assert all(row[-4:] == [design.interval] * 4 for row in intervals(design, responses))
    critical = [fifo for fifo in design.fifos if fifo.depth > 2]
    assert len(critical) == 2
    for fifo in critical:
        depths = {item.name: item.depth for item in design.fifos} | {fifo.name: fifo.depth - 1}
        assert _slower(graph, depths, tmp_path / fifo.name), fifo
    small = {fifo.name: 0 for fifo in design.fifos}
    with pytest.raises(AssertionError, match="DEADLOCK"):
        check_dag(graph, RESIDUAL, tmp_path / "none", frames=3, fifo_depths=small)


def _slower(graph: Graph, depths: dict[str, int], folder: Path) -> bool:
    try:
        design, responses = check_dag(graph, RESIDUAL, folder, frames=9, fifo_depths=depths)
    except AssertionError as error:
        return "DEADLOCK" in str(error)
    rows = intervals(design, responses)
    return any(sum(row[-4:]) > 4 * design.interval for row in rows)


def test_given_depths(tmp_path: Path) -> None:
    """Deeper buffers change nothing; names and numbers are checked."""
    graph = _residual()
    design, _ = check_dag(
        graph, RESIDUAL, tmp_path, fifo_depths={"sum_1_fifo": 300, "side_0_fifo": 300}
    )
    depths = {fifo.name: fifo.depth for fifo in design.fifos}
    assert depths["sum_1_fifo"] == 300
    modules = {item.name: item.module for item in design.instances}
    assert all((name in modules) == (depth > 0) for name, depth in depths.items())
    layers = {layer.op: layer.modules for layer in design.layers}
    assert "sum_1_fifo" in layers["sum"] and "c1_fifo" not in modules
    with pytest.raises(
        InputError, match="'sum_7_fifo' is no buffer of this design. Remedy: buffers are c1"
    ):
        generate(graph, RESIDUAL, tmp_path, fifo_depths={"sum_7_fifo": 3})
    with pytest.raises(InputError, match="depth -1 of buffer 'sum_1_fifo' is negative"):
        generate(graph, RESIDUAL, tmp_path, fifo_depths={"sum_1_fifo": -1})
