"""Endings in float32 and float64 that give bytes: equal to the integers for every sum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcompress.ir import Add, Dense, Graph, Input, IntType, Output, Rescale, Threshold, evaluate
from hwcompress.sim import Simulator
from hwcompress.sim.words.bytes_ending import (
    IntegerLine,
    guesses,
    in_doubles,
    in_floats,
    shifted_limits,
)


def _both(sums: np.ndarray, params: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``rint(s * slope + offset)`` in float32, with the product rounded and without."""
    slope, offset = params[:, 0, None], params[:, 1, None]
    s = sums.astype(np.float32)
    apart = s * slope + offset
    assert apart.dtype == np.float32
    # All numbers have 24 bits: products are exact in float64, and with them 80-bit sums.
    product = s.astype(np.longdouble) * slope.astype(np.longdouble)
    at_once = (product + offset.astype(np.longdouble)).astype(np.float32)
    return np.rint(apart), np.rint(at_once)


lines = st.tuples(
    st.integers(-3000, 3000), st.integers(-(10**6), 10**6), st.integers(0, 16), st.booleans()
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    line=lines,
    low=st.integers(-200, 100),
    levels=st.integers(1, 255),
    lo=st.integers(-3000, 500),
    span=st.integers(0, 3000),
    start=st.integers(-5000, 5000),
)
def test_a_line_in_floats_gives_every_level(
    line: tuple[int, int, int, bool], low: int, levels: int, lo: int, span: int, start: int
) -> None:
    mul, add, shift, even = line
    arrays = (np.array([value], np.int64) for value in (mul, add, shift))
    ends = np.array([lo], np.int64), np.array([lo + span], np.int64)
    exact = IntegerLine(*arrays, even, low, low + levels, *ends)
    x = np.arange(lo, lo + span + 1)[None]
    # The line itself, as the definition of Rescale has it.
    op = Rescale(
        "r", ("x",), ("y",), exact.mul, exact.add, exact.shift,
        "half_even" if even else "floor", IntType(low, low + levels),
    )  # fmt: skip
    assert np.array_equal(exact(x), op.evaluate([x[0][:, None]])[0].T)
    starts = np.array([start], np.int64)
    floats = in_floats(exact, starts)
    if floats is not None:
        for found in _both(x - start, floats):
            assert np.array_equal(np.clip(found, low, low + levels), exact(x))
    doubles = in_doubles(exact, starts)
    assert doubles is not None
    found = np.rint((x - start) * doubles[:, :1] + doubles[:, 1:])
    assert np.array_equal(np.clip(found, low, low + levels), exact(x))


def test_most_lines_of_four_bits_are_found_in_floats() -> None:
    """The case that it is made for: sums of some thousands to 16 levels."""
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(100):
        shift = np.full(8, 14)
        mul = rng.integers(20, 200, 8)
        reach = np.full(8, 3000)
        line = IntegerLine(mul, rng.integers(0, 1 << 14, 8), shift, False, 0, 15, -reach, reach)
        found += in_floats(line, rng.integers(-500, 500, 8)) is not None
    assert found >= 95


def test_what_floats_cannot_tell_is_refused() -> None:
    """256 levels of sums of 20 bits: some step lies closer than float32 sees."""
    rng = np.random.default_rng(1)
    mul = rng.integers(1 << 20, 1 << 21, 64)
    reach = np.full(64, 1 << 19)
    line = IntegerLine(mul, np.zeros(64, np.int64), np.full(64, 33), True, -128, 127, -reach, reach)
    assert in_floats(line, np.zeros(64, np.int64)) is None
    assert in_doubles(line, np.zeros(64, np.int64)) is not None
    large = IntegerLine(mul << 20, line.add, line.shift, True, -128, 127, -reach, reach)
    assert in_doubles(large, np.zeros(64, np.int64)) is None


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    step=st.floats(3, 300),
    noise=st.integers(0, 2),
    count=st.integers(2, 255),
    first=st.integers(-2000, 2000),
    start=st.integers(-4000, 4000),
    seed=st.integers(0, 1000),
)
def test_a_guess_is_the_count_or_one_less(
    step: float, noise: int, count: int, first: int, start: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    steps = np.rint(first + step * np.arange(count)) + rng.integers(-noise, noise + 1, count)
    thresholds = np.sort(steps).astype(np.int64)[None]
    lo, hi = thresholds.min() - 50, thresholds.max() + 50
    ends = np.array([lo], np.int64), np.array([hi], np.int64)
    found = guesses(thresholds, *ends, np.array([start], np.int64))
    if found is None:
        return
    x = np.arange(lo, hi + 1)
    counts = np.searchsorted(thresholds[0], x, side="right")
    for guess in _both((x - start)[None], found):
        less = counts - np.clip(guess[0], 0, count - 1)
        assert less.min() >= 0
        assert less.max() <= 1


def test_even_steps_are_guessed() -> None:
    thresholds = np.arange(-1000, 1000, 9, dtype=np.int64)[None]
    ends = np.array([-2000], np.int64), np.array([2000], np.int64)
    assert guesses(thresholds, *ends, np.array([77], np.int64)) is not None


def test_limits_that_leave_32_bits_are_refused() -> None:
    limits, far = np.array([[1 << 30]], np.int32), np.array([1 << 30], np.int64)
    assert shifted_limits(limits, -far, np.array([0]), far) is None
    assert shifted_limits(limits, far, np.array([0]), far // 2) is not None


def _added(multipliers: list[int], otype: IntType) -> Graph:
    """Two tensors with their multipliers, summed and brought to levels."""
    rng = np.random.default_rng(2)
    source = IntType.unsigned_bits(8)
    weight = rng.integers(-8, 8, (5, 6))
    top = 255 * sum(abs(item) for item in multipliers)
    count = otype.hi - otype.lo
    thresholds = np.sort(rng.integers(-top, top, count))[None]
    return Graph.build(
        "added",
        [
            Input("i", (), ("x",), (6,), (0,), (6,), source, 1.0),
            Dense("a", ("x",), ("s",), weight, IntType.signed_bits(5)),
            Rescale("ra", ("s",), ("p",), np.array([37]), np.array([9]), np.array([10]),
                    "floor", source),
            Dense("b", ("x",), ("t",), weight[::-1].copy(), IntType.signed_bits(5)),
            Rescale("rb", ("t",), ("q",), np.array([51]), np.array([0]), np.array([10]),
                    "half_even", source),
            Add("add", ("p", "q"), ("u",), np.array(multipliers)[:, None]),
            Threshold("th", ("u",), ("y",), thresholds, np.ones(1, np.int64), otype),
            Output("o", ("y",), ()),
        ],
    )  # fmt: skip


@pytest.mark.parametrize("multipliers", [[303, 149], [-700, 900], [1, -1016], [127, -128]])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_large_multipliers_of_sums_stay_on_bytes(multipliers: list[int], bits: int) -> None:
    graph = _added(multipliers, IntType.unsigned_bits(bits))
    x = np.random.default_rng(3).integers(0, 256, (1500, 6))
    simulator = Simulator(graph)
    assert "Add add, Threshold th on bytes" in simulator.describe()
    assert np.array_equal(simulator(x), evaluate(graph, x)["y"])


def test_multipliers_beyond_eight_bytes_are_not_on_bytes() -> None:
    graph = _added([2000, 3], IntType.unsigned_bits(4))
    x = np.random.default_rng(3).integers(0, 256, (100, 6))
    simulator = Simulator(graph)
    assert "Add add, Threshold th on bytes" not in simulator.describe()
    assert np.array_equal(simulator(x), evaluate(graph, x)["y"])
