"""Designs with several inputs and outputs, in both kinds of simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hwcompress.hls.cosim.verilated as verilated
from hwcompress.errors import CheckFailed, InputError
from hwcompress.hls.cosim.bench import run_bench
from hwcompress.hls.cosim.locate import first_difference
from hwcompress.hls.cosim.verilated import Stalls, VerilatedDesign
from tests.cosim.twin_design import twin_expected, twin_samples, write_twin


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> VerilatedDesign:
    """Right, and with observation ports."""
    folder = tmp_path_factory.mktemp("twin")
    write_twin(folder / "rtl")
    return VerilatedDesign.build(folder / "rtl", folder / "build", taps=True)


def test_values_and_cycles(twin: VerilatedDesign, monkeypatch: pytest.MonkeyPatch) -> None:
    """An element of a in two cycles: twelve cycles a frame. All figures, by port and together."""
    values = twin_samples(40)
    wanted = twin_expected(values)
    run = twin.run(values, cycles="beats")
    assert set(run.values) == {"y", "z"}
    for tensor in ("y", "z"):
        assert np.array_equal(run.values[tensor], wanted[tensor])
    assert (run.first_input_cycle, run.interval) == (0, 12.0)
    assert run.latency_of("m_axis_1") == (1, 11)
    assert run.latency_of("m_axis_0") == (3, 11)
    assert (run.latency_first_output, run.latency_frame) == (1, 11)
    assert run.cycles == 480
    assert run.output_ports["m_axis_0"].interval == 12.0
    # b is taken with the second element of each pair of a.
    assert np.array_equal(run.input_ports["s_axis_1"].first, 2 + 12 * np.arange(40))
    assert np.array_equal(run.input_ports["s_axis_0"].last, 10 + 12 * np.arange(40))
    every = run.tap_cycles["s"].every
    assert every is not None
    assert np.array_equal(every, 12 * np.arange(40)[:, None] + [2, 6, 10])
    assert np.array_equal(every[:, 0], run.tap_cycles["s"].first)
    brief = twin.run(values, values=False)
    assert brief.taps == {}
    for tensor, seen in brief.tap_cycles.items():
        assert seen.every is None
        assert np.array_equal(seen.first, run.tap_cycles[tensor].first)
        assert np.array_equal(seen.last, run.tap_cycles[tensor].last)
    with pytest.raises(InputError, match="there are 2 output tensors"):
        assert run.outputs is None
    # Ports are fed in pieces of different lengths; the cycles do not show it.
    monkeypatch.setattr(verilated, "_CHUNK_BYTES", 30)
    stalls = Stalls(200, 300, 7, burst=5)
    pieces = twin.run(values, stalls=stalls)
    monkeypatch.undo()
    whole = twin.run(values, stalls=stalls)
    for port in ("s_axis_0", "s_axis_1"):
        assert np.array_equal(whole.input_ports[port].last, pieces.input_ports[port].last)


@pytest.mark.parametrize("seed", range(4))
def test_pauses_are_independent(twin: VerilatedDesign, seed: int) -> None:
    values = twin_samples(60, seed)
    wanted = twin_expected(values)
    run = twin.run(values, stalls=Stalls(250, 350, seed, burst=1 + 3 * seed))
    for tensor in ("y", "z"):
        assert np.array_equal(run.values[tensor], wanted[tensor])
    for tensor in ("s", "y", "z"):
        assert np.array_equal(run.taps[tensor], wanted[tensor])
    assert run.cycles > 720
    y, z = (run.output_ports[port].last for port in ("m_axis_0", "m_axis_1"))
    # Without pauses they are equal: each port now goes at its own pace.
    assert np.any(y > z) and np.any(y < z)


def test_deadlock_names_every_port_and_layer(twin: VerilatedDesign, tmp_path: Path) -> None:
    write_twin(tmp_path / "rtl", "deadlock")
    model = VerilatedDesign.build(tmp_path / "rtl", twin.library.parent, taps=True)
    assert model.library == twin.library
    with pytest.raises(CheckFailed) as caught:
        model.run(twin_samples(20), watchdog=500)
    text = str(caught.value)
    assert "input s_axis_0 (a) stands at frame 2, beat 2 of 6" in text
    assert "input s_axis_1 (b) stands at frame 2, beat 1 of 3" in text
    assert "output m_axis_1 (z) at frame 2, beat 2 of 6" in text
    assert "frame and beat of every layer: pair 2.1, plus 2.2, join 2.1" in text


def test_unstable_port_is_named(twin: VerilatedDesign, tmp_path: Path) -> None:
    write_twin(tmp_path / "rtl", "unstable")
    model = VerilatedDesign.build(tmp_path / "rtl", twin.library.parent, taps=True)
    with pytest.raises(
        CheckFailed, match="m_axis_1_tdata changed while waiting for m_axis_1_tready"
    ):
        model.run(twin_samples(20), stalls=Stalls(300, 300, 1))


def test_first_difference_on_branches(twin: VerilatedDesign, tmp_path: Path) -> None:
    """The branch that is wrong, not the one beside it; and with a stop, what is wrong before."""
    build = twin.library.parent
    values = twin_samples(6)
    traces = twin_expected(values)
    assert first_difference(twin.design.folder, build, values, traces) is None
    write_twin(tmp_path / "rtl", "wrong")
    found = first_difference(tmp_path / "rtl", build, values, traces)
    assert found is not None
    # Pair number four is the second one of frame 1.
    assert (found.op, found.tensor, found.sample, found.index) == ("plus", "z", 1, (2,))
    assert found.got == found.expected + 1
    write_twin(tmp_path / "stuck", "deadlock")
    with pytest.raises(CheckFailed, match="deadlock"):
        first_difference(tmp_path / "stuck", build, values, traces)
    wrong = {**traces, "s": traces["s"] + (np.arange(6) == 1)[:, None]}
    found = first_difference(tmp_path / "stuck", build, values, wrong)
    assert found is not None and (found.op, found.sample) == ("pair", 1)


def test_wrong_arrays(twin: VerilatedDesign) -> None:
    values = twin_samples(4)
    with pytest.raises(InputError, match="one array for 2 input tensors"):
        twin.run(values["a"])
    with pytest.raises(InputError, match="no input integers for tensor 'b'"):
        twin.run({"a": values["a"]})
    with pytest.raises(InputError, match=r"different numbers of input samples \(a: 4, b: 3\)"):
        twin.run({"a": values["a"], "b": values["b"][:3]})
    with pytest.raises(InputError, match="burst is 0"):
        Stalls(1, 1, burst=0)


def test_bench(tmp_path: Path) -> None:
    """Under cocotb: the same cycles, independent pauses, and the bugs by port."""
    values = twin_samples(30)
    wanted = twin_expected(values)
    found = {}
    for bug in ("", "deadlock", "wrong", "unstable"):
        write_twin(tmp_path / "rtl", bug)
        found[bug] = run_bench(
            tmp_path / "rtl", values, wanted, tmp_path / "b", simulator="icarus", watchdog=2000
        )
    right = found[""].check()
    assert (right.frames_free, right.frames_stalled) == (8, 26)
    assert (right.latency_first, right.latency_frame, right.interval) == (1, 11, 12.0)
    assert right.ports["m_axis_0"].latency_first == 3
    assert set(right.ports) == {"s_axis_0", "s_axis_1", "m_axis_0", "m_axis_1"}
    assert all(port.pauses > 20 for port in right.ports.values())
    assert right.output_pauses == sum(right.ports[f"m_axis_{i}"].pauses for i in (0, 1))
    assert "input s_axis_1 at frame 2, beat 1" in found["deadlock"].deadlock
    assert "output m_axis_1 at frame 2, beat 2" in found["deadlock"].deadlock
    assert found["wrong"].first_mismatch.startswith("free phase, frame 1: z[2] is ")
    assert (
        "m_axis_1_tdata changed while waiting for m_axis_1_tready"
        in (found["unstable"].violations[0])
    )
