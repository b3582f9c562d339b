"""Random operations and networks of the conformance generators, many to one compilation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwcompress.hls.hls4ml import convert
from hwcompress.ir import Graph, Op, evaluate
from tests.conformance.generators import KINDS, random_inputs, random_network, random_op_graph


def side_by_side(graphs: Sequence[Graph]) -> Graph:
    """One graph that holds all, with names made unique: g++ reads its headers only once."""
    ops: list[Op] = []
    for index, graph in enumerate(graphs):
        ops += [
            replace(
                op,
                name=f"g{index}_{op.name}",
                inputs=tuple(f"g{index}_{tensor}" for tensor in op.inputs),
                outputs=tuple(f"g{index}_{tensor}" for tensor in op.outputs),
            )
            for op in graph.ops
        ]
    return Graph.build("side_by_side", ops)


def check(graphs: Sequence[Graph], io_type: str, folder: Path, seed: int) -> None:
    graph = side_by_side(graphs)
    feeds = random_inputs(graph, 100, seed)
    expected = evaluate(graph, feeds)
    actual = convert(graph, folder, io_type=io_type).predict_all(feeds)
    for name, values in expected.items():
        np.testing.assert_array_equal(values, actual[name], err_msg=f"{name}, seed {seed}")


@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_operations(io_type: str, tmp_path: Path) -> None:
    graphs = [random_op_graph(kind, seed) for kind in KINDS for seed in (3, 4)]
    check(graphs, io_type, tmp_path / "project", seed=3)


@pytest.mark.long
@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
@pytest.mark.parametrize("kind", KINDS)
def test_operations_long(kind: str, io_type: str, tmp_path: Path) -> None:
    for first in range(10, 70, 20):
        graphs = [random_op_graph(kind, seed) for seed in range(first, first + 20)]
        check(graphs, io_type, tmp_path / f"from_{first}", seed=first)


@pytest.mark.long
@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_networks_long(io_type: str, tmp_path: Path) -> None:
    for first in range(0, 30, 6):
        graphs = [random_network(seed) for seed in range(first, first + 6)]
        check(graphs, io_type, tmp_path / f"from_{first}", seed=first)
