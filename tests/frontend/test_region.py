"""Regions evaluated to step functions, tabulated or by bisection."""

from __future__ import annotations

import numpy as np
import pytest

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.function import ScalarFunction, affine_function
from hwcompress.frontend.region import evaluate_region
from hwcompress.ir import IntType, Range


def quantize(real: np.ndarray, channel: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(real), -4, 3).astype(np.int64)


@pytest.mark.parametrize("wide", [False, True])
def test_gain_of_either_sign(wide: bool) -> None:
    reach = 1 << 40 if wide else 100
    gain = np.array([3.0, -2.0, 0.5]) / reach
    offset = np.array([0.25, 1.0, -7.0])
    bounds = Range(np.full(3, -reach), np.full(3, reach))
    steps = evaluate_region(affine_function(gain, offset), quantize, IntType(-4, 3), bounds, "here")
    random = np.random.default_rng(3)
    q = random.integers(-reach, reach + 1, (3, 5000))
    wanted = quantize(gain[:, None] * q + offset[:, None], np.arange(3))
    p = steps.sign[:, None] * q
    got = -4 + (p[:, :, None] >= steps.thresholds[:, None, :]).sum(axis=2)
    assert np.array_equal(got, wanted)
    assert steps.sign.tolist() == [1, -1, 1]


def test_boundaries_are_tight() -> None:
    """One below each threshold is the lower level, in a range that bisection must search."""
    bounds = Range(np.array([-(1 << 45)]), np.array([1 << 45]))
    gain = np.array([2.0**-41])
    steps = evaluate_region(
        affine_function(gain, np.zeros(1)), quantize, IntType(-4, 3), bounds, "here"
    )
    for index, threshold in enumerate(steps.thresholds[0]):
        at, below = (quantize(gain * q, np.zeros(1))[0] for q in (threshold, threshold - 1))
        assert at >= index - 3 > below


def test_identity_is_recognized() -> None:
    bounds = Range(np.array([-4, -2]), np.array([3, 1]))
    identity = affine_function(np.ones(2), np.zeros(2))
    assert evaluate_region(identity, quantize, IntType(-4, 3), bounds, "here").is_identity
    moved = affine_function(np.ones(2), np.array([0.0, 1.0]))
    assert not evaluate_region(moved, quantize, IntType(-4, 3), bounds, "here").is_identity


def test_unknown_direction_over_a_wide_range_is_refused() -> None:
    function = ScalarFunction(1, lambda q, c: np.sin(q), np.zeros(1, np.int64))
    bounds = Range(np.array([0]), np.array([1 << 40]))
    with pytest.raises(UnsupportedError, match="too wide to tabulate"):
        evaluate_region(function, quantize, IntType(-4, 3), bounds, "here")


def test_no_finite_value_is_refused() -> None:
    function = ScalarFunction(1, lambda q, c: np.log(q), np.ones(1, np.int64))
    with np.errstate(all="ignore"), pytest.raises(UnsupportedError, match="no finite value"):
        evaluate_region(
            function, quantize, IntType(-4, 3), Range(np.array([-1]), np.array([5])), "here"
        )
