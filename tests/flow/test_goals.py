"""Goals of a design as the user types them, and what they mean for a board."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hwcompress import boards
from hwcompress.errors import InputError
from hwcompress.flow.goals import parse_latency
from hwcompress.flow.parallelism import limits_of, wanted_cycles, wanted_latency
from hwcompress.flow.settings import BuildSettings

PYNQ = boards.load("pynq")
ICE = boards.load("icebreaker")


@pytest.mark.parametrize(
    ("text", "clock", "cycles"),
    [
        ("500ns", 100.0, 50),
        ("10us", 100.0, 1000),
        ("10 µs", 100.0, 1000),
        ("1.5ms", 12.0, 18_000),
        ("2e-3s", 100.0, 200_000),
        ("1200cycles", 12.0, 1200),
        ("1 cycle", 12.0, 1),
        ("0.29us", 100.0, 29),  # 28.999... in floating point
        ("99ns", 100.0, 9),
    ],
)
def test_latency(text: str, clock: float, cycles: int) -> None:
    assert parse_latency(text).at(clock) == cycles


@pytest.mark.parametrize(
    "text", ["", "10", "us", "-1us", "0us", "1.5cycles", "1 parsec", "nan us", "1..5us", "1e999s"]
)
def test_no_latency(text: str) -> None:
    with pytest.raises(InputError, match="--target-latency is .* give a time with its unit"):
        parse_latency(text)


def test_what_the_board_makes_of_it() -> None:
    assert wanted_cycles(BuildSettings("pynq", target_fps=3052.0), PYNQ) == 32_765
    assert wanted_latency(BuildSettings("pynq", target_latency="1us"), PYNQ) == 100
    assert wanted_latency(BuildSettings("pynq"), PYNQ) is None
    with pytest.raises(InputError, match="9ns .a cycle of pynq-z2 takes 10 ns"):
        wanted_latency(BuildSettings("pynq", target_latency="9ns"), PYNQ)


def test_limits() -> None:
    """The highest rate leaves room for place and route, a target may fill the board."""
    fitted = BuildSettings("pynq", fit=True)
    assert limits_of(PYNQ, fitted) == {"lut": 42_560, "ff": 85_120, "bram18": 224, "dsp": 176}
    assert limits_of(PYNQ, BuildSettings("pynq", target_cycles=9))["lut"] == 53_200
    assert limits_of(PYNQ, replace(fitted, share=0.5))["dsp"] == 110
    own = limits_of(PYNQ, BuildSettings("pynq", max_lut=50_000))
    assert own["lut"] == 50_000  # what the user says, though it is more than the share
    assert own["dsp"] == 176
    assert limits_of(PYNQ, BuildSettings("pynq", max_lut=60_000))["lut"] == 53_200
    assert set(limits_of(ICE, fitted)) == {"lut", "ff", "ebr", "dsp"}


def test_whether_a_design_is_searched_for() -> None:
    assert not BuildSettings("pynq").searches
    for asked in ({"fit": True}, {"max_lut": 9}, {"target_fps": 9.0}, {"target_latency": "1us"}):
        assert BuildSettings("pynq", **asked).searches  # type: ignore[arg-type]
