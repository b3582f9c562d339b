"""The rule by which weights are rounded, against a search that knows nothing of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hwcompress.ir import BIPOLAR, TERNARY, IntType
from hwcompress.requantize import SCALES, Rounded, round_weights


def error(weight: np.ndarray, made: Rounded) -> np.ndarray:
    """Sum of squared errors of each row."""
    return np.asarray(((weight - made.values) ** 2).reshape(weight.shape[0], -1).sum(axis=1))


def least(row: np.ndarray, level: np.ndarray, steps: np.ndarray) -> float:
    """The least sum of squared errors of any of the steps, each weight at its best level."""
    errors = np.abs(row[:, None, None] - steps[None, :, None] * level[None, None, :]).min(axis=2)
    return float((errors**2).sum(axis=0).min())


@pytest.mark.parametrize("bits", [1, 2, 3, 5])
@pytest.mark.parametrize("fraction", [0, 4])
def test_no_multiplier_is_better(bits: int, fraction: int) -> None:
    weight = np.random.default_rng(bits).integers(-32, 32, (5, 12))
    made = round_weights(weight, bits, "channel", fraction)
    level = np.arange(made.dtype.lo, made.dtype.hi + 1, made.dtype.step)
    assert made.dtype.contains(made.weight) and made.dtype.bits == bits
    steps = np.arange(1, (32 << fraction) + 1) / (1 << fraction)
    for row, found in zip(weight, error(weight, made), strict=True):
        assert found == pytest.approx(least(row, level, steps), rel=1e-12)


def test_scales_of_a_layer_and_powers_of_two() -> None:
    weight = np.random.default_rng(0).integers(-100, 100, (6, 3, 3, 2))
    errors = {}
    for scales in SCALES:
        made = round_weights(weight, 4, scales, 4)
        errors[scales] = float(error(weight, made).sum())
        assert made.weight.shape == weight.shape and made.multiplier.shape == (6,)
        if scales != "channel":
            assert np.unique(made.multiplier).size == 1
    assert made.shift == 0 and math.log2(made.multiplier[0]).is_integer()
    assert errors["channel"] < errors["layer"] <= errors["power-of-two"]


def test_kinds_of_levels() -> None:
    weight = np.array([[-7, 3, 0, 1, 0, 5, 0, 0]])
    one = round_weights(weight, 1, "channel", 0)
    assert one.dtype == BIPOLAR and one.weight.tolist() == [[-1, 1, 1, 1, -1, 1, 1, -1]]
    assert one.multiplier.tolist() == [2]  # the mean magnitude
    assert round_weights(weight, 2, "channel", 0).dtype == TERNARY
    positive = round_weights(np.abs(weight), 2, "channel", 0)
    assert positive.dtype == IntType(0, 3)
    assert positive.weight.tolist() == [[2, 1, 0, 0, 0, 2, 0, 0]] and positive.multiplier[0] == 3


def test_what_fits_is_not_changed() -> None:
    weight = np.array([[-3, 1, 0], [0, 0, 0], [2, 3, -1]])
    for scales in SCALES:
        made = round_weights(weight, 3, scales, 4, balanced=True)
        assert np.array_equal(made.values, weight)


def test_balanced_rows_have_the_smaller_expected_error() -> None:
    """Of sums of rectified normal inputs, drawn; and never a larger one by the formula."""
    random = np.random.default_rng(1)
    weight = random.integers(-32, 32, (8, 64))
    inputs = np.maximum(random.standard_normal((20_000, 64)), 0.0)
    for bits in (1, 2, 3, 4):
        plain, balanced = (
            round_weights(weight, bits, "channel", 4, balanced=item) for item in (False, True)
        )
        assert np.array_equal(plain.multiplier, balanced.multiplier)
        drawn = [
            float(((inputs @ (weight - made.values).T) ** 2).mean()) for made in (plain, balanced)
        ]
        assert drawn[1] < drawn[0]
        for row in range(8):
            costs = []
            for made in (plain, balanced):
                rest = (weight - made.values)[row]
                costs.append(float((rest**2).sum() + rest.sum() ** 2 / (math.pi - 1)))
            assert costs[1] <= costs[0] + 1e-9


def test_wide_weights() -> None:
    weight = np.random.default_rng(3).integers(-40_000, 40_000, (3, 50))
    made = round_weights(weight, 6, "channel", 4)
    assert (error(weight, made) < 0.002 * (weight**2).sum(axis=1)).all()
