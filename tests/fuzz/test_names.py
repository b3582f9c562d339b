"""Names from a model: in file names, Verilog, pages, terminals."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from hwcompress.cli.guard import plain
from hwcompress.errors import HwcompressError
from hwcompress.frontend import import_model
from hwcompress.frontend.onnx_model import Node
from hwcompress.hls.folding import default_folding
from hwcompress.hls.rtl import generate
from hwcompress.report.facts import SourceFacts
from hwcompress.report.html import render
from hwcompress.report.model import BoardFacts, LayerRow, Report, StepState
from tests.fuzz.hostile import NAMES
from tests.fuzz.net import Net

SAFE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
KINDS = ("node", "tensor", "input", "weight")


def renamed(name: str, kind: str) -> onnx.ModelProto:
    """A model with one name that does harm."""
    net = Net(np.random.default_rng(3), x=(1, 6))
    last = net.op("MatMul", net.quant("x", 4), net.weight(6, 4))
    last = net.op("MatMul", net.quant(net.op("Relu", last), 4, signed=0), net.weight(4, 3))
    proto = net.proto(last)
    graph = proto.graph
    if kind == "node":
        for node in graph.node:
            node.name = name
        return proto
    old = {
        "tensor": graph.node[2].output[0],
        "input": "x",
        "weight": graph.initializer[0].name,
    }[kind]
    for item in (*graph.input, *graph.initializer):
        item.name = name if item.name == old else item.name
    for node in graph.node:
        for names in (node.input, node.output):
            for place, one in enumerate(names):
                names[place] = name if one == old else one
    return proto


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("kind", KINDS)
def test_names_become_identifiers(kind: str, tmp_path: Path) -> None:
    imported, messages = 0, []
    for index, name in enumerate(item for item in NAMES if item):
        home = tmp_path / str(index)
        (home / "a" / "b").mkdir(parents=True)
        path = home / "a" / "b" / "model.onnx"
        path.write_bytes(renamed(name, kind).SerializeToString())
        try:
            graph = import_model(path, input_type="uint8").graph
        except HwcompressError as error:
            messages.append(str(error))
            continue
        imported += 1
        assert all(SAFE.fullmatch(op.name) for op in graph.ops)
        assert all(SAFE.fullmatch(tensor) for tensor in graph.tensors)
        assert max(map(len, graph.tensors)) < 100
        generate(graph, default_folding(graph), home / "a" / "b" / "rtl")
        made = files(home)
        assert all(item.startswith("a/b") or item == "a" for item in made)
        for verilog in (home / "a" / "b" / "rtl").rglob("*.v"):
            text = verilog.read_text()
            assert text.isascii()
            assert "alert(1)" not in text
    assert imported >= len(NAMES) // 2
    assert all(len(text) < 2000 and text.replace("\n", "").isprintable() for text in messages)


def test_labels() -> None:
    for name in NAMES:
        for node in (Node("Conv", name, "", (), ("y",), {}), Node(name, "n", "", (), ("y",), {})):
            assert node.label.isprintable()
            assert len(node.label) < 500


def test_messages_hold_nothing_that_a_terminal_acts_on() -> None:
    text = plain("one \x1b[31m two \x07\x9b \u202e\nthree\r" + "x" * 10**6)
    first, second = text.split("\n")
    assert first == r"one \x1b[31m two \x07\x9b \u202e"
    assert second.isprintable()
    assert len(second) < 10_000


def hwcompress(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hwcompress.cli.main", *words]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, timeout=120
    )


@pytest.mark.parametrize("name", ["\x1b[31mred\x1b]0;title\x07", "[bold]x[/]", "a\nb"])
def test_inspect(name: str, tmp_path: Path) -> None:
    proto = renamed(name, "node")
    proto.producer_name = name
    proto.graph.node[-1].op_type = "LSTM" if name != "a\nb" else name
    (tmp_path / "model.onnx").write_bytes(proto.SerializeToString())
    done = hwcompress(tmp_path, "inspect", "model.onnx")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    for text in (done.stdout, done.stderr):
        assert "\x1b" not in text
        assert "Traceback" not in text
    assert files(tmp_path) == {"model.onnx"}


def test_limits_at_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(renamed("n", "node").SerializeToString())
    done = hwcompress(tmp_path, "--limits", "nodes=2", "inspect", "model.onnx")
    assert done.returncode == 2
    assert "nodes (the limit is 2)" in done.stderr
    assert "hwcompress --limits nodes=NUMBER COMMAND" in done.stderr
    done = hwcompress(tmp_path, "--limits", "nodes=2x", "inspect", "model.onnx")
    assert done.returncode == 2
    assert "error: --limits has 'nodes=2x'" in done.stderr


def test_report() -> None:
    """Names and notes that are pages of their own stay text."""
    name = "<script>alert(1)</script>"
    report = Report(
        schema="1",
        hwcompress="0",
        model=name,
        board=BoardFacts(name, name, name, 100.0, 1, 1, 1, 1),
        command=name,
        settings={"model": name},
        steps=(StepState(name, True, {name: name}),),
        accuracy=(),
        confusion=None,
        checks=(),
        performance=(),
        resources=(),
        layers=(LayerRow(name, name, (1,), name, name, 1, name, 1, 1, 1, 1, None),),
        rest=None,
        data=None,
        source=SourceFacts(name, name, name, (name,)),
        graph=None,
        design=None,
        bench=None,
        package=None,
        notes=(name,),
    )
    page = render(report)
    assert "alert(1)&lt;/script&gt;" in page
    assert name not in page
