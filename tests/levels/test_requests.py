"""Levels of a model against each other, and against dumps, through the request."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import hwcompress.levels.opening as opening
import hwcompress.levels.running as running
from hwcompress.errors import CheckFailed, InputError
from hwcompress.frontend import import_model
from hwcompress.inspect.assume import Attempt
from hwcompress.inspect.draw import Drawn
from hwcompress.inspect.opening import ModelRequest
from hwcompress.levels import DiffReport
from hwcompress.levels.level import LEVELS, Block, LevelKind, Stopped, register
from hwcompress.levels.request import DiffRequest, diff_request
from hwcompress.levels.subject import Subject
from tests.inspect.nets import image_net, raw_mlp, two_outputs
from tests.inspect.test_comparison import damaged

INNER = ["input", "conv_2", "conv_2_quant", "flatten", "gemm_7"]


def ask(a: str | Path, b: str | Path, **options: object) -> DiffReport:
    if isinstance(options.get("model"), Path):
        options["model"] = ModelRequest(str(options["model"]))
    request = DiffRequest(str(a), str(b), **options)  # type: ignore[arg-type]
    return diff_request(request, lambda what, done, total: None)


@pytest.mark.parametrize(
    ("a", "b", "tensors"),
    [
        ("simulator", "graph", INNER),
        ("runtime", "simulator", [name for name in INNER if name != "flatten"]),
        ("float64", "runtime", [name for name in INNER if name != "flatten"]),
    ],
)
def test_equal_levels(tmp_path: Path, a: str, b: str, tensors: list[str]) -> None:
    report = ask(a, b, model=image_net(tmp_path), random=12)
    assert report.equal and report.differing == 0 and report.samples == 12
    assert [row.tensor for row in report.rows] == tensors
    known = INNER if "simulator" in (a, b) else tensors
    assert {*tensors, *report.only_a, *report.only_b} == set(known)
    source = {row.tensor: row.source for row in report.rows}
    assert source["conv_2"] == "t2"


def test_several_outputs(tmp_path: Path) -> None:
    report = ask("runtime", "graph", model=two_outputs(tmp_path), random=9)
    assert report.equal and len(report.rows) == 4


def test_a_wrong_graph_is_found_by_the_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, hurt = opening.attempt_import, []

    def lying(*words: object, **options: object) -> Attempt:
        wrong, tensor = damaged(honest(*words, **options).imported, 1)  # type: ignore[arg-type]
        hurt.append(tensor)
        return Attempt(wrong)

    monkeypatch.setattr(opening, "attempt_import", lying)
    report = ask("simulator", "runtime", model=image_net(tmp_path), random=40)
    first = report.first
    assert not report.equal and first is not None and report.explained == 0
    assert (first.tensor, first.source, first.channels) == (hurt[0], "t4", (1,))
    assert first.b - first.a == 1, "the damaged threshold is one too high"
    assert first.b_real == 3.0 * first.b and not first.explained
    rows = {row.tensor: row.differing for row in report.rows}
    assert rows["conv_2"] == 0 and rows["gemm_7"] > 0


def test_ties_are_explained(tmp_path: Path) -> None:
    """Scales of 0.3 and 0.1: float32 falls on the other side of a tie, here in sample 8."""
    path = raw_mlp(tmp_path)
    imported = import_model(path, input_type="fixed<16,4>")
    drawn = Drawn(imported, 0, normal=frozenset({"x"}))
    data = tmp_path / "d.npz"
    np.savez(data, x=np.asarray(drawn.block(1880, 12)))
    model = ModelRequest(str(path), data=str(data), input_type="fixed<16,4>")
    reports = [
        ask(*sides, model=model) for sides in (("runtime", "simulator"), ("simulator", "runtime"))
    ]
    for report in reports:
        assert report.differing == report.explained > 0 and report.equal
        assert report.first is not None and report.first.explained
        assert (report.first.tensor, report.first.sample) == ("gemm_1_quant", 8)
    one, other = (report.first for report in reports)
    assert one is not None and other is not None
    assert (one.a, one.b, one.sample) == (other.b, other.a, other.sample)


def found_types(file: Path) -> dict[str, str]:
    with np.load(file) as found:
        return {name: str(found[name].dtype) for name in ("input", "conv_2")}


def test_saved_levels_are_dumps(tmp_path: Path) -> None:
    path = image_net(tmp_path)
    a, b = tmp_path / "a.npz", tmp_path / "b.npz"
    ask("simulator", "float64", model=path, random=8, save_a=a, save_b=b)
    with np.load(a) as found:
        assert sorted(found) == sorted(INNER)
        arrays = dict(found)
        assert found_types(a) == {"input": "int8", "conv_2": "int16"}
        assert found_types(b) == {"input": "int64", "conv_2": "int64"}, "floats may leave a type"
    assert ask(a, b).equal
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz", "image.onnx"]
    report = ask(b, a, model=path)
    assert report.equal and report.only_b == ("flatten",)
    assert ask(a, "graph", model=path, random=8).equal
    arrays["conv_2"][6, 3, 1, 2] -= 7
    np.savez(a, **arrays)
    first = ask(a, "graph", model=path, random=8).first
    assert first is not None
    assert (first.tensor, first.sample, first.position, first.channel) == ("conv_2", 6, (3, 1), 2)
    assert first.b - first.a == 7
    assert ask(a, "graph", model=path, random=8, samples=6).equal
    with pytest.raises(InputError, match="different numbers of samples: .*--samples 8"):
        ask(a, "graph", model=path, random=9)
    with pytest.raises(InputError, match="--samples is 9"):
        ask(a, "graph", model=path, random=9, samples=9)


def test_integers_of_the_inputs(tmp_path: Path) -> None:
    """A board's inputs and outputs are enough; a source sees the real values they stand for."""
    path = image_net(tmp_path)
    board = tmp_path / "board.npz"
    ask("simulator", "graph", model=path, random=7, seed=5, save_a=board)
    for level in ("simulator", "runtime", "float64"):
        report = ask(board, level, model=path, integers=board)
        assert report.equal and report.samples == 7
    with pytest.raises(InputError, match="no results of PyTorch"):
        ask(board, "pytorch", model=path, integers=board)
    with np.load(board) as found:
        arrays = dict(found)
    np.savez(board, **{**arrays, "input": arrays["input"] * 2})
    with pytest.raises(InputError, match=r"not all of type i4"):
        ask(board, "graph", model=path, integers=board)
    np.savez(board, gemm_7=arrays["gemm_7"])
    with pytest.raises(InputError, match="there is no array 'input'"):
        ask(board, "graph", model=path, integers=board)


def test_samples_in_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than fit a block, or a file: ties in both are found and explained."""
    path = raw_mlp(tmp_path)
    drawn = Drawn(import_model(path, input_type="fixed<16,4>"), 0, normal=frozenset({"x"}))
    x = np.asarray(drawn.block(1880, 12))
    for number, part in enumerate(np.split(np.concatenate([x, x, x]), [5, 21])):
        np.save(tmp_path / f"x-{number}.npy", part)
    model = ModelRequest(str(path), data=str(tmp_path / "x-*.npy"), input_type="fixed<16,4>")
    whole = ask("runtime", "simulator", model=model)
    assert whole.samples == 36 and whole.equal and whole.rows[0].integers == 36 * 6
    monkeypatch.setattr(running, "block_size", lambda graph: 7)
    report = ask("runtime", "simulator", model=model)
    assert report == whole and report.first is not None
    assert (report.first.sample, report.rows[1].differing) == (8, 3)
    assert ask("runtime", "simulator", model=model, samples=20).rows[1].explained == 1


def test_pytorch_gives_outputs(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import torch\nfrom torch import nn\ndef make():\n    torch.manual_seed(0)\n"
        "    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))\n"
    )
    model = ModelRequest(f"{tmp_path / 'net.py'}:make", shapes={"": (4,)})
    report = ask("pytorch", "simulator", model=model, random=30)
    assert report.equal and len(report.rows) == 1 and report.rows[0].integers == 90
    assert "PyTorch has outputs only" in report.notes


class _Stuck:
    """Gives two samples of the first tensor, none of the last, and stops."""

    who, by, real = "stuck", "test", False

    def __init__(self, subject: Subject, change: int) -> None:
        self._level = LEVELS["graph"].make(subject)
        self._change = change
        self.tensors = self._level.tensors

    def trace(self, block: Block, tensors: Sequence[str]) -> dict[str, np.ndarray]:
        found = self._level.trace(block, tensors)
        seen = {name: found[name][:2] for name in tensors[:3]}
        seen[tensors[2]] = seen[tensors[2]] + self._change
        raise Stopped(CheckFailed("deadlock", where="frame 2"), seen)


@pytest.mark.parametrize("change", [0, 1])
def test_a_level_that_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: int) -> None:
    kind = LevelKind("stuck", "test", lambda subject: _Stuck(subject, change))
    monkeypatch.setitem(LEVELS, "stuck", kind)
    saved = tmp_path / "stuck.npz"
    report = ask("simulator", "stuck", model=image_net(tmp_path), random=5, save_a=saved)
    with np.load(saved) as found:
        assert found["gemm_7"].shape == (5, 5)
    assert report.failure == "stuck stopped: frame 2: deadlock"
    assert not report.equal and report.samples == 2
    integers = {row.tensor: row.integers for row in report.rows}
    assert integers == {"input": 144, "conv_2": 96, "conv_2_quant": 96, "flatten": 0, "gemm_7": 0}
    assert report.differing == 96 * change
    assert (report.first is not None) == bool(change)


def test_slow_levels_take_fewer_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = dataclasses.replace(LEVELS["graph"], most=lambda subject: 3)
    monkeypatch.setitem(LEVELS, "graph", slow)
    path = image_net(tmp_path)
    report = ask("simulator", "graph", model=path, random=10)
    assert report.samples == 3
    assert any("the first 3 of 10 samples" in note for note in report.notes)
    assert ask("simulator", "graph", model=path, random=10, samples=10).samples == 10


def test_levels_have_one_name() -> None:
    assert list(LEVELS) == [
        "graph", "simulator", "hls4ml", "rtl", "pytorch", "runtime", "float64"
    ]  # fmt: skip
    with pytest.raises(ValueError, match="twice"):
        register(LEVELS["graph"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "'simulator' has nothing to run on"),
        ({"a": "simulator", "model": "m.onnx"}, "'simulator' on both sides"),
        ({"a": "verilog"}, "neither a level nor an .npz dump"),
        ({"model": "m.onnx", "build": Path("b")}, "both --model and --build"),
        ({"model": "m.onnx", "random": 0}, "--random is 0"),
        ({"model": "m.onnx", "samples": 0}, "--samples is 0"),
        ({"model": "m.onnx", "random": 1, "integers": Path("i")}, "--random and --integers"),
        ({"build": Path("b"), "data": "d", "random": 1}, "--data and --random"),
        ({"b": "d.npz", "a": "e.npz", "random": 1}, "--random for two dumps"),
        ({"b": "d.npz", "build": Path("b"), "save_b": Path("x")}, "which is a dump"),
        ({"model": "m.onnx", "save_a": Path("x.npy")}, "--save-a 'x.npy' is no .npz"),
        (
            {"model": "m.onnx", "save_a": Path("x.npz"), "save_b": Path("x.npz")},
            "both sides are to be",
        ),
    ],
)
def test_wrong_requests(options: dict[str, object], said: str) -> None:
    options = {"a": "graph", "b": "simulator", **options}
    if "model" in options:
        options["model"] = ModelRequest(str(options["model"]))
    if said.startswith("'simulator' has"):
        options["a"] = "a.npz"
    with pytest.raises(InputError, match=said):
        DiffRequest(**options)  # type: ignore[arg-type]


def test_what_is_read_is_not_written(tmp_path: Path) -> None:
    dump = tmp_path / "dump.npz"
    dump.write_bytes(b"kept")
    model = ModelRequest("m.onnx", data=str(dump))
    for options in (
        {"a": str(dump), "b": "graph", "model": ModelRequest("m.onnx")},
        {"a": "simulator", "b": "graph", "model": model},
        {"a": "simulator", "b": "graph", "build": tmp_path / "b", "integers": dump},
    ):
        with pytest.raises(InputError, match=r"--save-b .* is a file that is read"):
            DiffRequest(save_b=dump, **options)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="there is no file '.*nope.npz'. Remedy: correct --int"):
        ask("simulator", "graph", model=image_net(tmp_path), integers=tmp_path / "nope.npz")


def test_no_samples(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no samples to compare on"):
        ask("graph", "simulator", model=image_net(tmp_path))
    with pytest.raises(InputError, match="no results of PyTorch"):
        ask("pytorch", "simulator", model=image_net(tmp_path), random=3)
    with pytest.raises(InputError, match="is given with --build"):
        ask("graph", "simulator", model=tmp_path)
    with pytest.raises(InputError, match="is not a build folder"):
        ask("graph", "simulator", build=tmp_path)
