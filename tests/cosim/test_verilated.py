"""The verilated library: exact integers, cycles, and what it says of broken designs."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import hwcompress.hls.cosim.verilated as verilated
from hwcompress.errors import CheckFailed, InputError, MissingToolError
from hwcompress.hls.cosim.locate import compare_traces, first_difference
from hwcompress.hls.cosim.verilated import Stalls, VerilatedDesign
from tests.cosim.tiny_designs import WEIGHTS, expected, samples, write_scale, write_wide


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> VerilatedDesign:
    folder = tmp_path_factory.mktemp("good")
    write_scale(folder / "rtl")
    return VerilatedDesign.build(folder / "rtl", folder / "build")


def test_exact_and_cycles(good: VerilatedDesign, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three beats in, three out: six cycles a frame. Feeding in pieces changes nothing."""
    values = samples(1000)
    run = good.run(values)
    assert np.array_equal(run.outputs, expected(values)["y"])
    assert run.outputs.dtype == np.int64
    assert (run.first_input_cycle, run.latency_first_output, run.latency_frame) == (0, 3, 5)
    assert np.array_equal(run.frame_end_cycles, 5 + 6 * np.arange(1000))
    assert run.interval == 6.0
    assert run.cycles == 6000
    monkeypatch.setattr(verilated, "_CHUNK_BYTES", 6 * 7)  # seven frames a piece
    pieces = good.run(values)
    assert np.array_equal(pieces.outputs, run.outputs)
    assert np.array_equal(pieces.frame_end_cycles, run.frame_end_cycles)
    paused = good.run(values[:100], stalls=Stalls(300, 500, 3))
    monkeypatch.undo()
    whole = good.run(values[:100], stalls=Stalls(300, 500, 3))
    assert np.array_equal(paused.frame_end_cycles, whole.frame_end_cycles)


@pytest.mark.parametrize("seed", range(3))
def test_pauses_change_only_the_cycles(good: VerilatedDesign, seed: int) -> None:
    values = samples(200, seed)
    run = good.run(values, stalls=Stalls(400, 600, seed))
    assert np.array_equal(run.outputs, expected(values)["y"])
    assert run.cycles > 1200 * 1.3


def test_few_frames_have_no_interval(good: VerilatedDesign) -> None:
    assert good.run(samples(3)).interval is None


def test_memory_is_read_at_run_time(good: VerilatedDesign, tmp_path: Path) -> None:
    """A flipped weight bit gives wrong answers without a new build; a missing file fails."""
    folder = good.design.folder
    hexes = folder / "weights.hex"
    before = hexes.read_text()
    library = sorted(good.library.parent.glob("*.so"))
    values = samples(20)
    try:
        hexes.write_text(before.replace("7", "5"))
        again = VerilatedDesign.build(folder, good.library.parent)
        outputs = again.run(values).outputs
        wrong = WEIGHTS - [0, 0, 2]
        assert np.array_equal(outputs, values.sum(axis=1, keepdims=True) * wrong)
        hexes.unlink()
        with pytest.raises(CheckFailed, match=r"memory file not found: .*weights\.hex"):
            good.run(values)
    finally:
        hexes.write_text(before)
    assert sorted(good.library.parent.glob("*.so")) == library


def test_wide_ports(tmp_path: Path) -> None:
    """A port of 104 bits, two beats a frame."""
    write_wide(tmp_path / "rtl")
    model = VerilatedDesign.build(tmp_path / "rtl", tmp_path / "build")
    values = np.random.default_rng(2).integers(0, 32, (50, 40))
    run = model.run(values, stalls=Stalls(200, 200, 4))
    assert np.array_equal(run.outputs, (values + 1) % 32)


def test_build_is_kept_and_complete(good: VerilatedDesign, tmp_path: Path) -> None:
    """Unchanged sources build nothing; what a killed build left is never used."""
    rtl = tmp_path / "rtl"
    shutil.copytree(good.design.folder, rtl)
    build = tmp_path / "build"
    build.mkdir()
    shutil.copy(good.library, build)
    abandoned = build / ".building-999999999-x"
    abandoned.mkdir()
    (abandoned / "model.so").write_text("half")
    mine = build / f".building-{os.getpid()}-y"
    mine.mkdir()
    stamp = (build / good.library.name).stat().st_mtime_ns
    again = VerilatedDesign.build(rtl, build)
    assert again.library.name == good.library.name
    assert again.library.stat().st_mtime_ns == stamp
    text = (rtl / "tiny.v").read_text()
    (rtl / "tiny.v").write_text(text.replace("8'd0 : acc", "8'd1 : acc"))
    changed = VerilatedDesign.build(rtl, build)
    assert changed.library.name != good.library.name
    assert not abandoned.exists()
    assert mine.exists()  # its process lives
    values = samples(5)
    shifted = values.sum(axis=1, keepdims=True) + 1
    assert np.array_equal(changed.run(values).outputs, shifted * WEIGHTS)
    (rtl / "tiny.v").write_text(text.replace("endmodule", "endmodul", 1))
    with pytest.raises(CheckFailed) as caught:
        VerilatedDesign.build(rtl, build)
    assert "tiny.v" in str(caught.value)
    assert "verilator.log" in str(caught.value)
    assert len(list(build.glob("*.so"))) == 2


def test_missing_verilator(
    good: VerilatedDesign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HWCOMPRESS_VERILATOR", str(tmp_path / "verilator"))
    with pytest.raises(MissingToolError, match="HWCOMPRESS_VERILATOR"):
        VerilatedDesign.build(good.design.folder, tmp_path)


@pytest.mark.parametrize(
    ("bug", "message"),
    [
        ("retract", "m_axis_tvalid was withdrawn"),
        ("unstable", "m_axis_tdata changed while waiting"),
        ("no_last", "m_axis_tlast is missing on the last beat"),
        ("early_last", "m_axis_tlast in the middle of a frame"),
        ("surplus", "more output beats than the frames have"),
        ("deadlock", "deadlock: no transfer for 5000 cycles"),
    ],
)
def test_broken_designs(good: VerilatedDesign, tmp_path: Path, bug: str, message: str) -> None:
    """Each breach is named, with the frame and the beat."""
    write_scale(tmp_path / "rtl", bug)
    model = VerilatedDesign.build(tmp_path / "rtl", good.library.parent)
    assert model.library == good.library
    count = 8 if bug == "surplus" else 20
    with pytest.raises(CheckFailed) as caught:
        model.run(samples(count), stalls=Stalls(200, 500, 1), watchdog=5000)
    assert message in str(caught.value)
    assert "output at frame" in str(caught.value)
    if bug == "deadlock":
        assert "output at frame 2, beat 0 of 3" in str(caught.value)


def test_deadlock_names_a_layer(tmp_path: Path) -> None:
    """With observation ports: where the last beat was seen."""
    write_scale(tmp_path / "rtl", "deadlock")
    model = VerilatedDesign.build(tmp_path / "rtl", tmp_path / "build", taps=True)
    with pytest.raises(CheckFailed) as caught:
        model.run(samples(20), watchdog=500)
    found = re.search(r"the last layer that gave something is '(\w+)', in cycle (\d+): it stands at"
                      r" frame (\d+), beat (\d+) of (\d+)", str(caught.value))  # fmt: skip
    assert found is not None, str(caught.value)
    op, cycle, frame, beat, beats = found.groups()
    assert op in {tap.op for tap in model.design.taps}
    assert 0 < int(cycle) < 500 and 1 <= int(frame) <= 20 and int(beat) < int(beats)


def test_wrong_input(good: VerilatedDesign) -> None:
    with pytest.raises(InputError, match="no sample"):
        good.run(samples(0))
    with pytest.raises(InputError, match="shape"):
        good.run(samples(4)[:, :5])
    with pytest.raises(InputError, match="not all of type"):
        good.run(samples(4) + 16)
    with pytest.raises(InputError, match="expected 0 to 990"):
        Stalls(1000, 0)


def test_first_difference(tmp_path: Path) -> None:
    """A flipped weight bit is found in its own layer, with channel, sample and both values."""
    rtl = tmp_path / "rtl"
    write_scale(rtl)
    values = samples(12)
    values[:2] = 0  # zero times any weight is right: the third sample shows it
    traces = expected(values)
    assert first_difference(rtl, tmp_path / "build", values, traces) is None
    hexes = rtl / "weights.hex"
    hexes.write_text(hexes.read_text().replace("7", "5"))
    found = first_difference(rtl, tmp_path / "build", values, traces)
    assert found is not None
    total = int(values[2].sum())
    assert (found.op, found.tensor, found.sample, found.channel) == ("scale", "y", 2, 2)
    assert (found.got, found.expected) == (total * 5, total * 7)
    assert found.count == int(np.count_nonzero(values.sum(axis=1)))
    assert "layer scale, tensor y, sample 2, channel 2" in str(found.error("RTL"))
    wrong = {**traces, "s": traces["s"] + (np.arange(12) == 4)[:, None]}
    found = first_difference(rtl, tmp_path / "build", values, wrong)
    assert found is not None
    assert (found.op, found.sample, found.got) == ("total", 4, int(values[4].sum()))
    with pytest.raises(InputError, match="no expected integers for s"):
        first_difference(rtl, tmp_path / "build", values, {"y": traces["y"]})


def test_compare_traces_names_a_missing_sample() -> None:
    wanted = np.arange(12).reshape(3, 2, 2)
    assert compare_traces("a", "t", wanted, wanted) is None
    found = compare_traces("a", "t", wanted[:2], wanted)
    assert found is not None
    assert (found.sample, found.got, found.expected, found.count) == (2, None, 8, 4)
    assert "missing, expected 8" in str(found)
