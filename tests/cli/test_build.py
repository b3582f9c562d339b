"""The whole road for a tiny QONNX file, as a user walks it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from hwcompress.hls.rtl.design import Design
from hwcompress.ir import evaluate, load
from hwcompress.report.model import read
from tests.flow.tiny_model import SAMPLES, tiny_data, tiny_model


def hwcompress(folder: Path, *words: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hwcompress.cli.main", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a build in ``out``, and what the command printed."""
    folder = tmp_path_factory.mktemp("build")
    tiny_model(folder)
    tiny_data(folder)
    said = hwcompress(
        folder, "build", "tiny.onnx", "--data", "tiny.npz", "--board", "pynq", "--out", "out"
    )
    return folder, said


def test_final_screen(built: tuple[Path, str]) -> None:
    _, said = built
    for step in ("data", "train", "import", "simulate", "fold", "generate", "estimate",
                 "synthesize", "bench", "verify", "hls4ml", "package", "report"):  # fmt: skip
        assert re.search(rf"\[ ?\d+/13\] {step} +done in [\d.]+ s", said)
    assert re.search(rf"Simulator +│ +\d+ │ +{SAMPLES} │", said)
    assert re.search(rf"hls4ml C\+\+ +│ Numba simulator +│ outputs +│ +{SAMPLES} │ +0 │", said)
    assert re.search(rf"Verilog +│ Numba simulator +│ outputs +│ +{SAMPLES} │ +0 │", said)
    assert re.search(r"Verilog, random stalls +│ Numba simulator .*│ +26 │ +0 │", said)
    assert re.search(r"interval +│ +\d+ │ cycles +│ measured +│ Verilator", said)
    assert re.search(r"throughput +│ +[\d,]+ │ frames/s +│ estimated", said)
    assert re.search(r"LUT +│ +\d+ │ +53,200 │ +\d+\.\d% │ measured +│ Yosys \d", said)
    assert re.search(
        r"LUT before synthesis +│ +\d+ │ +│ +\d+ to \d+ │ estimated │ hwcompress", said
    )
    assert re.search(r"hls4ml estimated from public reports: \d+ LUTs", " ".join(said.split()))
    assert "Vitis HLS not found" in said
    assert "Report: out/report.html" in said


def test_report_files(built: tuple[Path, str]) -> None:
    folder, _ = built
    report = read(folder / "out")
    assert report.mismatches == 0
    assert all(step.done for step in report.steps)
    assert report.command == "hwcompress build tiny.onnx --board pynq-z2 --data tiny.npz"
    assert {figure.basis for figure in report.performance} == {"measured", "estimated"}
    assert all(figure.by for figure in report.performance)
    used = {share.name: share.used for share in report.resources}
    parts = [row.resources for row in report.layers if row.resources is not None]
    assert report.rest is not None
    assert used["LUT"] == sum(part.lut for part in parts) + report.rest.lut
    assert used["FF"] == sum(part.ff for part in parts) + report.rest.ff
    assert {row.basis for row in (*report.accuracy, *report.checks)} == {"measured"}
    assert {row.cycles_basis for row in report.layers if row.cycles} == {"estimated"}
    assert {row.resources_basis for row in report.layers if row.resources} == {"measured"}
    names = [figure.name for figure in report.performance]
    assert len(set(names)) == len(names)

    # What was expected before synthesis stands beside what was counted.
    found = report.estimate
    assert found is not None and found.basis == "estimated"
    assert found.total.low <= found.total.lut <= found.total.high
    assert found.total.ff == used["FF"]
    for row in report.layers:
        assert (row.estimate is None) == (row.resources is None)
        if row.estimate is not None and row.resources is not None:
            assert (row.estimate.ff, row.estimate.dsp) == (row.resources.ff, row.resources.dsp)
    text = (folder / "out" / "report.json").read_text()
    assert str(folder) not in text
    assert json.loads(text)["schema"] == "hwcompress-report-1"


class Page(HTMLParser):
    """Collects ids and what a page would load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.external: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("id"):
            self.ids.append(str(values["id"]))
        if tag in ("script", "link", "img", "iframe") or "href" in values or "src" in values:
            self.external.append(tag)


def test_page_is_self_contained(built: tuple[Path, str]) -> None:
    folder, _ = built
    text = (folder / "out" / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert page.ids == ["summary", "accuracy", "exactness", "performance", "resources", "layers",
                        "source", "notes", "environment", "reproduce"]  # fmt: skip
    assert not page.external
    assert "http" not in text
    assert str(folder) not in text
    assert text.count('class="track"') == 4
    cards = re.findall(r'<div class="card">.*', text)
    assert len(cards) == 5
    assert all(re.search(r'class="tag (measured|estimated)"', card) for card in cards)


def test_no_output_tells_where_it_was_made(built: tuple[Path, str]) -> None:
    folder, _ = built
    for path in (folder / "out").rglob("*"):
        inside = path.relative_to(folder / "out")
        if path.is_file() and inside.parts[0] not in ("work", "manifest.json", "build.lock"):
            assert str(folder).encode() not in path.read_bytes(), inside


def test_deploy_folder(built: tuple[Path, str]) -> None:
    folder, _ = built
    deploy = folder / "out" / "deploy"
    design, graph = Design.load(deploy / "rtl"), load(deploy / "graph")
    with np.load(deploy / "vectors" / "vectors.npz", allow_pickle=False) as archive:
        vectors = {name: archive[name] for name in archive.files}
    (expected,) = evaluate(graph, vectors["input"].astype(np.int64)).values()
    assert np.array_equal(expected, vectors["output0"])
    beats = (deploy / "vectors" / "input.hex").read_text().split()
    assert len(beats) == design.inputs[0].beats_per_frame * len(vectors["input"])
    raw = np.array([list(bytes.fromhex(beat))[::-1] for beat in beats], np.uint8)
    assert np.array_equal(design.inputs[0].unpack(raw), vectors["input"])
    readme = (deploy / "README.md").read_text()
    assert f"top module `{design.top}`" in readme
    assert all(name in readme for name in design.files)
    for port in ("aclk", "aresetn", "tlast"):
        assert f"- `{port}`: " in readme
    expected_beats = (deploy / "vectors" / "expected.hex").read_text().split()
    assert len(expected_beats) == design.outputs[0].beats_per_frame * len(vectors["input"])
    assert (folder / "out" / "deploy" / "rtl" / design.memories[0].file).is_file()


def test_again_nothing_runs(built: tuple[Path, str]) -> None:
    folder, _ = built
    before = (folder / "out" / "report.html").read_bytes()
    said = hwcompress(
        folder, "build", "tiny.onnx", "--data", "tiny.npz", "--board", "pynq", "--out", "out"
    )
    assert said.count("up to date") == 13
    assert (folder / "out" / "report.html").read_bytes() == before


def test_commands_on_the_folder(built: tuple[Path, str]) -> None:
    folder, _ = built
    said = hwcompress(folder, "simulate", "out", "--force")
    assert re.search(r"simulate +done", said)
    assert "Numba simulator" in said
    # The same with data: the simulator alone, on the build's graph.
    said = hwcompress(folder, "simulate", "out", "--data", "tiny.npz")
    (row,) = [row for row in read(folder / "out").accuracy if row.who == "Simulator"]
    assert f"{row.correct} of {SAMPLES} right" in said
    said = hwcompress(folder, "synth", "out")
    assert re.search(r"synthesize +up to date", said)
    assert "LUT" in said
    said = hwcompress(folder, "verify", "out", "--frames", "30")
    assert re.search(r"bench +done", said)
    assert re.search(r"verify +up to date", said)
    assert re.search(r"random stalls +│.*│ +32 │ +0 │", said)
    # The report of the folder is about the new bench.
    assert "32 with random stalls" in (folder / "out" / "report.html").read_text()
    bench = read(folder / "out").bench
    assert bench is not None
    assert bench.frames_stalled == 32
    said = hwcompress(folder, "report", "out")
    assert "Report: out/report.html" in said


def test_a_terminal_without_greek_letters(built: tuple[Path, str]) -> None:
    folder, _ = built
    for words in (("report", "out"), ("simulate", "out")):
        said = hwcompress(folder, *words, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
        assert said.isascii()


def test_report_leaves_out_what_is_damaged(built: tuple[Path, str]) -> None:
    folder, _ = built
    (folder / "out" / "synth" / "synth.json").write_text("{}")
    said = hwcompress(folder, "report", "out")
    assert "Not run: synthesize" in said
    assert re.search(r"LUT +│ +\d+ │ +53,200 │ +\d+\.\d% │ estimated │ hwcompress", said)
    assert "Yosys" not in " ".join(line for line in said.splitlines() if "measured" in line)
    assert "not in this report: synthesize" in (folder / "out" / "report.html").read_text()
