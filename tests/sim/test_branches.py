"""Graphs with branches in the simulator: lifetimes of tensors, first differences."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from hwcompress.ir import (
    Add,
    Concat,
    Dense,
    Graph,
    Input,
    IntType,
    Mul,
    Op,
    Output,
    Reshape,
    Split,
    trace,
)
from hwcompress.sim import Simulator, compare_traces
from hwcompress.sim.words import Plane, make_plan
from tests.conformance.generators import random_dag, random_inputs

_I4 = IntType(-8, 7)


def _input(name: str, size: int) -> Input:
    return Input(f"in_{name}", (), (name,), (size,), (0,), (size,), _I4, 1.0)


def _dense(name: str, source: str, size: int, seed: int) -> Dense:
    weight = np.random.default_rng(seed).integers(-3, 4, (size, size))
    return Dense(name, (source,), (name,), weight, IntType(-3, 3))


def _sum(name: str, *sources: str) -> Add:
    return Add(name, sources, (name,), np.ones((len(sources), 1), np.int64))


def _graph() -> Graph:
    """A long skip past many short-lived tensors, and inputs listed late."""
    ops: list[Op] = [
        _input("x", 6),
        _dense("a", "x", 6, 1),
        Reshape("v", ("a",), ("v",), (2, 3)),  # the same memory under another name
        _dense("b", "a", 6, 2),
        Split("s", ("b",), ("s0", "s1"), (2, 4)),
        Concat("c", ("s1", "s0"), ("c",)),
        _sum("twice", "c", "c"),
        _input("late", 6),
        _sum("d", "twice", "late", "x"),
        Output("middle", ("d",), ()),
        Reshape("w", ("v",), ("w",), (6,)),
        Mul("m", ("d", "w"), ("m",)),
        Output("end", ("m",), ()),
        Output("skip", ("v",), ()),
    ]
    return Graph.build("branches", ops)


def test_long_lived_tensors_keep_their_memory() -> None:
    graph = _graph()
    feeds = random_inputs(graph, 50, 0)
    expected = trace(graph, feeds)
    for batch in (1, 7, 50):
        outputs = Simulator(graph, threads=2, batch=batch).outputs(feeds)
        assert outputs.keys() == {"d", "m", "v"}
        for name, values in outputs.items():
            assert np.array_equal(values, expected[name]), (name, batch)


@pytest.mark.parametrize("seed", range(40))
def test_what_is_needed_at_once_shares_no_memory(seed: int) -> None:
    graph = random_dag(seed, max_blocks=5)
    for wanted in ([op.inputs[0] for op in graph.outputs], list(graph.tensors)):
        plan = make_plan(graph, wanted, words=seed % 4 > 0)
        spans: dict[object, list[int]] = {}
        for place, job in enumerate(plan.jobs):
            for item in (*job.planes, *job.rows, *(name for name, _ in job.scratch)):
                spans.setdefault(item, [place, place])[1] = place
        planes = [(item.base, item.rows, item) for item in spans if isinstance(item, Plane)]
        arrays = [(at, rows.bytes(1), name) for name, (at, rows) in plan.memory.arrays.items()]
        assert len(planes) + len(arrays) == len(spans)
        assert all(at + size <= plan.memory.words for at, size, _ in planes)
        assert all(at + size <= plan.memory.row_bytes for at, size, _ in arrays)
        for kind in (planes, arrays):
            for (at, size, one), (other_at, other_size, other) in combinations(kind, 2):
                at_once = spans[one][0] <= spans[other][1] and spans[other][0] <= spans[one][1]
                apart = at + size <= other_at or other_at + other_size <= at
                assert apart or not at_once, (one, other)


def test_first_difference_of_a_graph_with_branches() -> None:
    """The first tensor in the order of the operations, whatever branch it is in."""
    graph = _graph()
    feeds = random_inputs(graph, 9, 1)
    a = trace(graph, feeds)
    b = {name: values.copy() for name, values in a.items()}
    b["m"][0, 0] += 1
    b["s1"][4, 2] += 1
    b["c"][1, 0] += 1
    comparison = compare_traces(graph, "sim", a, "rtl", b)
    value = int(a["s1"][4, 2])
    assert comparison.first == (
        f"Split 's', tensor 's1', sample 4, channel 2: sim has {value}, rtl has {value + 1}"
    )
    assert comparison.mismatches == 3
    assert comparison.note == f"{len(graph.tensors)} of {len(graph.tensors)} tensors"


def test_outputs_by_name_and_in_any_order_of_inputs() -> None:
    graph = _graph()
    feeds = random_inputs(graph, 5, 2)
    backwards = dict(reversed(feeds.items()))
    first, second = Simulator(graph)(feeds), Simulator(graph)(backwards)
    assert isinstance(first, dict) and isinstance(second, dict)
    assert all(np.array_equal(first[name], second[name]) for name in first)
