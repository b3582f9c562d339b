"""``hwcompress edge``: the file, its table, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hwcompress.errors import InputError
from hwcompress.flow.compressing.edge import write_edge


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hwcompress.cli.main", "edge", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def test_digits(tmp_path: Path) -> None:
    done = run(tmp_path, "--kind", "float16", "--epochs", "1", "--out", "a.onnx", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["size"] == (tmp_path / "a.onnx").stat().st_size < 0.7 * facts["float_size"]
    assert abs(facts["accuracy"] - facts["float_accuracy"]) < 0.005
    assert facts["float_accuracy"] > 0.3
    assert facts["operators"]["float"] > 3
    assert "DSPs" in facts["fpga"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]


def test_the_table(tmp_path: Path) -> None:
    done = run(tmp_path, "--epochs", "1", "--out", "b.onnx")
    assert done.returncode == 0, done.stderr
    for said in ("dynamic-range", "accuracy", "operators: float", "Of no use to an FPGA: "):
        assert said in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kind", "bfloat16"), "there is no edge export 'bfloat16'"),
        (("--out", "model.tflite"), "--out is 'model.tflite'"),
        (("missing.py:make",), "missing.py"),
    ],
)
def test_refusals(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = run(tmp_path, *words)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_name_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--out is '.*edge'"):
        write_edge(tmp_path / "edge", "float16")
