"""Accumulators of a given width, against one addition at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcompress.errors import InputError
from hwcompress.ir import (
    Conv,
    Dense,
    Graph,
    Input,
    IntType,
    Op,
    Output,
    SumPool,
    Threshold,
    evaluate,
    trace,
)
from hwcompress.sim.effects import Accumulators, EffectSimulator, SumCounter
from hwcompress.sim.effects.layers import Narrow
from tests.conformance.generators import (
    KINDS,
    random_dag,
    random_inputs,
    random_network,
    random_op_graph,
)
from tests.sim.effects.slow import Counts, slow_run

_SUMS = ("Dense", "Conv", "ConvTranspose", "SumPool", "Add")
_SAMPLES = 9


def _dense(weight: list[list[int]], bias: list[int] | None = None, bits: int = 8) -> Graph:
    rows = np.array(weight)
    added = None if bias is None else np.array(bias)
    dtype = IntType.signed_bits(bits)
    return Graph.build(
        "dense",
        [
            Input("in", (), ("x",), (rows.shape[1],), (0,), (rows.shape[1],), dtype, 1.0),
            Dense("d", ("x",), ("y",), rows, IntType(-9, 9), added),
            Output("out", ("y",), ()),
        ],
    )  # fmt: skip


def _assert_as_slow(graph: Graph, seed: int, accumulators: Accumulators, **options: int) -> int:
    """Every tensor and every counter; returns how many sums overflowed."""
    feeds = random_inputs(graph, _SAMPLES, seed)
    bits = accumulators.by_layer(graph)
    expected, counts = slow_run(graph, feeds, bits, accumulators.overflow)
    simulator = EffectSimulator(graph, accumulators=accumulators, **options)
    found = simulator.trace(feeds)
    for name, values in expected.items():
        assert np.array_equal(found[name], values), (graph.name, seed, name)
    for name, counter in simulator.counters.items():
        _assert_counts(counter, counts[name])
        assert counter.bits == bits.get(name, counter.bits)
    assert set(counts) == set(simulator.counters)
    return sum(counter.overflowed for counter in simulator.counters.values())


def _assert_counts(counter: SumCounter, expected: Counts) -> None:
    assert (counter.sums, counter.overflowed, counter.changed) == (
        expected.sums,
        expected.overflowed,
        expected.changed,
    ), counter
    assert counter.samples == _SAMPLES
    assert counter.samples_overflowed == len(expected.touched)
    assert counter.samples_changed == len(expected.wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_without_effects_every_operation_is_the_reference(kind: str) -> None:
    for seed in range(4):
        graph = random_op_graph(kind, seed)
        feeds = random_inputs(graph, _SAMPLES, seed)
        found = EffectSimulator(graph, threads=1 + seed % 2, batch=4).trace(feeds)
        for name, values in trace(graph, feeds).items():
            assert np.array_equal(found[name], values), (kind, seed, name)


@pytest.mark.parametrize("overflow", ["wrap", "saturate"])
def test_wide_registers_change_nothing(overflow: str) -> None:
    for seed in range(12):
        graph = random_dag(seed) if seed % 2 else random_network(seed)
        feeds = random_inputs(graph, 33, seed)
        simulator = EffectSimulator(graph, accumulators=Accumulators(62, overflow))
        expected = evaluate(graph, feeds)
        found = simulator.outputs(feeds)
        assert list(found) == list(expected)
        for name, values in expected.items():
            assert found[name].dtype == np.int64 and np.array_equal(found[name], values)
        for counter in simulator.counters.values():
            assert (counter.overflowed, counter.changed, counter.samples) == (0, 0, 33)


@pytest.mark.parametrize("overflow", ["wrap", "saturate"])
@pytest.mark.parametrize("kind", _SUMS)
def test_narrow_registers(kind: str, overflow: str) -> None:
    overflowed = 0
    for seed in range(10):
        graph = random_op_graph(kind, seed)
        overflowed += _assert_as_slow(graph, seed, Accumulators(1 + seed % 7, overflow), batch=4)
    assert overflowed > 100


@pytest.mark.parametrize("overflow", ["wrap", "saturate"])
def test_narrow_registers_in_networks(overflow: str) -> None:
    """What follows sees the wrapped or clamped integers, also those no healthy graph has."""
    for seed in range(8):
        graph = random_dag(seed) if seed % 2 else random_network(seed)
        _assert_as_slow(graph, seed, Accumulators(2 + seed, overflow), threads=2, batch=5)


@pytest.mark.long
@pytest.mark.parametrize("overflow", ["wrap", "saturate"])
def test_narrow_registers_long(overflow: str) -> None:
    for seed in range(200):
        for kind in _SUMS:
            bits = 1 + seed % 12
            _assert_as_slow(random_op_graph(kind, seed), seed, Accumulators(bits, overflow))
        graph = random_dag(seed) if seed % 2 else random_network(seed)
        _assert_as_slow(graph, seed, Accumulators(1 + seed % 12, overflow))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    weight=st.lists(st.lists(st.integers(-9, 9), min_size=5, max_size=5), min_size=1, max_size=3),
    x=st.lists(st.lists(st.integers(-128, 127), min_size=5, max_size=5), min_size=1, max_size=6),
    bits=st.integers(1, 20),
)
def test_wrapping_is_the_exact_sum_modulo(
    weight: list[list[int]], x: list[list[int]], bits: int
) -> None:
    found = EffectSimulator(_dense(weight), accumulators=Accumulators(bits), threads=1)(np.array(x))
    assert isinstance(found, np.ndarray)
    exact = np.array(x) @ np.array(weight).T
    assert np.all((found - exact) % (1 << bits) == 0)
    half = 1 << (bits - 1)
    assert found.min() >= -half and found.max() < half


def test_saturation_depends_on_the_order() -> None:
    graph = _dense([[1, 1, 1], [1, 1, 1]], [0, 100])
    simulator = EffectSimulator(graph, accumulators=Accumulators(8, "saturate"))
    x = np.array([[100, 100, -100], [100, -100, 100], [-100, -100, -100], [1, 2, 3]])
    # 100 + 100 stops at 127. With a bias of 100, loaded first, so does every second sum.
    assert simulator(x).tolist() == [[27, 27], [100, 127], [-128, -128], [6, 106]]
    counter = simulator.counters["d"]
    assert (counter.sums, counter.overflowed, counter.changed) == (8, 5, 5)
    assert (counter.samples, counter.samples_overflowed, counter.samples_changed) == (4, 3, 3)


def test_the_order_of_a_convolution_is_rows_columns_channels() -> None:
    """One window; the running sum of each order stops at another place."""
    x = np.array([[[[90, -90], [60, 50]], [[-100, 30], [127, -128]]]])
    weight = np.ones((1, 2, 2, 2), np.int64)
    graph = Graph.build(
        "conv",
        [
            Input("in", (), ("x",), (2, 2, 2), (0, 1, 2), (2, 2, 2), IntType(-128, 127), 1.0),
            Conv("c", ("x",), ("y",), weight, IntType(0, 1), np.array([20])),
            Output("out", ("y",), ()),
        ],
    )
    held = 20
    for term in [90, -90, 60, 50, -100, 30, 127, -128]:
        held = min(max(held + term, -128), 127)
    simulator = EffectSimulator(graph, accumulators=Accumulators(8, "saturate"))
    assert simulator(x).tolist() == [[[[held]]]]
    assert held == -1 and 20 + x.sum() == 59


def test_overflow_on_the_way_is_harmless_when_wrapping() -> None:
    simulator = EffectSimulator(_dense([[1, 1, 1]]), accumulators=Accumulators(8))
    assert simulator(np.array([[100, 100, -100]])).tolist() == [[100]]
    counter = simulator.counters["d"]
    assert (counter.overflowed, counter.changed) == (1, 0)
    assert (counter.samples_overflowed, counter.samples_changed) == (1, 0)


def test_an_unsigned_sum_needs_a_bit_more_in_a_signed_register() -> None:
    graph = Graph.build(
        "pool",
        [
            Input("in", (), ("x",), (2, 2, 1), (0, 1, 2), (2, 2, 1), IntType(0, 15), 1.0),
            SumPool("s", ("x",), ("y",), (2, 2), (2, 2)),
            Output("out", ("y",), ()),
        ],
    )
    assert graph.tensors["y"].dtype.bits == 6
    x = np.full((1, 2, 2, 1), 15)
    assert EffectSimulator(graph, accumulators=Accumulators(7))(x).tolist() == [[[[60]]]]
    assert EffectSimulator(graph, accumulators=Accumulators(6))(x).tolist() == [[[[-4]]]]
    clamped = EffectSimulator(graph, accumulators=Accumulators(6, "saturate"))
    assert clamped(x).tolist() == [[[[31]]]]


def test_a_mapping_names_some_layers() -> None:
    rng = np.random.default_rng(3)
    ops: list[Op] = [Input("in", (), ("x",), (6,), (0,), (6,), IntType(-3, 3), 1.0)]
    for i, source in enumerate(["x", "t0"]):
        weight = rng.integers(-3, 4, (6, 6))
        ops.append(Dense(f"d{i}", (source,), (f"t{i}",), weight, IntType(-3, 3)))
    graph = Graph.build("two", [*ops, Output("o", ("t1",), ())])
    assert _assert_as_slow(graph, 0, Accumulators({"d1": 6}, "saturate")) > 0
    simulator = EffectSimulator(graph, accumulators=Accumulators({"d1": 6}, "saturate"))
    simulator(random_inputs(graph, _SAMPLES, 0))
    first, second = simulator.counters["d0"], simulator.counters["d1"]
    assert first.bits == graph.tensors["t0"].dtype.bits
    assert (first.overflow, first.overflowed) == ("wrap", 0)
    assert (second.bits, second.overflow) == (6, "saturate")


def test_counters_add_up_over_calls() -> None:
    simulator = EffectSimulator(_dense([[9, 9]]), accumulators=Accumulators(8), batch=3)
    x = np.full((7, 2), 100)
    simulator(x)
    simulator(x[:2])
    counter = simulator.counters["d"]
    assert (counter.sums, counter.changed, counter.samples, counter.samples_changed) == (9, 9, 9, 9)
    simulator.reset_counters()
    assert simulator.counters["d"] == SumCounter("d", 8, "wrap")


@pytest.mark.parametrize(
    ("bits", "limit", "dtype"),
    [
        (29, 1 << 24, np.int32),
        (31, 1 << 28, np.int64),
        (32, 1 << 28, np.int64),
        (59, 1 << 55, np.int64),
    ],
)
def test_registers_at_the_ends_of_the_kernels_types(bits: int, limit: int, dtype: type) -> None:
    weight = np.array([[limit, -limit, limit // 2]] * 2)
    graph = Graph.build(
        "wide",
        [
            Input("in", (), ("x",), (3,), (0,), (3,), IntType.signed_bits(5), 1.0),
            Dense("d", ("x",), ("y",), weight, IntType(-limit, limit), np.array([1, -limit])),
            Output("out", ("y",), ()),
        ],
    )
    for overflow in ("wrap", "saturate"):
        assert _assert_as_slow(graph, bits, Accumulators(bits, overflow)) > 0
        layer = EffectSimulator(graph, accumulators=Accumulators(bits, overflow))._plan.layers["d"]
        assert isinstance(layer, Narrow) and layer.sums.dtype == dtype


@pytest.mark.parametrize("bits", [0, -3, 63, 2.0, True, "8"])
def test_wrong_bits(bits: object) -> None:
    with pytest.raises(InputError, match=r"bits. Remedy: give a whole number from 1 to 62"):
        Accumulators(bits)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"accumulator of layer 'd': .* bits. Remedy"):
        Accumulators({"d": bits})  # type: ignore[dict-item]


def test_wrong_names_and_options() -> None:
    graph = Graph.build(
        "steps",
        [
            Input("in", (), ("x",), (2,), (0,), (2,), IntType(-3, 3), 1.0),
            Dense("d", ("x",), ("s",), np.ones((2, 2), np.int64), IntType(0, 1)),
            Threshold("t", ("s",), ("y",), np.array([[0]]), np.array([1]), IntType(0, 1)),
            Output("out", ("y",), ()),
        ],
    )
    with pytest.raises(InputError, match="steps: no layer 'q', so it has no accum.* add up: d"):
        EffectSimulator(graph, accumulators=Accumulators({"q": 8}))
    with pytest.raises(InputError, match="Threshold 't' adds nothing up"):
        EffectSimulator(graph, accumulators=Accumulators({"t": 8}))
    with pytest.raises(InputError, match="overflow 'clip'. Remedy: choose 'wrap' or 'saturate'"):
        Accumulators(8, "clip")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="threads 0 is not positive"):
        EffectSimulator(graph, threads=0)
    with pytest.raises(InputError, match="batch -1 is not positive"):
        EffectSimulator(graph, batch=-1)
    simulator = EffectSimulator(graph)
    with pytest.raises(InputError, match="no tensor 'q' in steps. Remedy: it has x, s, y"):
        simulator.trace(np.zeros((1, 2), np.int64), ["q"])
    with pytest.raises(InputError, match="values 4..4 are not all of type"):
        simulator(np.full((1, 2), 4))
    with pytest.raises(InputError, match=r"samples of shape \(3,\), expected \(2,\)"):
        simulator(np.zeros((1, 3), np.int64))
    with pytest.raises(InputError, match="input 'x' is missing"):
        simulator({"z": np.zeros((1, 2), np.int64)})
    with pytest.raises(InputError, match="the first sample has the number -1"):
        simulator.outputs(np.zeros((1, 2), np.int64), start=-1)
    assert simulator(np.zeros((0, 2), np.int64)).shape == (0, 2)
