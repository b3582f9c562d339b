"""Wrong input at the command line: one clear line, the right exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hwcompress.flow.manifest import Manifest
from tests.flow.tiny_model import tiny_data, tiny_model
from tests.frontend.onnx_builder import ModelBuilder


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "hwcompress.cli.main", *map(str, words)]


def fails(folder: Path, *words: str | Path, code: int = 2, lines: int = 1) -> str:
    done = subprocess.run(command(*words), capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == lines
    return done.stderr


def test_no_such_board(tmp_path: Path) -> None:
    message = fails(tmp_path, "build", "--board", "pynk")
    assert "there is no board 'pynk'" in message
    assert "pynq-z2" in message
    assert not list(tmp_path.iterdir()), "nothing may be written for a wrong request"


def test_no_such_model(tmp_path: Path) -> None:
    message = fails(tmp_path, "build", "no.onnx", "--data", tiny_data(tmp_path))
    assert "there is no model file 'no.onnx'" in message


def test_output_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    assert "is a file" in fails(tmp_path, "build", "--out", "out")


def test_output_is_something_else(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "photo.jpg").write_text("")
    message = fails(tmp_path, "build", "--out", "out")
    assert "is not empty and is not a build folder" in message


@pytest.mark.parametrize("name", ["simulate", "verify", "synth", "report"])
def test_no_build_folder(tmp_path: Path, name: str) -> None:
    message = fails(tmp_path, name, tmp_path)
    assert "is not a build folder (it has no manifest.json)" in message
    assert "give a folder that `hwcompress build` made" in message


def build(folder: Path, model: Path, data: Path, *options: str, lines: int = 1) -> str:
    return fails(folder, "build", model, "--data", data, "--out", "out", *options, lines=lines)


def test_model_is_no_onnx(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_text("this is no model")
    assert "model.onnx" in build(tmp_path, model, tiny_data(tmp_path))


def test_unsupported_operations_are_all_named(tmp_path: Path) -> None:
    model = ModelBuilder((1, 6))
    model.act(1.0, 4)
    model.node("LSTM", model.last, name="memory")
    model.node("Einsum", model.last, name="sum", equation="ij->ji")
    model.act(1.0, 4)
    path = model.save(tmp_path / "odd.onnx")
    message = build(tmp_path, path, tiny_data(tmp_path), lines=3)
    assert "cannot be expressed" in message
    assert "LSTM" in message
    assert "Einsum" in message


def test_wrong_shape(tmp_path: Path) -> None:
    data = tiny_data(tmp_path, x=np.ones((9, 7), np.float32))
    message = build(tmp_path, tiny_model(tmp_path), data)
    assert "samples of shape (7,) do not fit the model's input" in message
    assert "7 values against 6" in message


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.zeros((0, 6), np.float32)}, "the data set is empty"),
        ({"x": np.full((3, 6), np.nan, np.float32)}, "18 of 18 values are NaN"),
        ({"x": np.ones((3, 6)), "y": np.arange(2)}, "3 samples but 2 labels"),
    ],
)
def test_wrong_data(tmp_path: Path, arrays: dict[str, np.ndarray], said: str) -> None:
    assert said in build(tmp_path, tiny_model(tmp_path), tiny_data(tmp_path, **arrays))


def test_data_of_several_inputs(tmp_path: Path) -> None:
    model = ModelBuilder((1, 6))
    model.more_inputs["other"] = (1, 6)
    model.act(1.0, 4)
    model.node("Add", model.last, model.quant("other", 1.0, 4))
    model.dense(np.ones((3, 6)), 1.0, 3)
    path = model.save(tmp_path / "two.onnx")
    wanted = "an array for each input, x (n, 6), other (n, 6), n samples each"
    assert wanted in fails(tmp_path, "build", path)
    ones = np.ones((3, 6), np.float32)
    message = build(tmp_path, path, tiny_data(tmp_path, x=ones, y=np.zeros(3, np.int64)))
    assert "no array for input 'other' of the model" in message
    assert wanted in message
    message = build(tmp_path, path, tiny_data(tmp_path, x=ones, other=ones[:2]))
    assert "the inputs have different numbers of samples (x: 3, other: 2)" in message


def test_label_without_class(tmp_path: Path) -> None:
    data = tiny_data(tmp_path, x=np.ones((3, 6), np.float32), y=np.array([0, 1, 3]))
    message = build(tmp_path, tiny_model(tmp_path), data)
    assert "label 3 of sample 2 is out of range (allowed are 0..2)" in message


def test_a_defect_has_its_own_code_and_a_log(tmp_path: Path) -> None:
    code = (
        "from hwcompress.cli.guard import guarded\n"
        "@guarded\n"
        "def command(): raise ZeroDivisionError('of our own')\n"
        "command()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 70
    assert "error: ZeroDivisionError: of our own\nthis is a defect, details in" in done.stderr
    assert "Traceback" not in done.stderr
    log = Path(done.stderr.split("details in ")[1].strip())
    assert "Traceback" in log.read_text()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_stopped_build_can_go_on(tmp_path: Path, number: signal.Signals, code: int) -> None:
    # The training of the embedded network leaves enough time for a signal.
    process = subprocess.Popen(
        command("build", "--out", "out"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        # A shell that runs us in the background makes its children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "train" in line:
            break
    time.sleep(1.0)
    process.send_signal(number)
    _, error = process.communicate(timeout=30)
    assert process.returncode == code
    assert "the same command goes on where it stopped" in error
    assert "Traceback" not in error
    manifest = Manifest.load(tmp_path / "out" / "manifest.json")
    assert set(manifest.records) == {"data"}
    assert not (tmp_path / "out" / "source").exists()


def test_missing_model_before_missing_data(tmp_path: Path) -> None:
    assert "there is no model file 'no.onnx'" in fails(tmp_path, "build", "no.onnx")
    assert "there is no model file 'no.py'" in fails(tmp_path, "build", "no.py:make")


def test_wrong_options_are_refused_before_any_step(tmp_path: Path) -> None:
    message = fails(tmp_path, "build", "--target-fps", "1e9")
    assert "give at most 100,000,000 frames/s at 100 MHz" in message
    message = fails(tmp_path, "build", "--input-type", "foo")
    assert "--input-type is 'foo'" in message
    assert "known forms: bipolar, intN" in message
    assert not list(tmp_path.iterdir())


def test_doctor_without_tools_ends_with_1(tmp_path: Path) -> None:
    done = subprocess.run(
        command("doctor"),
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(tmp_path), "COLUMNS": "160"},
    )
    assert done.returncode == 1, done.stderr
    assert "needed: " in done.stdout
    assert "defect" not in done.stderr
