"""``estimate``: one board, all boards, foldings written and taken back, hls4ml, refusals."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from hwcompress import boards
from hwcompress.frontend import import_model
from hwcompress.hls.folding import Folding
from hwcompress.hls.rtl import generate
from hwcompress.hls.rtl.timing import timing_of
from tests.cli.test_models import run
from tests.cli.test_simulate_data import jet_net
from tests.inspect.nets import image_net


def test_one_board(tmp_path: Path) -> None:
    """The figures are those of the design that the folding makes; nothing is left behind."""
    graph = import_model(image_net(tmp_path)).graph
    words = ("estimate", "image.onnx", "--target-cycles", "200", "--save-folding", "own.json")
    said, _ = run(tmp_path, *words, "--json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image.onnx", "own.json"]
    (board,) = json.loads(said)["boards"]
    folding = Folding.from_json((tmp_path / "own.json").read_text())
    assert board["folding"] == folding.to_json()
    timing = timing_of(generate(graph, folding, tmp_path / "rtl"))
    assert Fraction(board["interval"]) == timing.interval <= 200
    assert board["latency_frame"] == timing.latency_frame
    assert board["latency_first"] == timing.latency_first_output
    assert board["frames"] == pytest.approx(100e6 / board["interval"])
    assert board["fits"] and board["limiting"] in {"LUT", "FF", "BRAM36", "DSP"}
    total = board["estimate"]["total"]
    assert total["low"] <= total["lut"] <= total["high"]
    assert sum(layer["use"]["dsp"] for layer in board["layers"]) <= total["dsp"]

    # The same, given back and shown to people.
    said, _ = run(tmp_path, "estimate", "image.onnx", "--folding", "own.json")
    assert f"{timing.interval} cycles a frame" in said
    assert f"{total['low']:,} to {total['high']:,}" in said
    assert "no place and route was run" in " ".join(said.split())

    # Edited: fewer lanes, more cycles.
    record = json.loads((tmp_path / "own.json").read_text())
    name = max(record["engines"], key=lambda key: record["engines"][key]["simd"])
    record["engines"][name] |= {"pe": 1, "simd": 1, "pixels": 1}
    (tmp_path / "own.json").write_text(json.dumps(record))
    said, _ = run(tmp_path, "estimate", "image.onnx", "--folding", "own.json", "--json")
    (edited,) = json.loads(said)["boards"]
    assert edited["interval"] > board["interval"]


def test_all_boards(tmp_path: Path) -> None:
    """Every board is filled on its own; equal devices take the same design."""
    jet_net(tmp_path)
    said, _ = run(
        tmp_path, "estimate", "jet.onnx", "--all-boards", "--share", "0.3", "--fit", "--json"
    )
    found = {item["board"]: item for item in json.loads(said)["boards"]}
    assert set(found) == {board.name for board in boards.available()}
    one, two = found["pynq-z1"], found["pynq-z2"]
    assert one["folding"] == two["folding"] and one["title"] != two["title"]
    assert found["icebreaker"]["shares"][2]["name"] == "EBR"
    for name, item in found.items():
        assert not item["problem"], name
        held = boards.load(name).capacity
        if item["fits"]:
            assert item["estimate"]["total"]["lut"] <= held.lut
            scarce = max(item["shares"], key=lambda row: row["used"] / max(row["available"], 1))
            assert item["limiting"] == scarce["name"]
    said, _ = run(tmp_path, "estimate", "jet.onnx", "--all-boards", "--target-cycles", "8")
    rows = [line for line in said.splitlines() if "│" in line]
    assert any("icebreaker" in row and "no" in row for row in rows)
    assert any("pynq-z2" in row and "yes" in row for row in rows)


def test_hls4ml(tmp_path: Path) -> None:
    jet_net(tmp_path)
    said, _ = run(tmp_path, "estimate", "jet.onnx", "--style", "hls4ml", "--json")
    fast = json.loads(said)
    said, _ = run(tmp_path, "estimate", "jet.onnx", "--style", "hls4ml", "--reuse", "4", "--json")
    slow = json.loads(said)
    assert fast["low"]["lut"] < fast["synthesized"]["lut"] < fast["high"]["lut"]
    assert slow["interval"] == 4 > fast["interval"] == 1
    said, _ = run(tmp_path, "estimate", "jet.onnx", "--style", "hls4ml")
    assert "9 of 10 take less" in said


def test_refusals(tmp_path: Path) -> None:
    """One message each, exit code 2, and no file."""
    image_net(tmp_path)
    for words, said in (
        (("--fit", "--target-fps", "9"), "both --fit and --target-fps"),
        (("--share", "0.5"), "--share without a design to be searched for"),
        (("--target-latency", "soon"), "--target-latency is 'soon'"),
        (("--target-cycles", "1", "--max-lut", "300"), "no design takes at most 1 cycles"),
        (("--style", "vhdl"), "--style is 'vhdl'"),
        (("--reuse", "2"), "--reuse without --style hls4ml"),
        (("--style", "hls4ml", "--fit"), "--style hls4ml with an option of the streaming design"),
        (("--style", "hls4ml", "--board", "ulx3s"), "no estimate of an hls4ml design"),
        (("--all-boards", "--save-folding", "f.json"), "both --save-folding and --all-boards"),
        (("--save-folding", "nowhere/f.json"), "cannot be written"),
        (("--folding", "none.json"), "none.json"),
        (("--board", "pinq"), "did you mean pynq?"),
    ):
        _, error = run(tmp_path, "estimate", "image.onnx", *words, code=2)
        assert said in " ".join(error.split()), (words, error)
    assert [path.name for path in tmp_path.iterdir()] == ["image.onnx"]
