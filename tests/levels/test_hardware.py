"""The Verilog and hls4ml's C++ as levels, and build folders."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import CheckFailed, InputError
from hwcompress.flow.build import build
from hwcompress.flow.request import make_settings
from hwcompress.frontend import import_model
from hwcompress.hls.cosim.verilated import VerilatedDesign
from hwcompress.hls.hls4ml import HlsProject
from hwcompress.hls.rtl.design import Design
from hwcompress.inspect.opening import ModelRequest
from hwcompress.ir import trace
from hwcompress.levels import DiffReport
from hwcompress.levels.level import Block, Stopped
from hwcompress.levels.request import DiffRequest, diff_request
from tests.inspect.nets import image_net

COUNT = 10


def ask(a: str, b: str, **options: object) -> DiffReport:
    request = DiffRequest(a, b, **options)  # type: ignore[arg-type]
    return diff_request(request, lambda what, done, total: None)


def made(folder: Path, *steps: str) -> Path:
    """A build of the small network, as far as these steps."""
    path = image_net(folder)
    data = folder / "data.npz"
    random = np.random.default_rng(2)
    np.savez(data, x=random.integers(-8, 8, (COUNT, 2, 6, 6)).astype(np.float32))
    settings = make_settings(model=str(path), data=str(data), board="pynq")
    build(folder / "build", settings, targets=steps)
    return folder / "build"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("made"), "simulate", "generate")


def test_a_build_folder(folder: Path, tmp_path: Path) -> None:
    for a, b in (("graph", "simulator"), ("runtime", "float64")):
        report = ask(a, b, build=folder)
        assert report.equal and report.samples == COUNT
    assert ask("runtime", "simulator", build=folder, random=4).samples == 4
    assert ask("simulator", "runtime", build=folder, data=str(folder / "../data.npz")).equal
    inputs = tmp_path / "in.npz"
    np.savez(inputs, input=np.ones((3, 72), np.int8))
    assert ask("runtime", "simulator", build=folder, integers=inputs).samples == 3
    with pytest.raises(InputError, match="the model is no module"):
        ask("pytorch", "simulator", build=folder)
    with pytest.raises(InputError, match="on the folder's own test samples"):
        ask("pytorch", "simulator", build=folder, random=4)


def test_a_build_that_did_not_come_far(folder: Path, tmp_path: Path) -> None:
    early = tmp_path / "early"
    shutil.copytree(folder, early)
    shutil.rmtree(early / "rtl")
    with pytest.raises(InputError, match="no generated design in this folder"):
        ask("rtl", "simulator", build=early)
    shutil.rmtree(early / "sim")
    with pytest.raises(InputError, match="no 'sim/vectors.npz' in the build folder yet"):
        ask("graph", "simulator", build=early)
    shutil.rmtree(early / "graph")
    with pytest.raises(InputError, match="no 'graph' in the build folder yet"):
        ask("graph", "simulator", build=early)


class _Run:
    """What a verilated design would give; a frame stops half-way if it is told to."""

    def __init__(self, folder: Path, *, stops: bool) -> None:
        self.design = Design.load(folder / "rtl")
        self.graph = import_model(folder / "source" / "model.onnx").graph
        self.stops = stops
        self.taps: dict[str, np.ndarray] = {}
        self.values: dict[str, np.ndarray] = {}

    def observe(self, feeds: dict[str, np.ndarray]) -> tuple[_Run, CheckFailed | None]:
        found = trace(self.graph, feeds)
        for number, tap in enumerate(self.design.taps):
            name = tap.stream.tensor
            some = slice(max(0, 3 - number)) if self.stops else slice(None)
            self.taps[name] = found[name][some].reshape(-1, *tap.stream.shape).copy()
        if self.stops:
            return self, CheckFailed("deadlock: no transfer for 7 cycles")
        self.taps["conv_2"].reshape(COUNT, 4, 4, 3)[5, 1, 2, 0] ^= 2
        self.values = {port.tensor: found[port.tensor] for port in self.design.outputs}
        return self, None


@pytest.mark.parametrize("stops", [False, True])
def test_streams_of_the_verilog(folder: Path, monkeypatch: pytest.MonkeyPatch, stops: bool) -> None:
    def fake(place: Path, work: Path, *, taps: bool) -> _Run:
        assert taps and place == folder / "rtl" and work.is_relative_to(folder)
        return _Run(folder, stops=stops)

    monkeypatch.setattr(VerilatedDesign, "build", fake)
    report = ask("simulator", "rtl", build=folder)
    assert not report.equal
    if stops:
        assert report.first is None and "deadlock: no transfer for 7 cycles" in report.failure
        assert [row.integers for row in report.rows] == [3 * 48, 2 * 48, 48, 0]
        assert report.samples == 3
        return
    first = report.first
    assert first is not None and report.differing == 1
    assert (first.tensor, first.sample, first.position, first.channel) == ("conv_2", 5, (1, 2), 0)
    assert abs(first.a - first.b) == 2
    simulator, rtl = report.follows
    assert simulator.wrong == () and "conv_2" in rtl.wrong


def test_what_hls4ml_traces(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lying(self: HlsProject, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = trace(self.graph, feeds)
        found["conv_2_quant"] = found["conv_2_quant"].copy()
        found["conv_2_quant"][7, 0, 0, 1] += 1
        return found

    monkeypatch.setattr(HlsProject, "trace", lying)
    first = ask("hls4ml", "simulator", build=folder).first
    assert first is not None
    assert (first.tensor, first.sample, first.channel) == ("conv_2_quant", 7, 1)


def test_stopped_is_a_failed_check() -> None:
    stopped = Stopped(CheckFailed("what", where="where", why="why"), {})
    assert str(stopped) == "where: what (why)" and stopped.exit_code == 1
    assert Block(0, {"a": np.zeros((3, 1))}, None).count == 3


@pytest.mark.long
def test_rtl_and_hls4ml_run(tmp_path: Path) -> None:
    model = ModelRequest(str(image_net(tmp_path)))
    report = ask("rtl", "hls4ml", model=model, random=12)
    assert report.equal and report.samples == 12
    assert [row.tensor for row in report.rows] == ["conv_2", "conv_2_quant", "flatten", "gemm_7"]


@pytest.mark.long
def test_a_wrong_weight_in_the_verilog(folder: Path, tmp_path: Path) -> None:
    hurt = tmp_path / "hurt"
    shutil.copytree(folder, hurt)
    assert ask("simulator", "rtl", build=hurt).equal
    weights = hurt / "rtl" / "gemm_7_weights.hex"
    text = weights.read_text()
    weights.write_text(f"{int(text[0], 16) ^ 1:x}{text[1:]}")
    report = ask("simulator", "rtl", build=hurt)
    assert report.first is not None and report.first.tensor == "gemm_7"
    assert len(report.first.channels) == 1
    assert [side.wrong for side in report.follows] == [(), ("gemm_7",)]
