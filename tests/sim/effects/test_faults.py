"""Flipped bits in weights, thresholds and tensors, against their stored form bit by bit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwcompress.errors import InputError
from hwcompress.ir import (
    BIPOLAR,
    TERNARY,
    Conv,
    ConvTranspose,
    Dense,
    Graph,
    Input,
    IntType,
    Op,
    Output,
    Reshape,
    Table,
    Threshold,
    evaluate,
    fingerprint,
)
from hwcompress.sim.effects import (
    Accumulators,
    EffectSimulator,
    Faults,
    Flip,
    faulty_graph,
)
from tests.conformance.generators import random_dag, random_inputs, random_network, random_op_graph
from tests.sim.effects.slow import decode, encode, slow_run

_SAMPLES = 11


def _graph(seed: int) -> Graph:
    return random_dag(seed) if seed % 2 else random_network(seed)


def _assert_as_slow(
    graph: Graph,
    seed: int,
    faults: Faults,
    accumulators: Accumulators | None = None,
    **options: int,
) -> Sequence[Flip]:
    """Every tensor and the counters, with the flips that the simulator names; returns these."""
    feeds = random_inputs(graph, _SAMPLES, seed)
    accumulators = accumulators or Accumulators()
    simulator = EffectSimulator(graph, accumulators=accumulators, faults=faults, **options)
    flips = simulator.flips(_SAMPLES)
    bits = accumulators.by_layer(graph)
    expected, counts = slow_run(graph, feeds, bits, accumulators.overflow, flips)
    found = simulator.trace(feeds)
    for name, values in expected.items():
        assert np.array_equal(found[name], values), (graph.name, seed, name)
    for name, counter in simulator.counters.items():
        assert counter.changed == counts[name].changed, counter
        assert counter.overflowed == counts[name].overflowed, counter
        assert counter.samples_changed == len(counts[name].wrong), counter
    return flips


def _one(op: Op, shape: tuple[int, ...], dtype: IntType) -> Graph:
    axes = tuple(range(len(shape)))
    source = Input("in", (), ("x",), shape, axes, shape, dtype, 1.0)
    return Graph.build("one", [source, op, Output("out", ("y",), ())])


def _dense(weight: list[list[int]], wtype: IntType, dtype: IntType) -> Graph:
    return _one(Dense("d", ("x",), ("y",), np.array(weight), wtype), (len(weight[0]),), dtype)


@pytest.mark.parametrize(
    ("part", "least"), [("weights", 100), ("thresholds", 100), ("activations", 1000)]
)
def test_rates_in_networks(part: str, least: int) -> None:
    count = 0
    for seed in range(16):
        faults = Faults(**{part: 0.03}, seed=seed)  # type: ignore[arg-type]
        flips = _assert_as_slow(_graph(seed), seed, faults, threads=2, batch=4)
        assert all((flip.sample is not None) == (part == "activations") for flip in flips)
        count += len(flips)
    assert count > least


@pytest.mark.parametrize("overflow", ["wrap", "saturate"])
def test_faults_and_narrow_registers_together(overflow: str) -> None:
    for seed in range(10):
        accumulators = Accumulators(3 + seed, overflow)
        _assert_as_slow(_graph(seed), seed, Faults(0.02, 0.02, 0.02, seed=seed), accumulators)


@pytest.mark.long
def test_faults_long() -> None:
    kinds = ("Dense", "Conv", "ConvTranspose", "Threshold", "Table", "Mul", "Concat", "Rescale")
    for seed in range(60):
        faults = Faults(0.05, 0.05, 0.05, seed=seed)
        _assert_as_slow(_graph(seed), seed, faults)
        accumulators = Accumulators(2 + seed % 12, "saturate" if seed % 3 else "wrap")
        _assert_as_slow(_graph(seed), seed, faults, accumulators)
        for kind in kinds:
            _assert_as_slow(random_op_graph(kind, seed), seed, faults)


@pytest.mark.parametrize(
    "kind", ["Dense", "Conv", "ConvTranspose", "Threshold", "Table", "Mul", "SumPool", "Add"]
)
def test_faults_of_single_operations(kind: str) -> None:
    for seed in range(6):
        graph = random_op_graph(kind, seed)
        _assert_as_slow(graph, seed, Faults(0.1, 0.1, 0.1, seed=seed), batch=3)


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_list_of_flips(data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 40))
    graph = _graph(seed)
    places = []
    for op in graph.layers:
        if isinstance(op, Dense | Conv | ConvTranspose):
            places.append((op.name, op.weight.shape, op.wtype.bits, False))
        if isinstance(op, Threshold) and op.thresholds.size and len(set(op.sign.tolist())) == 1:
            places.append((op.name, op.thresholds.shape, 2, False))
    places += [(name, t.shape, t.dtype.bits, True) for name, t in graph.tensors.items()]
    flips = set()
    for where, shape, bits, tensor in data.draw(st.lists(st.sampled_from(places), max_size=8)):
        index = tuple(data.draw(st.integers(0, size - 1)) for size in shape)
        sample = data.draw(st.sampled_from([0, 3, 10, "every"])) if tensor else None
        flips.add(Flip(where, index, data.draw(st.integers(0, bits - 1)), sample))
    given_flips = tuple(sorted(flips, key=str))
    taken = _assert_as_slow(graph, seed, Faults(flips=given_flips), threads=1, batch=4)
    singles = {flip for flip in taken if flip.sample is None}
    assert singles == {flip for flip in flips if flip.sample is None}


@pytest.mark.parametrize(
    "kind",
    [
        BIPOLAR,
        TERNARY,
        IntType(0, 1),
        IntType(0, 5),
        IntType(-7, 7),
        IntType(-8, 3),
        IntType(-1, 0),
    ],
)
def test_every_bit_of_a_weight(kind: IntType) -> None:
    for value in range(kind.lo, kind.hi + 1, kind.step):
        for bit in range(kind.bits):
            graph = _dense([[value]], kind, IntType(-2, 2))
            flipped, flips = faulty_graph(graph, Faults(flips=(Flip("d", 0, bit),)))
            assert flips == [Flip("d", (0, 0), bit)]
            pattern = encode(value, kind)
            pattern[bit] ^= 1
            expected = 0 if kind.is_ternary and pattern == [0, 1] else decode(pattern, kind)
            op = flipped.ops[1]
            assert isinstance(op, Dense) and op.weight.tolist() == [[expected]]
            # The type grows only where it must.
            assert op.wtype == kind or not kind.contains(np.array([expected]))
            assert op.wtype.bits == kind.bits


def test_a_symmetric_weight_becomes_the_most_negative_one() -> None:
    graph = _dense([[0, 3]], IntType(-7, 7), IntType(0, 3))
    flipped, _ = faulty_graph(graph, Faults(flips=(Flip("d", (0, 0), 3),)))
    op = flipped.ops[1]
    assert isinstance(op, Dense)
    assert op.weight.tolist() == [[-8, 3]] and op.wtype == IntType(-8, 7)
    assert graph.ops[1].weight.tolist() == [[0, 3]]  # type: ignore[attr-defined]


def test_sums_of_flipped_weights_keep_the_designs_width() -> None:
    """A graph of its own grows; hardware does not."""
    graph = _dense([[1, 1]], IntType(-7, 7), IntType(0, 3))
    assert graph.tensors["y"].dtype == IntType(0, 6)  # three bits, no sign
    faults = Faults(flips=(Flip("d", (0, 0), 2), Flip("d", (0, 1), 3)))
    x = np.array([[3, 0], [0, 1], [3, 3]])
    grown, _ = faulty_graph(graph, faults)
    assert evaluate(grown, x)["y"].tolist() == [[15], [-7], [-6]]
    simulator = EffectSimulator(graph, faults=faults)
    assert simulator(x).tolist() == [[7], [1], [2]]
    counter = simulator.counters["d"]
    assert (counter.bits, counter.overflow, counter.changed) == (3, "wrap", 3)


def test_a_faulty_graph_is_the_simulator_where_nothing_overflows() -> None:
    compared = 0
    for seed in range(24):
        graph = _graph(seed)
        faults = Faults(thresholds=0.02, weights=0.005, seed=seed)
        try:
            flipped, flips = faulty_graph(graph, faults)
        except InputError:
            continue
        feeds = random_inputs(graph, _SAMPLES, seed)
        simulator = EffectSimulator(graph, faults=faults)
        assert tuple(flips) == simulator.flips()
        found = simulator.outputs(feeds)
        if all(counter.changed == 0 for counter in simulator.counters.values()):
            compared += bool(flips)
            for name, values in evaluate(flipped, feeds).items():
                assert np.array_equal(found[name], values), (seed, name)
    assert compared > 8


@pytest.mark.parametrize("sign", [1, -1])
def test_every_bit_of_a_threshold(sign: int) -> None:
    """Counted comparisons, in whatever order the flipped thresholds are."""
    dtype = IntType(-5, 6)
    rows = np.array([[-9, -2, 3], [0, 0, 8]])
    op = Threshold("t", ("x",), ("y",), rows, np.array([sign]), IntType(0, 3))
    graph = _one(op, (2,), dtype)
    x = np.array([[value, value] for value in range(dtype.lo, dtype.hi + 1)])
    for index in np.ndindex(rows.shape):
        for bit in range(4):  # -5..7 needs four bits
            flip = Flip("t", index, bit)
            expected, _ = slow_run(graph, {"x": x}, flips=[flip])
            simulator = EffectSimulator(graph, faults=Faults(flips=(flip,)))
            assert np.array_equal(simulator(x), expected["y"])
            flipped, _ = faulty_graph(graph, Faults(flips=(flip,)))
            assert np.array_equal(evaluate(flipped, x)["y"], expected["y"])
    with pytest.raises(InputError, match="flip in 't': bit 4 of 4 bits. Remedy: bits are 0 to 3"):
        EffectSimulator(graph, faults=Faults(flips=(Flip("t", (0, 0), 4),)))


def test_one_row_of_thresholds_and_two_signs_are_stored_by_channel() -> None:
    op = Threshold("t", ("x",), ("y",), np.array([[-1, 2]]), np.array([1, -1]), IntType(0, 2))
    graph = _one(op, (2,), IntType(-4, 3))
    x = np.array([[value, value] for value in range(-4, 4)])
    for index in np.ndindex(2, 2):
        flip = Flip("t", index, 1)
        expected, _ = slow_run(graph, {"x": x}, flips=[flip])
        found = EffectSimulator(graph, faults=Faults(flips=(flip,)))(x)
        assert np.array_equal(found, expected["y"])
        other = 1 - index[0]
        assert np.array_equal(found[:, other], evaluate(graph, x)["y"][:, other])


def test_bits_of_tensors() -> None:
    """As they are transmitted: unsigned, two's complement, one bit for -1 and +1."""
    for dtype, value, bit, expected in [
        (IntType(0, 9), 9, 2, 13),
        (IntType(-7, 7), 0, 3, -8),
        (IntType(-7, 7), -1, 0, -2),
        (BIPOLAR, -1, 0, 1),
        (BIPOLAR, 1, 0, -1),
        (TERNARY, 0, 1, -2),
    ]:
        graph = _one(Reshape("r", ("x",), ("y",), (1, 2)), (2,), dtype)
        other = dtype.hi
        flips = (Flip("x", (0,), bit, 1), Flip("y", (0, 1), 0, "every"))
        if dtype.is_bipolar:
            flips = flips[:1]
        simulator = EffectSimulator(graph, faults=Faults(flips=flips), batch=2)
        found = simulator.trace(np.array([[value, other]] * 3))
        assert found["x"].tolist() == [[value, other], [expected, other], [value, other]]
        # A Reshape's result is its input's stream; its own flips do not reach back.
        last = other if dtype.is_bipolar else other ^ 1
        assert found["y"][:, 0].tolist() == [[value, last], [expected, last], [value, last]]


def test_a_table_is_addressed_by_the_lowest_bits() -> None:
    op = Table("t", ("x",), ("y",), np.array([[7, 5, 3]]), IntType(3, 5), IntType(3, 7))
    graph = _one(op, (1,), IntType(3, 5))
    # 3, 4, 5 lie at the addresses 3, 0, 1; address 2 is empty.
    found = {
        bit: EffectSimulator(graph, faults=Faults(flips=(Flip("x", 0, bit, "every"),)))(
            np.array([[3], [4], [5]])
        )
        for bit in range(3)
    }
    assert found[0].ravel().tolist() == [0, 3, 5]  # type: ignore[union-attr]
    assert found[1].ravel().tolist() == [3, 0, 7]  # type: ignore[union-attr]
    assert found[2].ravel().tolist() == [7, 5, 3]  # type: ignore[union-attr]


def test_the_graph_is_left_alone() -> None:
    graph = _graph(2)
    before = fingerprint(graph)
    faulty_graph(graph, Faults(weights=0.1))
    EffectSimulator(graph, faults=Faults(0.1, 0.1, 0.1)).trace(random_inputs(graph, 3, 0))
    assert fingerprint(graph) == before


def test_a_faulty_graph_has_no_faults_of_activations() -> None:
    graph = _dense([[1]], TERNARY, BIPOLAR)
    for faults in (Faults(activations=0.1), Faults(flips=(Flip("x", 0, 0, 0),))):
        with pytest.raises(InputError, match="faults of activations happen while a graph runs"):
            faulty_graph(graph, faults)


@pytest.mark.parametrize(
    ("flip", "message"),
    [
        (Flip("q", 0, 0), "flip in 'q': there is no such layer. Remedy: layers that have: d"),
        (Flip("r", 0, 0), "flip in 'r': Reshape has no weights, no thresholds"),
        (Flip("x", 0, 0), "it names a tensor, and no sample. Remedy: give the number of a sample"),
        (Flip("d", 4, 0), "flip in 'd': index 4 of 4 elements"),
        (Flip("d", (0, 2), 0), r"index \(0, 2\) of an array of shape \(2, 2\)"),
        (Flip("d", (0,), 0), r"index \(0,\) of an array of shape \(2, 2\)"),
        (Flip("d", 0, 4), "bit 4 of 4 bits. Remedy: bits are 0 to 3"),
        (Flip("q", 0, 0, 0), "there is no such tensor. Remedy: tensors: x, s, y"),
        (Flip("d", 0, 0, "every"), "Remedy: leave the sample out for weights and thresholds"),
        (Flip("x", 2, 0, 5), "index 2 of 2 elements"),
        (Flip("x", 1, 2, 5), "bit 2 of 2 bits"),
    ],
)
def test_flips_that_do_not_fit(flip: Flip, message: str) -> None:
    graph = Graph.build(
        "g",
        [
            Input("in", (), ("x",), (2,), (0,), (2,), IntType(0, 3), 1.0),
            Dense("d", ("x",), ("s",), np.ones((2, 2), np.int64), IntType(-7, 7)),
            Reshape("r", ("s",), ("y",), (1, 2)),
            Output("out", ("y",), ()),
        ],
    )
    with pytest.raises(InputError, match=message):
        EffectSimulator(graph, faults=Faults(flips=(flip,)))
