"""Schedules: where they start and end, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwcompress.compress.recipe import Schedule
from hwcompress.errors import InputError

RAMPS = ("linear", "cubic", "cosine", "exponential", "step")


@pytest.mark.parametrize("ramp", RAMPS)
def test_ends(ramp) -> None:
    schedule = Schedule(0.25, 2.0, ramp, begin=0.2, until=0.6)
    assert [schedule.at(x) for x in (0.0, 0.1, 0.2)] == [0.25] * 3
    assert [schedule.at(x) for x in (0.6, 0.9, 1.0)] == [2.0] * 3


@pytest.mark.parametrize("ramp", RAMPS)
@given(st.floats(0.01, 5), st.floats(0.01, 5), st.floats(0, 0.9))
def test_moves_one_way_between_its_ends(ramp, start, end, begin) -> None:
    schedule = Schedule(start, end, ramp, begin=begin)
    values = np.array([schedule.at(x) for x in np.linspace(0, 1, 101)])
    steps = np.diff(values) * np.sign(end - start)
    assert np.all(steps >= -1e-12)
    assert values.min() >= min(start, end) - 1e-12
    assert values.max() <= max(start, end) + 1e-12


def test_shapes_of_ramps() -> None:
    half = {ramp: Schedule(1.0, 4.0, ramp).at(0.5) for ramp in RAMPS}
    assert half["linear"] == 2.5
    assert half["cubic"] == 1 + 3 * (1 - 0.5**3)  # Zhu and Gupta, equation 1
    assert half["cosine"] == pytest.approx(2.5)
    assert Schedule(1.0, 4.0, "cosine").at(0.25) < Schedule(1.0, 4.0, "linear").at(0.25)
    assert half["exponential"] == pytest.approx(2.0)
    assert half["step"] == 1.0


def test_constant() -> None:
    assert {Schedule.constant(0.3).at(x) for x in (0.0, 0.5, 1.0)} == {0.3}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"start": 0, "end": 1, "ramp": "square"}, "ramp is 'square'"),
        ({"start": 0, "end": 1, "begin": 0.5, "until": 0.5}, "from 0.5 to 0.5 of the training"),
        ({"start": 0, "end": 1, "until": 1.5}, "from 0 to 1.5"),
        ({"start": 0, "end": 1, "ramp": "exponential"}, "exponential schedule from 0 to 1"),
        ({"start": float("nan"), "end": 1}, "'start' is nan"),
    ],
)
def test_refusals(options, said) -> None:
    with pytest.raises(InputError, match=said):
        Schedule(**options)
