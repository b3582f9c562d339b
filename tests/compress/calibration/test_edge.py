"""Files for CPUs and GPUs: their size, their accuracy, what runs in integers, and the refusal."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from torch import nn

from hwcompress.compress.calibration.edge import (
    export_dynamic_range,
    export_float,
    export_float16,
)
from hwcompress.compress.calibration.operators import check_integer, operators
from hwcompress.compress.calibration.post_training import post_training
from hwcompress.compress.calibration.thresholds import ActivationRange
from hwcompress.compress.calibration.weights import WeightRange
from hwcompress.compress.train import logits, train_classifier
from hwcompress.edge_files import EDGE_KEY
from hwcompress.errors import CheckFailed, InputError, UnsupportedError
from hwcompress.frontend import import_model
from tests.compress.calibration.digits import d8, points, trained

EXPORTS = {"float16": export_float16, "dynamic-range": export_dynamic_range}


@cache
def large() -> nn.Module:
    """An MLP of 125,000 weights."""
    data = d8(0)
    torch.manual_seed(0)
    layers = [nn.Flatten(), nn.Linear(64, 384), nn.ReLU(), nn.Linear(384, 256), nn.ReLU()]
    module = nn.Sequential(*layers, nn.Linear(256, 10))
    train_classifier(module, data.x, data.y, epochs=4, rate=2e-3)
    return module


def run(path: Path, x: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    result: np.ndarray = session.run(None, {session.get_inputs()[0].name: x})[0]
    return result


@pytest.mark.parametrize(
    ("kind", "least", "most", "loss"),
    [("float16", 0.48, 0.52, 0.1), ("dynamic-range", 0.24, 0.27, 0.5)],
)
def test_size_and_accuracy(
    kind: str,
    least: float,
    most: float,
    loss: float,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data, module = d8(0), large()
    whole, small = tmp_path / "float.onnx", tmp_path / "small.onnx"
    export_float(module, (1, 8, 8), whole)
    EXPORTS[kind](module, (1, 8, 8), small)
    ratio = small.stat().st_size / whole.stat().st_size
    before = points(module, data)
    after = 100 * float(np.mean(run(small, data.test).argmax(1) == data.test_y))
    with capsys.disabled():
        print(f"\n{kind}: {ratio:.3f} of the bytes, {before:.2f} -> {after:.2f} %")
    assert least <= ratio <= most
    assert abs(after - before) <= loss
    assert sorted(tmp_path.iterdir()) == [whole, small]


@pytest.mark.parametrize("kind", EXPORTS)
def test_no_use_to_an_fpga(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "edge.onnx"
    EXPORTS[kind](trained(0), (1, 8, 8), path)
    about = {item.key: item.value for item in onnx.load(path).metadata_props}
    assert about[EDGE_KEY] == kind
    assert about[f"{EDGE_KEY}.fpga"].startswith("of no use: ")
    assert np.mean(run(path, d8(0).test).argmax(1) == d8(0).test_y) > 0.98
    with pytest.raises(UnsupportedError) as caught:
        import_model(path, samples=d8(0).test)
    said = str(caught.value)
    assert f"this file is a {kind} export for a CPU or GPU, not for an FPGA (" in said
    assert "Remedy: give the model that it was made of" in said


def test_build_refuses_it(tmp_path: Path) -> None:
    path = tmp_path / "edge.onnx"
    export_float16(trained(0), (1, 8, 8), path)
    np.savez(tmp_path / "data.npz", x=d8(0).test, y=d8(0).test_y)
    words = [sys.executable, "-m", "hwcompress.cli.main", "build", str(path)]
    words += ["--data", str(tmp_path / "data.npz"), "--out", str(tmp_path / "out")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    said = " ".join((done.stdout + done.stderr).split())
    assert "is a float16 export for a CPU or GPU, not for an FPGA" in said
    assert "Traceback" not in said


class _Samples(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, x: np.ndarray) -> None:
        self._rows = iter(np.array_split(x, 10))

    def get_next(self) -> dict[str, np.ndarray] | None:
        rows = next(self._rows, None)
        return None if rows is None else {"input": rows}


def _static(module: nn.Module, samples: np.ndarray, folder: Path) -> Path:
    """onnxruntime's own full-integer quantization."""
    source, target = folder / "float.onnx", folder / "static.onnx"
    export_float(module, (1, 8, 8), source)
    quantize_static(
        str(source),
        str(target),
        _Samples(samples),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
    )
    return target


def test_predictions_are_onnxruntimes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """W8A8 by two tools: the same class for 99 of 100 images."""
    data, module = d8(0), trained(0)
    theirs = run(_static(module, data.x[:300], tmp_path), data.test).argmax(1)
    kinds = {
        "powers of two": post_training(module, data.x[:300]),
        "float scales": post_training(
            module,
            data.x[:300],
            WeightRange(power_of_two=False),
            ActivationRange(power_of_two=False, method="max"),
        ),
    }
    for name, ours in kinds.items():
        share = float(np.mean(logits(ours, data.test).argmax(1) == theirs))
        with capsys.disabled():
            print(f"\nW8A8 with {name} and onnxruntime int8 agree on {100 * share:.2f} %")
        assert share >= 0.99


def test_operators_say_what_runs_in_integers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """TensorFlow issue 24744: integer weights alone leave the arithmetic in float."""
    data, module = d8(0), trained(0)
    static = _static(module, data.x[:300], tmp_path)
    dynamic, whole = tmp_path / "dynamic.onnx", tmp_path / "float.onnx"
    export_dynamic_range(module, (1, 8, 8), dynamic)
    found = check_integer(static)
    assert [item.kind for item in found if item.arithmetic == "integer"] == [
        "QLinearConv",
        "QLinearConv",
        "MaxPool",
        "QLinearConv",
        "MaxPool",
        "Flatten",
        "QGemm",
    ]
    lists = {"static": found, "dynamic": operators(dynamic), "float": operators(whole)}
    with capsys.disabled():
        for name, items in lists.items():
            count = {
                kind: sum(item.arithmetic == kind for item in items)
                for kind in ("integer", "float", "conversion")
            }
            print(f"\noperators, {name}: {count}", end="")
    for path in (dynamic, whole):
        with pytest.raises(CheckFailed, match="operators compute in floating point: "):
            check_integer(path)
    assert any(item.arithmetic == "float" for item in lists["dynamic"])
    assert {item.arithmetic for item in lists["float"]} == {"float"}


def test_refusals(tmp_path: Path) -> None:
    data = d8(0)
    quantized = post_training(trained(0), data.x[:20])
    with pytest.raises(InputError, match="the module has quantizers already"):
        export_float16(quantized, (1, 8, 8), tmp_path / "x.onnx")
    with pytest.raises(UnsupportedError, match="accepts one sample of shape"):
        export_float(trained(0), (2, 8, 8), tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    with pytest.raises(InputError, match="onnxruntime cannot load the file"):
        operators(tmp_path / "bad.onnx")
