"""Observed ranges lie within the static ones, and the table reports what was unused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.ir import BIPOLAR, Dense, Graph, Input, IntType, Output, Threshold
from hwcompress.sim import Simulator, observed_ranges, range_table
from tests.conformance.generators import random_dag, random_inputs, random_network


@pytest.mark.parametrize("make", [random_network, random_dag])
@pytest.mark.parametrize("seed", range(30))
def test_observed_within_reachable_within_type(seed: int, make: Callable[[int], Graph]) -> None:
    graph = make(seed)
    trace = Simulator(graph).trace(random_inputs(graph, 40, seed))
    static = graph.ranges()
    for name, observed in observed_ranges(trace).items():
        tensor = graph.tensors[name]
        assert np.all(static[name].lo <= observed.lo), name
        assert np.all(observed.hi <= static[name].hi), name
        assert tensor.dtype.lo <= static[name].lo.min(), name
        assert static[name].hi.max() <= tensor.dtype.hi, name


def test_table() -> None:
    graph = Graph.build(
        "g",
        [
            Input("in", (), ("x",), (2,), (0,), (2,), IntType(0, 15), 1.0),
            Dense("d", ("x",), ("y",), np.array([[1, 1], [0, 0]]), IntType(0, 1)),
            Threshold("t", ("y",), ("b",), np.array([[3]]), np.array([1]), BIPOLAR),
            Output("o", ("b",), ()),
        ],
    )
    rows = range_table(graph, Simulator(graph).trace(np.array([[1, 0], [2, 4], [3, 2]])))
    assert [row.tensor for row in rows] == ["x", "y", "b"]
    x, y, b = rows
    assert (x.observed, x.unused_bits, x.constant_channels) == (IntType(0, 4), 1, 0)
    assert (y.reachable, y.observed) == (IntType(0, 30), IntType(0, 6))
    assert (y.unused_bits, y.constant_channels, y.channels) == (2, 1, 2)
    assert b.observed == BIPOLAR and b.unused_bits == 0


def test_an_empty_trace_has_no_range() -> None:
    with pytest.raises(InputError, match="tensor 'x': a trace without samples has no range"):
        observed_ranges({"x": np.zeros((0, 3), np.int64)})
