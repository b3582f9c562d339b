"""The Numba simulator equals the reference interpreter on every operation and on networks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwcompress.ir import OPERATIONS, Graph, trace
from hwcompress.report.conformance import SWEEPS
from hwcompress.sim import SIM, Simulator, compare_traces
from tests.conformance.generators import (
    KINDS,
    random_dag,
    random_inputs,
    random_network,
    random_op_graph,
)

_SWEEP = SWEEPS["sim"]
_SAMPLES = _SWEEP.samples  # no multiple of a block


def _assert_equal(graph: Graph, samples: int, seed: int, **options: int) -> None:
    """Every tensor with and without packed words; and the outputs, where steps melt together."""
    feeds = random_inputs(graph, samples, seed)
    expected = trace(graph, feeds)
    for words in (True, False):
        simulator = Simulator(graph, words=words, **options)
        comparison = compare_traces(graph, "reference", expected, "sim", simulator.trace(feeds))
        assert comparison.mismatches == 0, f"{graph.name}, seed {seed}: {comparison.first}"
        assert comparison.values == samples * sum(t.type.size for t in graph.tensors.values())
        for name, values in simulator.outputs(feeds).items():
            assert np.array_equal(values, expected[name]), (graph.name, seed, simulator.describe())


def test_every_operation_has_random_graphs_and_a_handler() -> None:
    assert sorted(KINDS) == sorted(SIM.handlers)
    assert set(KINDS) == set(OPERATIONS) - {"Input", "Output"}


@pytest.mark.parametrize("kind", KINDS)
def test_operation(kind: str) -> None:
    for seed in range(_SWEEP.default):
        _assert_equal(random_op_graph(kind, seed), _SAMPLES, seed, threads=1, batch=16)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_operation_long(kind: str) -> None:
    for seed in range(_SWEEP.default, _SWEEP.full):
        _assert_equal(random_op_graph(kind, seed), _SAMPLES, seed, threads=2, batch=16)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 1 << 20),
    samples=st.integers(1, 70),
    batch=st.integers(1, 40),
    threads=st.integers(1, 3),
)
def test_network(seed: int, samples: int, batch: int, threads: int) -> None:
    _assert_equal(random_network(seed), samples, seed, threads=threads, batch=batch)


@pytest.mark.parametrize("first", range(0, 240, 40))
def test_network_with_branches(first: int) -> None:
    for seed in range(first, first + 40):
        _assert_equal(random_dag(seed), _SAMPLES, seed, threads=1 + seed % 2, batch=5 + seed % 30)


@pytest.mark.long
def test_network_with_branches_long() -> None:
    for seed in range(240, 240 + _SWEEP.networks):
        _assert_equal(random_dag(seed, max_blocks=6, max_size=12, max_channels=12), 64, seed)


@pytest.mark.long
def test_network_long() -> None:
    for seed in range(2000):
        _assert_equal(random_network(seed, max_size=14, max_channels=20), 64, seed)


def _kernels(words: bool) -> set[str]:
    """What the plans of random graphs work with: kinds of words, and kernels on rows."""
    graphs = [random_op_graph(kind, seed) for kind in KINDS for seed in range(40)]
    graphs += [random_dag(seed) for seed in range(60)]
    return {
        job.split(" on ", 1)[1]
        for graph in graphs
        for job in Simulator(graph, threads=1, words=words).jobs
        if " on " in job
    }


def test_all_kernels_are_reached() -> None:
    """The random graphs exercise every kernel that the simulator may choose."""
    moves = {"Gather", "Scatter", "ArgMax", "TopK", "Constant", "Mul", "Table"}
    rows = {
        "WeightedSum", "XnorSum", "CompareThreshold", "SearchThreshold", "Rescale",
        "MaxPool", "SumPool", "TappedSum", "Add",
    }  # fmt: skip
    assert _kernels(words=False) == {f"rows: {name}" for name in moves | rows}
    kinds = {"bytes", "words of 16 bits", "single bits"}
    found = _kernels(words=True)
    assert kinds | {f"rows: {name}" for name in moves} <= found


def test_extreme_types() -> None:
    """Types that fill their storage dtype, thresholds at and beyond its ends."""
    from hwcompress.ir import Input, IntType, Output, Rescale, Threshold

    for bits in (8, 16, 32):
        for sign in (1, -1):
            dtype = IntType.signed_bits(bits)
            rows = [[dtype.lo - 1, dtype.lo, dtype.hi, dtype.hi + 1], [-(1 << 62), 0, 0, 1 << 62]]
            rows = [[t if sign > 0 else -t for t in row][::sign] for row in rows]
            ops = [
                Input("in", (), ("x",), (2,), (0,), (2,), dtype, 1.0),
                Threshold(
                    "t", ("x",), ("y",), np.array(rows), np.array([sign]), IntType(-2, 2)
                ),
                Rescale(
                    "r", ("x",), ("z",), np.array([-3, 5]), np.array([1, -7]), np.array([1]),
                    "half_even", IntType(-(1 << 40), 1 << 40),
                ),
                Output("oy", ("y",), ()),
                Output("oz", ("z",), ()),
            ]  # fmt: skip
            graph = Graph.build("extreme", ops)
            ends = [dtype.lo, dtype.lo + 1, -2, -1, 0, 1, 2, dtype.hi - 1, dtype.hi]
            feeds = np.array([(a, b) for a in ends for b in ends])
            result = Simulator(graph).outputs(feeds)
            expected = trace(graph, feeds)
            assert np.array_equal(result["y"], expected["y"]), (bits, sign)
            assert np.array_equal(result["z"], expected["z"]), (bits, sign)


def test_wide_accumulators() -> None:
    """int64 sums, as close to the limit as the validator admits."""
    from hwcompress.ir import Dense, Input, IntType, Output

    dtype, wtype = IntType.signed_bits(30), IntType.signed_bits(28)
    rng = np.random.default_rng(5)
    weight = rng.integers(wtype.lo, wtype.hi + 1, (3, 7))
    bias = rng.integers(-(1 << 59), 1 << 59, 3)
    graph = Graph.build(
        "wide",
        [
            Input("in", (), ("x",), (7,), (0,), (7,), dtype, 1.0),
            Dense("d", ("x",), ("y",), weight, wtype, bias),
            Output("out", ("y",), ()),
        ],
    )
    assert graph.tensors["y"].dtype.bits > 57
    _assert_equal(graph, 50, 5)
