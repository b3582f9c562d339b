"""Rates: reproducible, independent of blocks and threads, of the right size; lists as files."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcompress.errors import InputError
from hwcompress.ir import Dense, Graph, Threshold
from hwcompress.sim.effects import (
    Accumulators,
    EffectSimulator,
    Faults,
    Flip,
    faulty_graph,
    load_flips,
    save_flips,
)
from hwcompress.sim.effects.chance import flip_rows, hits, sample_key, stream_key
from hwcompress.sim.effects.stored import bit_patterns
from tests.conformance.generators import random_dag, random_inputs, random_network

_FAULTS = Faults(0.01, 0.02, 0.005, seed=5)


def _same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    return all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("seed", range(4))
def test_blocks_threads_and_parts_change_nothing(seed: int) -> None:
    graph = random_dag(seed)
    feeds = random_inputs(graph, 50, seed)
    accumulators = Accumulators(9, "saturate")
    first = EffectSimulator(graph, accumulators=accumulators, faults=_FAULTS, threads=1, batch=50)
    expected = first.trace(feeds)
    for threads, batch in [(1, 1), (3, 7), (2, 64)]:
        simulator = EffectSimulator(
            graph, accumulators=accumulators, faults=_FAULTS, threads=threads, batch=batch
        )
        assert _same(expected, simulator.trace(feeds))
        assert simulator.counters == first.counters
        assert simulator.flips(50) == first.flips(50)
    # A data set in parts: samples keep their numbers.
    for start in (0, 20):
        part = {name: values[start : start + 30] for name, values in feeds.items()}
        found = simulator.trace(part, start=start)
        assert _same(found, {name: values[start : start + 30] for name, values in expected.items()})
        assert set(simulator.flips(30, start)) <= set(first.flips(50))
    outputs = first.outputs(feeds)
    assert _same(outputs, expected) and list(outputs) == [op.inputs[0] for op in graph.outputs]


@pytest.mark.parametrize("seed", range(4))
def test_flips_given_back_as_a_list_have_the_same_effect(seed: int, tmp_path: Path) -> None:
    graph = random_network(seed)
    feeds = random_inputs(graph, 20, seed)
    some = Flip(graph.inputs[0].outputs[0], 0, 0, "every")
    faults = replace(_FAULTS, flips=(some,), seed=seed)
    simulator = EffectSimulator(graph, faults=faults)
    flips = simulator.flips(20)
    assert len(set(flips)) == len(flips)
    save_flips(tmp_path / "flips.json", flips)
    assert load_flips(tmp_path / "flips.json") == flips
    again = EffectSimulator(graph, faults=Faults(flips=load_flips(tmp_path / "flips.json")))
    assert _same(simulator.trace(feeds), again.trace(feeds))
    assert again.flips(20) == flips


def test_one_simulator_in_many_threads() -> None:
    graph = random_dag(3)
    feeds = random_inputs(graph, 40, 3)
    simulator = EffectSimulator(
        graph, accumulators=Accumulators(6), faults=_FAULTS, threads=2, batch=5
    )
    expected = simulator.trace(feeds)
    once = simulator.counters
    simulator.reset_counters()
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(lambda _: simulator.trace(feeds), range(8)):
            assert _same(expected, found)
    for name, counter in simulator.counters.items():
        assert counter.sums == 8 * once[name].sums and counter.changed == 8 * once[name].changed


def test_seeds_differ_and_repeat() -> None:
    graph = random_network(3)
    flips = [EffectSimulator(graph, faults=replace(_FAULTS, seed=s)).flips(9) for s in (0, 1, 0)]
    assert flips[0] == flips[2] and flips[0] != flips[1]
    first, listed = faulty_graph(graph, Faults(weights=0.1), seed=1)
    second, _ = faulty_graph(graph, Faults(weights=0.1, seed=1))
    weights = [
        [op.weight.tolist() for op in each.layers if isinstance(op, Dense)]
        for each in (first, second, graph)
    ]
    assert weights[0] == weights[1] != weights[2]
    assert listed


def test_a_bit_that_is_hit_twice_is_not_flipped() -> None:
    graph = _with_weights()
    name, flips = _layer(graph), None
    simulator = EffectSimulator(graph, faults=Faults(weights=1.0, only=(name,)))
    flips = simulator.flips()
    bits = next(op for op in graph.layers if op.name == name)
    assert isinstance(bits, Dense) and len(flips) == bits.weight.size * bits.wtype.bits
    both = EffectSimulator(graph, faults=Faults(weights=1.0, only=(name,), flips=flips[1:]))
    assert both.flips() == flips[:1]


def test_only_some_layers_and_tensors() -> None:
    graph = _with_weights()
    layer, tensor = _layer(graph), graph.inputs[0].outputs[0]
    faults = Faults(1.0, 1.0, 1.0, only=(layer, tensor))
    assert {flip.where for flip in EffectSimulator(graph, faults=faults).flips(1)} == {
        layer,
        tensor,
    }
    with pytest.raises(InputError, match="no layer and no tensor 'q'. Remedy: layers: "):
        EffectSimulator(graph, faults=Faults(0.1, only=("q",)))


def _with_weights() -> Graph:
    return next(g for g in map(random_network, range(50)) if any(
        isinstance(op, Dense) and op.wtype.bits > 1 for op in g.layers
    ) and any(isinstance(op, Threshold) for op in g.layers))  # fmt: skip


def _layer(graph: Graph) -> str:
    return next(op.name for op in graph.layers if isinstance(op, Dense) and op.wtype.bits > 1)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    key=st.integers(0, 2**64 - 1),
    total=st.integers(0, 3000),
    rate=st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0, 5e-324, 1e-300, 0.999999])),
)
def test_hits_are_positions(key: int, total: int, rate: float) -> None:
    found = hits(np.uint64(key), total, rate)
    assert found.dtype == np.int64 and np.all(np.diff(found) > 0)
    assert found.size == 0 or (found[0] >= 0 and found[-1] < total)
    if rate in (0.0, 1.0):
        assert found.size == total * rate


@pytest.mark.parametrize("rate", [1e-4, 0.01, 0.3, 0.97])
def test_hits_are_as_many_as_the_rate_says(rate: float) -> None:
    """Mean and spread are those of independent bits, at every position alike."""
    streams, total = 400, 5000
    counts, places = [], np.zeros(total)
    for stream in range(streams):
        found = hits(sample_key(stream_key(1, "test", "tensor"), stream), total, rate)
        counts.append(found.size)
        places[found] += 1
    mean, variance = total * rate, total * rate * (1 - rate)
    assert abs(np.mean(counts) - mean) < 5 * np.sqrt(variance / streams)
    assert 0.7 < np.var(counts) / variance < 1.4  # four deviations of a chi-squared one
    halves = places[: total // 2].sum() - places[total // 2 :].sum()
    assert abs(halves) < 5 * np.sqrt(streams * variance)
    if streams * rate > 1:
        assert 0.85 < np.var(places) / (streams * rate * (1 - rate)) < 1.15


def test_neighbouring_bits_and_samples_are_independent() -> None:
    rows = np.zeros((64, 2000), np.int8)
    flip_rows(rows, 7, stream_key(0, "activations", "x"), 0.5, np.array([1], np.int8))
    for a, b in [(rows[:-1], rows[1:]), (rows[:, :-1], rows[:, 1:]), (rows[:32], rows[32:])]:
        together = np.mean(a & b)
        assert abs(together - 0.25) < 5 * np.sqrt(0.1875 / a.size)
    for lane in (0, 3, 1999):
        listed = hits(sample_key(stream_key(0, "activations", "x"), 7 + lane), 64, 0.5)
        assert np.flatnonzero(rows[:, lane]).tolist() == listed.tolist()


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
def test_every_bit_flips_at_rate_one(dtype: type) -> None:
    from hwcompress.ir import IntType

    kind = IntType.signed_bits(np.iinfo(dtype).bits if dtype != np.int64 else 62)
    rows = np.array([[kind.lo, -1, 0, 1, kind.hi]], dtype)
    before = rows.copy()
    flip_rows(rows, 0, np.uint64(9), 1.0, bit_patterns(kind).astype(dtype))
    assert np.array_equal(rows, ~before)


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan"), float("inf"), "1", None])
def test_wrong_rates(rate: object) -> None:
    for name in ("weights", "thresholds", "activations"):
        with pytest.raises(InputError, match=f"of {name}. Remedy: give a probability from 0 to 1"):
            Faults(**{name: rate})  # type: ignore[arg-type]


def test_wrong_flips() -> None:
    with pytest.raises(InputError, match="flip in 'd': Flip.* is given 2 times. Remedy: give it"):
        Faults(flips=(Flip("d", 0, 0), Flip("d", 1, 0), Flip("d", 0, 0)))
    with pytest.raises(InputError, match="seed 0.5 of faults is no whole number"):
        Faults(seed=0.5)  # type: ignore[arg-type]
    for index in (-1, 1.0, (), (1, -2), "0", None, True):
        with pytest.raises(InputError, match="is no number from 0, and no tuple"):
            Flip("d", index, 0)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="bit -1 is no number from 0"):
        Flip("d", 0, -1)
    for sample in (-1, "all", 0.0, True):
        with pytest.raises(InputError, match="is no number from 0. Remedy: give a number, 'every'"):
            Flip("x", 0, 0, sample)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "No such file"),
        ("{", "Expecting property name"),
        ("[]", "its format is not 'hwcompress-flips-1'"),
        ('{"format": "hwcompress-flips-1"}', "'flips'"),
        ('{"format": "hwcompress-flips-1", "flips": [{"where": "d"}]}', "'index'"),
        ('{"format": "hwcompress-flips-1", "flips": [3]}', "not subscriptable"),
        ('{"format": "hwcompress-flips-1", "flips": 3}', "not iterable"),
    ],
)
def test_files_that_are_no_lists(tmp_path: Path, text: str | None, why: str) -> None:
    path = tmp_path / "flips.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=f"flips.json: no list of flips .*{why}"):
        load_flips(path)


def test_a_file_with_a_wrong_flip(tmp_path: Path) -> None:
    path = tmp_path / "flips.json"
    row = '{"where": "d", "index": [0, 1], "bit": -1, "sample": null}'
    path.write_text(f'{{"format": "hwcompress-flips-1", "flips": [{row}]}}')
    with pytest.raises(InputError, match="flip in 'd': bit -1 is no number from 0"):
        load_flips(path)
    save_flips(path, [])
    assert load_flips(path) == ()
