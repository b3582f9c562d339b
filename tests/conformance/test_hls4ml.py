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
from hwcompress.ir import (
    Concat,
    Graph,
    Input,
    IntType,
    Op,
    Output,
    Reshape,
    Split,
    TopK,
    evaluate,
    trace,
)
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
@pytest.mark.parametrize("io_type", _IO_TYPES)
def test_trace_of_a_network_with_branches(io_type: str, tmp_path: Path) -> None:
    graph = random_dag(6)
    assert any(len(op.outputs) > 1 for op in graph.layers)
    feeds = random_inputs(graph, 20, 6)
    expected = trace(graph, feeds)
    actual = convert(graph, tmp_path / "project", io_type=io_type).trace(feeds)
    assert expected.keys() == actual.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(values, actual[name], err_msg=name)


def test_a_stream_with_many_readers(tmp_path: Path) -> None:
    """hls4ml copies a stream for seven at most: here are ten, one of them of another shape."""
    kind = IntType(-8, 7)
    ops: list[Op] = [Input("in", (), ("x",), (2, 2, 10), (0, 1, 2), (2, 2, 10), kind, 1.0)]
    ops.append(Split("split", ("x",), tuple(f"p{i}" for i in range(9)), (1,) * 8 + (2,)))
    ops.append(Reshape("flat", ("x",), ("v",), (40,)))
    ops.append(TopK("top", ("v",), ("t",), 3))
    ops.append(Concat("join", tuple(f"p{i}" for i in range(8, -1, -1)), ("y",)))
    ops += [Output(f"out_{name}", (name,), ()) for name in ("y", "t", "x")]
    check([Graph.build("many", ops)], "io_stream", tmp_path / "project", seed=1)


@pytest.mark.long
@pytest.mark.parametrize("make", [random_network, random_dag])
@pytest.mark.parametrize("io_type", _IO_TYPES)
@pytest.mark.parametrize("first", range(0, _SWEEP.networks, _NETWORKS_TOGETHER))
def test_networks_long(
    first: int, io_type: str, make: Callable[[int], Graph], tmp_path: Path
) -> None:
    graphs = [make(seed) for seed in range(first, first + _NETWORKS_TOGETHER)]
    check(graphs, io_type, tmp_path / "project", seed=first)
