"""The cocotb bench: right designs pass, each kind of broken one fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwcompress.errors import CheckFailed, InputError, MissingToolError
from hwcompress.hls.cosim.bench import BenchResult, run_bench
from tests.cosim.tiny_designs import expected, samples, write_scale


def bench(folder: Path, bug: str = "", simulator: str = "icarus", frames: int = 24) -> BenchResult:
    write_scale(folder / "rtl", bug)
    values = samples(30)
    return run_bench(
        folder / "rtl",
        values,
        expected(values)["y"],
        folder / "build",
        simulator=simulator,  # type: ignore[arg-type]
        frames=frames,
        watchdog=2000,
    )


@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_right_design(tmp_path: Path, simulator: str) -> None:
    """Both simulators see the same cycles, which are those of the verilated library."""
    result = bench(tmp_path, simulator=simulator)
    assert result.check() is result
    assert result.simulator.lower().startswith(simulator)
    assert result.version[0].isdigit()
    # 24 with pauses and 2 after the reset in the middle of a frame.
    assert (result.frames_free, result.frames_stalled) == (8, 26)
    assert (result.mismatches, result.violation_count, result.deadlock) == (0, 0, "")
    assert (result.latency_first, result.latency_frame, result.interval) == (3, 5, 6.0)
    assert result.input_pauses > 10
    assert result.output_pauses > 100
    # Nothing is left in the design's folder.
    names = sorted(path.name for path in (tmp_path / "rtl").iterdir())
    assert names == ["bugs.hex", "design.json", "tiny.v", "weights.hex"]


@pytest.mark.parametrize(
    ("bug", "message"),
    [
        ("wrong", "free phase, frame 3: y[2] is "),
        ("retract", "m_axis_tvalid was withdrawn before the beat was taken"),
        ("unstable", "m_axis_tdata changed while waiting for m_axis_tready"),
        ("no_last", "frame 0, beat 2: m_axis_tlast missing on the last beat of a frame"),
        ("early_last", "frame 0, beat 1: m_axis_tlast in the middle of a frame"),
        ("surplus", "frame 8, beat 0: more output beats than the frames have"),
        ("deadlock", "input stands at frame 8, beat 0, all taken; output at frame 2, beat 0"),
        ("no_reset", "s_axis_tready is X"),
    ],
)
def test_broken_design(tmp_path: Path, bug: str, message: str) -> None:
    result = bench(tmp_path, bug)
    assert not result.ok
    texts = [result.first_mismatch, *result.violations, result.deadlock]
    assert any(message in text for text in texts), texts
    # The deliberate fault and no other: the rest of the design is right.
    if bug == "wrong":
        assert (result.mismatches, result.violation_count) == (1, 0)
    elif bug != "deadlock":
        assert (result.mismatches, result.violation_count > 0) == (0, True)
    with pytest.raises(CheckFailed, match="cocotb bench on Icarus"):
        result.check()


def test_design_that_does_not_compile(tmp_path: Path) -> None:
    write_scale(tmp_path / "rtl")
    source = tmp_path / "rtl" / "tiny.v"
    source.write_text(source.read_text().replace("endmodule", "endmodul", 1))
    values = samples(4)
    with pytest.raises(CheckFailed) as caught:
        run_bench(
            tmp_path / "rtl", values, expected(values)["y"], tmp_path / "b", simulator="icarus"
        )
    assert "cocotb-icarus.log" in str(caught.value)


def test_wrong_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_scale(tmp_path / "rtl")
    values = samples(4)
    wanted = expected(values)["y"]
    with pytest.raises(InputError, match="4 samples and 3 expected"):
        run_bench(tmp_path / "rtl", values, wanted[:3], tmp_path / "b")
    with pytest.raises(InputError, match="unknown simulator 'xsim'"):
        run_bench(tmp_path / "rtl", values, wanted, tmp_path / "b", simulator="xsim")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="frames is 0"):
        run_bench(tmp_path / "rtl", values, wanted, tmp_path / "b", frames=0)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingToolError, match="apt-get install iverilog"):
        run_bench(tmp_path / "rtl", values, wanted, tmp_path / "b", simulator="icarus")
