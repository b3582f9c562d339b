"""Pauses cycle by cycle: a verilated design moves exactly as they allow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.hls.cosim.verilated import Patterns, VerilatedDesign
from tests.cosim.tiny_designs import expected, samples, write_scale


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> VerilatedDesign:
    folder: Path = tmp_path_factory.mktemp("design")
    write_scale(folder / "rtl")
    return VerilatedDesign.build(folder / "rtl", folder / "build")


def test_beats_pass_only_where_allowed(design: VerilatedDesign) -> None:
    """Three beats in, three out, six cycles a frame; ends of frames wait for the pattern."""
    values = samples(40)
    every_seventh = np.arange(7) == 3
    run = design.run(values, stalls=Patterns(accepts={"m_axis": every_seventh}))
    assert np.array_equal(run.outputs, expected(values)["y"])
    ends = run.output_ports["m_axis"].last
    assert np.all(ends % 7 == 3)
    assert np.array_equal(np.diff(ends), np.full(39, 21))  # three beats, seven cycles each
    offered = design.run(values, stalls=Patterns(offers={"s_axis": every_seventh}))
    assert np.array_equal(offered.outputs, run.outputs)
    assert np.all(offered.input_ports["s_axis"].first % 7 == 3)
    assert np.array_equal(np.diff(offered.frame_end_cycles), np.full(39, 21))


def test_no_pattern_is_no_pause(design: VerilatedDesign) -> None:
    values = samples(20)
    free = design.run(values)
    always = Patterns({"s_axis": np.ones(3, int)}, {"m_axis": np.ones(1, int)})
    assert np.array_equal(design.run(values, stalls=always).frame_end_cycles, free.frame_end_cycles)


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (Patterns(offers={"m_axis": np.ones(2)}), "offers of 'm_axis'.*ports there are s_axis"),
        (Patterns(accepts={"m_axis": np.zeros(5)}), "accepts of 'm_axis' are no pattern"),
        (Patterns(accepts={"m_axis": np.full(5, 2)}), "expected a row of 0 and 1"),
        (Patterns(offers={"s_axis": np.empty(0)}), "offers of 's_axis' are no pattern"),
    ],
)
def test_wrong_patterns(design: VerilatedDesign, patterns: Patterns, message: str) -> None:
    with pytest.raises(InputError, match=message):
        design.run(samples(2), stalls=patterns)
