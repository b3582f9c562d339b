"""``inspect`` and ``compare`` as a user types them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from hwcompress.cli.inspect_screen import show_inspection
from hwcompress.inspect.examine import inspect_onnx
from tests.inspect.nets import image_net, raw_mlp, refused_net


def run(folder: Path, *words: str | Path, code: int = 0) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "hwcompress.cli.main", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert done.returncode == code, done.stderr + done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout, done.stderr


def test_inspect_prints_layers_and_totals(tmp_path: Path) -> None:
    image_net(tmp_path)
    said, error = run(tmp_path, "inspect", "image.onnx")
    assert error == ""
    assert "image.onnx: QONNX" in said
    assert "Conv" in said and "864" in said
    assert "1,104 MACs a sample" in said
    assert "Exact integer graph: yes" in said
    assert "the model's own quantizer" in said


def test_a_narrow_terminal_gets_every_fact_in_words(tmp_path: Path) -> None:
    facts = inspect_onnx(image_net(tmp_path))
    console = Console(width=60, file=io.StringIO(), force_terminal=True)
    with console.capture() as captured:
        show_inspection(console, facts, nodes=False)
    said = captured.get()
    assert "…" not in said
    for layer in facts.layers:
        assert layer.name in said
    words = " ".join(said.replace("│", " ").split())
    for fact in ("864 MACs", "sum of", "7 thresholds for all channels", "power of two"):
        assert fact in words, words


def test_inspect_as_json(tmp_path: Path) -> None:
    raw_mlp(tmp_path)
    said, _ = run(tmp_path, "inspect", "raw.onnx", "--json", "--input-type", "fixed<8,3>")
    facts = json.loads(said)
    assert facts["schema"] == "hwcompress-inspect-1"
    assert facts["accepted"] and facts["assumptions"] == []
    assert facts["inputs"][0]["type"] == "i8"
    assert {"layers", "totals", "gaps", "notes", "nodes", "source"} <= set(facts)


def test_inspect_of_a_refused_model_lists_every_node(tmp_path: Path) -> None:
    refused_net(tmp_path)
    said, error = run(tmp_path, "inspect", "refused.onnx", code=2)
    assert error == (
        "error: refused.onnx: 2 node(s) of the model cannot be expressed exactly;"
        " the reasons are listed\n"
    )
    assert "innocent" in said and "reads what a refused node makes" in said
    assert "LSTM 'memory': operator 'LSTM' is not supported" in said
    assert "Einsum 'sum'" in said
    said, _ = run(tmp_path, "inspect", "refused.onnx", "--json", code=2)
    assert not json.loads(said)["accepted"]


def test_compare_on_random_samples(tmp_path: Path) -> None:
    image_net(tmp_path)
    said, error = run(tmp_path, "compare", "image.onnx", "--random", "25", "--seed", "3")
    assert error == ""
    assert "25 samples" in said
    assert "uniform over the 16 levels of i4" in said
    for level in ("qonnx executor", "source in float64", "Numba simulator"):
        assert level in said
    assert "Equal in every integer." in said


def test_compare_on_data_as_json(tmp_path: Path) -> None:
    image_net(tmp_path)
    x = np.random.default_rng(0).integers(-8, 8, (12, 2, 6, 6)).astype(np.float32)
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(12) % 5)
    words = ("compare", "image.onnx", "--data", "d.npz", "--reference", "4", "--json")
    facts = json.loads(run(tmp_path, *words)[0])
    assert facts["schema"] == "hwcompress-compare-1"
    assert facts["exact"] and facts["samples"] == 12
    samples = {row["level"]: row["samples"] for row in facts["agreements"]}
    assert samples == {"qonnx executor": 12, "source in float64": 4, "Numba simulator": 4}
    assert all(row["correct"] is not None for row in facts["decisions"])
    assert any("first 4 of 12 samples" in note for note in facts["notes"])


def test_compare_ends_with_1_on_a_difference(tmp_path: Path) -> None:
    """The integer graph is damaged behind the command's back."""
    image_net(tmp_path)
    code = """
import hwcompress.inspect.comparison as comparison
from hwcompress.inspect.assume import Attempt
from hwcompress.cli.main import app
from tests.inspect.test_comparison import damaged
honest = comparison.attempt_import
def lying(*words, **options):
    return Attempt(damaged(honest(*words, **options).imported, 1)[0])
comparison.attempt_import = lying
app(["compare", "image.onnx", "--random", "20"])
"""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root)!r})\n{code}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 1, done.stderr
    assert "First difference between qonnx executor and Numba simulator" in done.stdout
    assert "'Threshold " in done.stdout and "channel 1" in done.stdout
    assert "unexplained differences." in done.stdout


def test_module_without_a_shape(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\ndef make():\n    return nn.Sequential(nn.Linear(4, 3))\n"
    )
    _, error = run(tmp_path, "inspect", "net.py:make", code=2)
    assert "give --shape, for example --shape 1,28,28, or --data FILE" in error


def test_a_float_module_is_quantized_first(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import torch\nfrom torch import nn\ndef make():\n    torch.manual_seed(0)\n"
        "    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))\n"
    )
    words = ("compare", "net.py:make", "--random", "20", "--shape", "4", "--json")
    facts = json.loads(run(tmp_path, *words)[0])
    assert facts["exact"]
    assert {row["level"] for row in facts["agreements"]} == {
        "PyTorch", "qonnx executor", "source in float64", "Numba simulator"
    }  # fmt: skip
    assert any("8-bit weights" in note for note in facts["notes"])


def test_a_network_of_the_zoo_needs_no_shape(tmp_path: Path) -> None:
    said, error = run(tmp_path, "inspect", "zoo:autoencoder_64")
    assert error == ""  # no warning of a library either
    assert "zoo:autoencoder_64: float module, quantized with Brevitas" in said
    assert "quantized for 256 standard normal samples" in said


@pytest.mark.parametrize("name", ["inspect", "compare"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no.onnx"], "there is no model file 'no.onnx'"),
        (["words.txt"], "cannot tell what model 'words.txt' is"),
        (["words.onnx"], "words.onnx"),
        (["other.tflite"], "tf2onnx.convert --tflite other.tflite --output model.onnx"),
        (["other.h5"], "tf2onnx.convert.from_keras"),
        (["other.onnx"], "not an ONNX file (it is a TFLite model). Remedy: convert it"),
        (["zoo:no"], "no network is named 'no'"),
        (["image.onnx", "--data", "no.npz"], "there is no file 'no.npz'"),
        (["image.onnx", "--data", "wrong.npz"], "samples of shape (7,) do not fit the model's"),
        (["image.onnx", "--data", "words.txt"], "neither an .npz, an .npy nor an IDX file"),
        (["image.onnx", "--input-type", "foo"], "input type 'foo' is not known"),
        (["net.py:make", "--shape", "4,x"], "--shape is '4,x'"),
    ],
)
def test_wrong_input_is_one_line(tmp_path: Path, name: str, words: list[str], said: str) -> None:
    image_net(tmp_path)
    (tmp_path / "words.txt").write_text("these are words")
    (tmp_path / "words.onnx").write_text("these are words")
    (tmp_path / "other.onnx").write_bytes(b"\x1c\0\0\0TFL3" + bytes(40))
    np.savez(tmp_path / "wrong.npz", x=np.ones((4, 7), np.float32))
    extra = ["--random", "3"] if name == "compare" and "--data" not in words else []
    out, error = run(tmp_path, name, *words, *extra, code=2)
    assert out == ""
    assert error.startswith("error: ") and len(error.splitlines()) == 1
    assert said in error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no samples to compare on"),
        (["--random", "3", "--data", "d.npz"], "both --data and --random are given"),
        (["--random", "0"], "--random is 0"),
    ],
)
def test_compare_needs_one_kind_of_samples(tmp_path: Path, words: list[str], said: str) -> None:
    image_net(tmp_path)
    _, error = run(tmp_path, "compare", "image.onnx", *words, code=2)
    assert said in error


def test_compare_of_a_refused_model(tmp_path: Path) -> None:
    refused_net(tmp_path)
    _, error = run(tmp_path, "compare", "refused.onnx", "--random", "3", code=2)
    assert "LSTM 'memory'" in error and "Einsum 'sum'" in error
