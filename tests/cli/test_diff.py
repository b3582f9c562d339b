"""``diff`` as a user types it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from hwcompress.cli.diff_screen import show_difference
from hwcompress.frontend import import_model
from hwcompress.ir import trace
from hwcompress.levels import diff
from tests.cli.test_models import run
from tests.inspect.nets import image_net


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The model, inputs, a right dump and one with a wrong pixel."""
    graph = import_model(image_net(tmp_path)).graph
    inputs = np.random.default_rng(9).integers(-8, 8, (5, 6, 6, 2))
    right = trace(graph, inputs)
    np.savez(tmp_path / "right.npz", **right)
    wrong = {**right, "conv_2": right["conv_2"].copy()}
    wrong["conv_2"][3, 2, 1, 0] -= 1
    np.savez(tmp_path / "board.npz", **wrong)
    return tmp_path


def test_a_corrupted_dump(folder: Path) -> None:
    words = ("diff", "board.npz", "simulator", "--model", "image.onnx", "--integers", "right.npz")
    said, error = run(folder, *words, code=1)
    assert error == ""
    assert "A: board.npz, B: simulator; 5 samples" in said
    assert (
        "First difference: tensor 'conv_2', Conv conv_2 (source tensor 't2'), sample 3, row 2,"
        " column 1, channel 0: board.npz has" in said
    )
    assert "in all samples 1 (in 1 channel: 0), in the tensors behind it 0." in said
    assert "board.npz: does not follow from its own operands in conv_2" in said
    assert "simulator: every result follows from its own operands, of 4 operations" in said
    assert "Not equal: 1 integer differs." in said
    words = ("diff", "right.npz", "simulator", "--model", "image.onnx", "--integers", "right.npz")
    said, _ = run(folder, *words)
    assert "Equal in every integer." in said and "First difference" not in said


def test_two_dumps_need_no_model(folder: Path) -> None:
    said, error = run(folder, "diff", "right.npz", "board.npz", "--json", code=1)
    assert error == ""
    facts = json.loads(said)
    assert (facts["equal"], facts["a"], facts["b"]) == (False, "right.npz", "board.npz")
    first = facts["first"]
    assert (first["tensor"], first["sample"], first["position"]) == ("conv_2", 3, [2, 1])
    assert first["channel"] == 0 and first["a"] - first["b"] == 1
    assert any("in the order of A" in note for note in facts["notes"])


def test_names_do_not_act_on_the_terminal() -> None:
    name = "[bold]\x1b[31m\r"
    console = Console(file=io.StringIO(), width=120)
    show_difference(console, diff({name: np.zeros((1, 3), int)}, {name: np.eye(1, 3, dtype=int)}))
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert "[bold]\\x1b[31m\\r" in said and "\x1b" not in said


def test_random_samples_are_saved(folder: Path) -> None:
    words = ("diff", "graph", "simulator", "--model", "image.onnx", "--random", "4")
    said, _ = run(folder, *words, "--save-b", "s.npz")
    assert "4 samples" in said
    with np.load(folder / "s.npz") as found:
        assert found["conv_2"].shape == (4, 4, 4, 3)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["verilog", "simulator"], "'verilog' is neither a level nor an .npz dump"),
        (["board.npz", "words.npz"], "words.npz: the file is damaged or cut off"),
        (["board.npz", "right.npz", "--input-type", "uint8"], "--input-type without --model"),
    ],
)
def test_wrong_input_is_one_line(folder: Path, words: list[str], said: str) -> None:
    (folder / "words.npz").write_text("these are words")
    out, error = run(folder, "diff", *words, code=2)
    assert out == ""
    assert error.startswith("error: ") and len(error.splitlines()) == 1
    assert said in error
