"""Fitted rescales equal the step functions they were fitted to, on every integer."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcompress.frontend.rescale import fit_rescale
from hwcompress.ir import IntType, Rescale


@settings(max_examples=300, deadline=None)
@given(
    lo=st.integers(-400, 0),
    hi=st.integers(1, 400),
    levels=st.sampled_from([1, 3, 15, 63, 255]),
    gain=st.one_of(
        st.floats(1e-3, 40), st.integers(-7, 4).map(lambda power: 2.0**power), st.just(0.0)
    ),
    offset=st.one_of(st.floats(-300, 300), st.integers(-64, 64).map(lambda eighths: eighths / 8)),
    known=st.booleans(),
)
def test_fit_is_exact(
    lo: int, hi: int, levels: int, gain: float, offset: float, known: bool
) -> None:
    x = np.arange(lo, hi + 1)
    y = np.clip(np.rint(gain * x + offset), 0, levels).astype(np.int64)
    thresholds = np.array(
        [[x[y >= level].min(initial=hi + 1) for level in range(1, levels + 1)]], np.int64
    )
    fit = fit_rescale(
        thresholds,
        0,
        np.array([lo]),
        np.array([hi]),
        np.array([gain]) if known else None,
        np.array([offset]) if known else None,
    )
    if fit is None:
        return
    op = Rescale("r", ("x",), ("y",), fit.mul, fit.add, fit.shift, fit.rounding, IntType(0, levels))
    (result,) = op.evaluate([x[None, :, None]])
    assert np.array_equal(result[0, :, 0], y)


def test_powers_of_two_are_always_found() -> None:
    """Rounding ties to even is what a plain multiplier cannot do; the fit must."""
    x = np.arange(-2000, 2001)
    for shift in range(1, 9):
        for half_steps in (-3, 0, 1, 8):
            offset = half_steps / 2
            y = np.clip(np.rint(x / 2**shift + offset), -7, 7).astype(np.int64)
            thresholds = np.array(
                [[x[y >= level].min(initial=2001) for level in range(-6, 8)]], np.int64
            )
            fit = fit_rescale(
                thresholds,
                -7,
                np.array([-2000]),
                np.array([2000]),
                np.array([2.0**-shift]),
                np.array([offset]),
            )
            assert fit is not None
            assert fit.rounding == "half_even"
            assert fit.is_shift


def test_impossible_is_none() -> None:
    """Steps of unequal width have no multiplier."""
    thresholds = np.array([[0, 1, 2, 50, 51, 52, 300]])
    assert fit_rescale(thresholds, 0, np.array([-10]), np.array([400]), None, None) is None
