"""Thresholds on a line: the multiplication counts as the comparisons do, for every integer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcompress.ir import Dense, Graph, Input, IntType, Output, SumPool, Threshold, evaluate
from hwcompress.sim import Simulator
from hwcompress.sim.words.dot_job import Reach, ending_of
from hwcompress.sim.words.dot_kernel import BYTES, NEAR, SEARCH
from hwcompress.sim.words.plane import Plane
from hwcompress.sim.words.steps_line import line_of, near_line


def _count(thresholds: np.ndarray, x: np.ndarray) -> np.ndarray:
    return (x[None, None, :] >= thresholds[:, :, None]).sum(axis=1)


def _by_line(thresholds: np.ndarray, lo: int, hi: int) -> np.ndarray | None:
    line = line_of(thresholds, lo, hi)
    if line is None:
        return None
    x = np.arange(lo, hi + 1)
    found = (x * line.mul[:, None] + line.add[:, None]) >> line.shift[:, None]
    return np.clip(found, 0, thresholds.shape[1])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    step=st.floats(0.05, 400),
    start=st.floats(-3000, 3000),
    count=st.integers(1, 40),
    lo=st.integers(-3000, 0),
    span=st.integers(0, 4000),
)
def test_even_steps(step: float, start: float, count: int, lo: int, span: int) -> None:
    """What rounding with a scale gives always lies on a line."""
    hi = lo + span
    thresholds = np.ceil(start + step * np.arange(count)).astype(np.int64)[None]
    clipped = np.clip(thresholds, lo, hi + 1)
    found = _by_line(clipped, lo, hi)
    assert found is not None
    assert np.array_equal(found, _count(clipped, np.arange(lo, hi + 1)))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(data=st.data(), channels=st.integers(1, 3), count=st.integers(1, 6))
def test_any_steps(data: st.DataObject, channels: int, count: int) -> None:
    """A line is found or not; if so it is right."""
    row = st.lists(st.integers(-25, 26), min_size=count, max_size=count).map(sorted)
    thresholds = np.array(data.draw(st.lists(row, min_size=channels, max_size=channels)), np.int64)
    found = _by_line(thresholds, -25, 25)
    if found is not None:
        assert np.array_equal(found, _count(thresholds, np.arange(-25, 26)))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(data=st.data(), channels=st.integers(1, 3), count=st.integers(1, 12))
def test_close_to_a_line(data: st.DataObject, channels: int, count: int) -> None:
    """Thresholds beside a line have a guess that is at most one beside the count."""
    step = data.draw(st.integers(1, 9))
    shift = st.integers(-2 * step, 2 * step)
    rows = [
        sorted(step * k + data.draw(shift) for k in range(-count // 2, count - count // 2))
        for _ in range(channels)
    ]
    thresholds = np.clip(np.array(rows, np.int64), -40, 41)
    guess = near_line(thresholds, -40, 40)
    if guess is None:
        return
    x = np.arange(-40, 41)
    found = (x * guess.mul[:, None] + guess.add[:, None]) >> guess.shift[:, None]
    away = np.clip(found, 0, thresholds.shape[1]) - _count(thresholds, x)
    assert np.abs(away).max() <= 1


def test_even_steps_over_a_wide_range_have_a_guess() -> None:
    """Products of 64 bits cannot tell such steps exactly; a guess and two comparisons can."""
    reach, levels = (1 << 31) - 5, 255
    thresholds = np.ceil((np.arange(levels) - 127.3) * (2 * reach / 256)).astype(np.int64)[None]
    assert line_of(thresholds, -reach, reach) is None
    assert near_line(thresholds, -reach, reach) is not None


@pytest.mark.parametrize("wobble", [0, 1, 400])
def test_the_simulator_guesses_or_searches(wobble: int) -> None:
    """Sums of 31 bits: many levels on a line, beside one, and far from any."""
    rng = np.random.default_rng(wobble)
    dtype, reach, levels = IntType.signed_bits(16), 1 << 29, 120
    weight = np.eye(3, dtype=np.int64) << 14
    rows = (np.arange(levels) - levels / 2) * (2 * reach // levels) + rng.uniform(-9, 9, (3, 1))
    rows += rng.uniform(-1, 1, rows.shape) * wobble * reach / levels / 3
    graph = Graph.build(
        "guess",
        [
            Input("i", (), ("x",), (3,), (0,), (3,), dtype, 1.0),
            Dense("s", ("x",), ("y",), weight, IntType.signed_bits(16)),
            Threshold(
                "t", ("y",), ("z",), np.sort(rows, axis=1).astype(np.int64),
                np.array([1, 1, -1]), IntType(-60, 60),
            ),
            Output("o", ("z",), ()),
        ],
    )  # fmt: skip
    assert "Dense s, Threshold t on words of 16 bits" in Simulator(graph).jobs
    step = graph.layers[1]
    assert isinstance(step, Threshold)
    ending = ending_of(
        step, 3, Reach.of_type(graph.tensors["y"].dtype, 3), Plane("z", BYTES, 1, 1, 3, -60)
    )
    assert ending.mode == (SEARCH if wobble == 400 else NEAR)
    x = rng.integers(dtype.lo, dtype.hi + 1, (4000, 3))
    expected = evaluate(graph, x)["z"]
    assert len(np.unique(expected)) > 60
    assert np.array_equal(Simulator(graph)(x), expected)


def test_no_line_through_a_bend() -> None:
    assert line_of(np.array([[0, 1, 2, 3, 100, 101, 102, 103]]), -200, 200) is None


def test_values_too_large_for_products_are_left_alone() -> None:
    large = (1 << 55) * np.arange(1, 9)[None]
    assert line_of(large, -(1 << 60), 1 << 60) is None


@pytest.mark.parametrize("levels", [7, 15, 63, 255])
@pytest.mark.parametrize("wide", [False, True])
def test_the_simulator_takes_the_line(levels: int, wide: bool) -> None:
    """Rising and falling channels, products of 32 and of 64 bits, before and behind a sum."""
    rng = np.random.default_rng(levels)
    reach = 30000 if wide else 100
    dtype = IntType(-reach, reach)
    step = rng.uniform(2 * reach * 9 / levels / 4, 2 * reach * 9 / levels, (3, 1))
    rows = np.ceil((np.arange(levels) - levels / 2) * step + rng.uniform(-9, 9, (3, 1)))
    graph = Graph.build(
        "lines",
        [
            Input("in", (), ("x",), (3, 3, 3), (0, 1, 2), (3, 3, 3), dtype, 1.0),
            SumPool("s", ("x",), ("y",), (3, 3), (1, 1)),
            Threshold(
                "t", ("y",), ("z",), rows.astype(np.int64), np.array([1, -1, 1]),
                IntType(-3, levels - 3),
            ),
            Output("o", ("z",), ()),
        ],
    )  # fmt: skip
    x = rng.integers(-reach, reach + 1, (3000, 3, 3, 3))
    x[:1000] = x[:1000, :1, :1]  # sums of equal terms reach the ends
    expected = evaluate(graph, x)["z"]
    assert len(np.unique(expected)) > levels // 2
    assert np.array_equal(Simulator(graph)(x), expected)
