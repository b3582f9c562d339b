"""The compiled hls4ml C++ equals the reference on every operation and on networks.

g++ needs seconds to read its headers, so many graphs share one project.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwcompress.hls.hls4ml import REALISATION, convert
from hwcompress.ir import Graph, Op, evaluate
from hwcompress.report.conformance import SWEEPS
from tests.conformance.generators import (
    KINDS,
    random_dag,
    random_inputs,
    random_network,
    random_op_graph,
)

_SWEEP = SWEEPS["hls4ml"]
_IO_TYPES = ("io_parallel", "io_stream")
_TOGETHER = 15  # operations in one project
_NETWORKS_TOGETHER = 6


def side_by_side(graphs: Sequence[Graph]) -> Graph:
    """One graph that holds all, with names made unique."""
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
    feeds = random_inputs(graph, _SWEEP.samples, seed)
    expected = evaluate(graph, feeds)
    actual = convert(graph, folder, io_type=io_type).predict_all(feeds)
    assert expected.keys() == actual.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(values, actual[name], err_msg=f"{name}, seed {seed}")


def test_every_operation_has_a_handler() -> None:
    assert set(REALISATION.handlers) == {*KINDS, "Input", "Output"}


@pytest.mark.parametrize(("place", "io_type"), enumerate(_IO_TYPES))
def test_operations_and_a_network_with_branches(place: int, io_type: str, tmp_path: Path) -> None:
    """Every operation in one of the styles, a network in each; all in both in the long run."""
    kinds = KINDS[place :: len(_IO_TYPES)]
    graphs = [random_op_graph(kind, seed) for kind in kinds for seed in range(_SWEEP.default)]
    check([*graphs, random_dag(2 + 3 * place)], io_type, tmp_path / "project", seed=3)


@pytest.mark.long
@pytest.mark.parametrize("io_type", _IO_TYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_operations_long(kind: str, io_type: str, tmp_path: Path) -> None:
    for first in range(0, _SWEEP.full, _TOGETHER):
        graphs = [random_op_graph(kind, seed) for seed in range(first, first + _TOGETHER)]
        check(graphs, io_type, tmp_path / f"from_{first}", seed=first)


@pytest.mark.long
@pytest.mark.parametrize("make", [random_network, random_dag])
@pytest.mark.parametrize("io_type", _IO_TYPES)
@pytest.mark.parametrize("first", range(0, _SWEEP.networks, _NETWORKS_TOGETHER))
def test_networks_long(
    first: int, io_type: str, make: Callable[[int], Graph], tmp_path: Path
) -> None:
    graphs = [make(seed) for seed in range(first, first + _NETWORKS_TOGETHER)]
    check(graphs, io_type, tmp_path / "project", seed=first)
