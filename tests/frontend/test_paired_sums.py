"""Sums of two tensors with unrelated scales: their order, and regions behind them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hwcompress.frontend.elementwise import UNARY
from hwcompress.frontend.farey import ordering_ratio
from hwcompress.frontend.function import ScalarFunction, affine_function
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.paired_sum import PairedSum, paired_region
from hwcompress.frontend.region import StepFunction, TableFunction
from hwcompress.ir import IntType, Range

_SAME = Fraction(1, 1 << 50)


def sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    ratio=st.one_of(
        st.floats(1e-3, 40).map(Fraction),
        st.fractions(Fraction(1, 30), 30, max_denominator=30),
        st.tuples(
            st.integers(1, 25), st.integers(1, 25), st.integers(-3, 3), st.integers(6, 17)
        ).map(lambda t: Fraction(t[0], t[1]) * (1 + Fraction(t[2], 10 ** t[3]))),
    ),
    most_top=st.integers(0, 25),
    most_bottom=st.integers(0, 25),
)
@example(Fraction(6755399441055743, 18014398509481984), 16, 16)  # 3/8 but for a rounding
def test_every_fraction_compares_alike(ratio: Fraction, most_top: int, most_bottom: int) -> None:
    top, bottom = ordering_ratio(ratio, most_top, most_bottom)
    assert 1 <= top <= 2 * max(most_top, 1)
    assert 1 <= bottom <= 2 * max(most_bottom, 1)
    for n in range(most_top + 1):
        for d in range(most_bottom + 1):
            apart = ratio * d - n
            same = abs(apart) <= _SAME * ratio * d
            assert sign(Fraction(top * d - n * bottom)) == (0 if same else sign(apart))


def step_levels(real: np.ndarray, _: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(real), -8, 7).astype(np.int64)


def applied(found: StepFunction | TableFunction, total: np.ndarray) -> np.ndarray:
    """What a region found makes of integer sums ``(channels, n)``."""
    if isinstance(found, StepFunction):
        rows = [
            np.searchsorted(row, side * item, side="right")
            for row, side, item in zip(found.thresholds, found.sign, total, strict=True)
        ]
        return found.dtype.lo + np.array(rows)
    rising, falling, lowest = found.runs.two_sided()
    up, down = (
        np.array([np.searchsorted(r, t, side="right") for r, t in zip(rows, total, strict=True)])
        for rows in (rising, falling)
    )
    return lowest + up - down


def unary(op: str) -> ScalarFunction:
    node = Node(op, "", "", ("x",), ("y",), {})
    item = UNARY[op](node)
    line = affine_function(np.array([1.0, -0.7, 0.5]), np.array([0.1, 0.0, 0.25]))
    return line.then(item.function, item.direction, item.enclose)


@pytest.mark.parametrize("op", ["Relu", "Abs", "Gelu", "HardSwish", "Sigmoid", "Tanh"])
@pytest.mark.parametrize("seed", range(5))
def test_every_pair(op: str, seed: int) -> None:
    """All pairs of two small tensors, positive and negative gains, constant channels."""
    random = np.random.default_rng(seed)
    low = random.integers(-40, 1, (2, 3))
    high = low + random.integers(0, 60, (2, 3))
    bounds = [Range(lo, hi) for lo, hi in zip(low, high, strict=True)]
    gains = random.choice([-1.0, 1.0], (2, 3)) * random.uniform(0.02, 0.5, (2, 3))
    gains[:, 0] = (0.1, 0.07) if seed % 2 else (0.3, 0.1)  # ties
    if seed == 3:
        gains[0, 1] = 0.0
    if seed == 4:
        gains[1, 2] = 0.0
        high[0, 1] = low[0, 1]
    paired = PairedSum.ordered(gains, random.uniform(-1, 1, 3), (bounds[0], bounds[1]))
    function = unary(op)
    found = paired_region(paired, function, step_levels, IntType(-8, 7), "here")
    assert found is not None
    for channel in range(3):
        x, y = np.meshgrid(
            *[np.arange(item.lo[channel], item.hi[channel] + 1) for item in bounds], indexing="ij"
        )
        real = gains[0, channel] * x + gains[1, channel] * y + paired.offset[channel]
        rows = np.array([channel])
        wanted = step_levels(function.call(real.reshape(1, -1), rows), rows)[0]
        total = paired.multipliers[0, channel] * x + paired.multipliers[1, channel] * y
        sums = np.zeros((3, total.size), np.int64)
        sums[channel] = total.reshape(-1)
        assert np.array_equal(applied(found, sums)[channel], wanted)
        assert paired.range.lo[channel] <= total.min()
        assert total.max() <= paired.range.hi[channel]


@pytest.mark.parametrize("op", ["Relu", "Gelu"])
@pytest.mark.parametrize("bits", [12, 18, 22])
def test_wide_pairs(op: str, bits: int) -> None:
    """Two accumulators: random pairs, and pairs whose sums lie next to the boundaries."""
    random = np.random.default_rng(bits)
    reach = 1 << (bits - 1)
    bounds = (
        Range(np.full(3, -reach), np.full(3, reach)),
        Range(np.full(3, -reach // 2), np.full(3, reach)),
    )
    gains = random.uniform(0.5, 2, (2, 3)) * 8 / reach * np.array([[1, -1, 1], [1, 1, 1]])
    paired = PairedSum.ordered(gains, random.uniform(-1, 1, 3), bounds)
    function = unary(op)
    found = paired_region(paired, function, step_levels, IntType(-8, 7), "here")
    assert found is not None
    assert np.abs(paired.multipliers).max() <= 4 * reach
    x = random.integers(-reach, reach + 1, (3, 200_000))
    y = random.integers(-reach // 2, reach + 1, (3, 200_000))
    # For half of them y is moved so that the sum comes as near as it can to a step.
    line = np.array([1.0, -0.7, 0.5])[:, None], np.array([0.1, 0.0, 0.25])[:, None]
    step = random.integers(-8, 8, (3, 100_000)) + 0.5
    target = (step - line[1]) / line[0] - paired.offset[:, None]
    near = np.rint((target - gains[0][:, None] * x[:, :100_000]) / gains[1][:, None])
    y[:, :100_000] = np.clip(near + random.integers(-1, 2, near.shape), -reach // 2, reach)
    real = gains[0][:, None] * x + gains[1][:, None] * y + paired.offset[:, None]
    wanted = step_levels(function.every_channel(real), np.arange(3))
    total = paired.multipliers[0][:, None] * x + paired.multipliers[1][:, None] * y
    wrong = applied(found, total) != wanted
    # A sum that float64 cannot tell from a boundary may be rounded to either side of it.
    value = function.every_channel(real)
    assert np.all(np.abs(value[wrong] * 2 - np.rint(value[wrong] * 2)) < 1e-12)
    assert wrong.mean() < 1e-4
