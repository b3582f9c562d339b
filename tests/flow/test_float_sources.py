"""Float ONNX files, exported programs and state dicts as sources of a build."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hwcompress.data import Dataset
from hwcompress.errors import InputError
from hwcompress.flow.request import make_settings
from hwcompress.flow.sources import MODEL_FILE, OUTPUTS_FILE, prepare_source
from hwcompress.frontend import import_model
from hwcompress.frontend.check import check_values, encoded, source_samples
from hwcompress.ir import trace
from hwcompress.report.facts import SourceFacts
from tests.frontend.onnx_builder import ModelBuilder

NETS = """
import torch
from torch import nn

def small():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(16, 3),
    )

def program():
    return torch.export.export(small().eval(), (torch.zeros(1, 2, 6, 6),))
"""
SHAPE = (2, 6, 6)


def small() -> nn.Module:
    scope: dict[str, object] = {}
    exec(NETS, scope)  # the same source that the builds load
    made = scope["small"]()  # type: ignore[operator]
    assert isinstance(made, nn.Module)
    return made


def samples(labelled: bool = True) -> Dataset:
    random = np.random.default_rng(3)
    x = random.normal(0, 1, (40, *SHAPE)).astype(np.float32)
    y = random.integers(0, 3, 40)
    if not labelled:
        return Dataset("samples", x[:0], None, x, None)
    return Dataset("samples", x[:24], y[:24], x[24:], y[24:])


def prepare(
    folder: Path, model: str, data: Dataset | None = None, **options: object
) -> tuple[SourceFacts, int]:
    """The facts, and how many output integers differ from PyTorch's."""
    data = data or samples()
    (folder / "x.npz").touch()
    settings = make_settings(board="pynq", model=model, data=str(folder / "x.npz"), **options)
    out = folder / "out"
    out.mkdir()
    facts = prepare_source(settings, data, out, lambda line: None)
    imported = import_model(out / MODEL_FILE, samples=data.real_test())
    graph = imported.graph
    integers = trace(graph, encoded(imported, data.real_test()))
    tensor = graph.outputs[0].inputs[0]
    with np.load(out / OUTPUTS_FILE, allow_pickle=False) as stored:
        (result,) = check_values(
            imported,
            "PyTorch",
            {tensor: stored["y"]},
            source_samples(imported, data.real_test()),
            integers,
        )
    return facts, result.mismatches


def onnx_file(folder: Path) -> str:
    path = folder / "net.onnx"
    torch.onnx.export(small().eval(), (torch.zeros(1, *SHAPE),), str(path), dynamo=False)
    return str(path)


def python_file(folder: Path) -> Path:
    path = folder / "net.py"
    path.write_text(NETS)
    return path


@pytest.mark.parametrize("labelled", [True, False])
def test_float_onnx(labelled: bool, tmp_path: Path) -> None:
    facts, mismatches = prepare(tmp_path, onnx_file(tmp_path), samples(labelled))
    assert mismatches == 0
    assert facts.kind == "float ONNX model, quantized with Brevitas"
    assert facts.notes[0].startswith("converted to PyTorch: differs from onnxruntime by at most")
    whose = "24 training" if labelled else "40 test"
    assert facts.notes[1] == (
        f"quantized to 8-bit weights and 8-bit activations, calibrated with {whose} samples"
    )


@pytest.mark.parametrize("form", ["batch", "lengths"])
def test_float_onnx_of_other_shapes(form: str, tmp_path: Path) -> None:
    """A batch in the file is taken out; lengths that it leaves open are those of the data."""
    path = tmp_path / "net.onnx"
    net = nn.Sequential(
        nn.Conv2d(SHAPE[0], 3, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)
    )
    axes = {"input_names": ["x"], "dynamic_axes": {"x": {0: "n", 2: "h", 3: "w"}}}
    options = axes if form == "lengths" else {}
    torch.onnx.export(net.eval(), (torch.zeros(4, *SHAPE),), str(path), dynamo=False, **options)
    facts, mismatches = prepare(tmp_path, str(path), samples(labelled=False))
    assert mismatches == 0
    assert any("a batch of 4 is baked" in note for note in facts.notes) == (form == "batch")


def test_float_onnx_trained_further(tmp_path: Path) -> None:
    facts, mismatches = prepare(tmp_path, onnx_file(tmp_path), epochs=1, weight_bits=3)
    assert mismatches == 0
    assert "quantized to 3-bit weights and 4-bit activations" in facts.notes[1]
    assert any(note.startswith("trained for 1 epoch") for note in facts.notes)


def test_exported_program_in_a_file(tmp_path: Path) -> None:
    program = torch.export.export(small().eval(), (torch.zeros(1, *SHAPE),))
    torch.export.save(program, tmp_path / "net.pt2")
    facts, mismatches = prepare(tmp_path, str(tmp_path / "net.pt2"))
    assert mismatches == 0
    assert facts.kind == "exported program, quantized with Brevitas"


def test_exported_program_of_a_function(tmp_path: Path) -> None:
    facts, mismatches = prepare(tmp_path, f"{python_file(tmp_path)}:program")
    assert mismatches == 0
    assert facts.kind == "exported program, quantized with Brevitas"


def test_weights_are_calibrated_only(tmp_path: Path) -> None:
    module = small()
    with torch.no_grad():
        module[5].bias.copy_(torch.tensor([100.0, -100.0, 50.0]))
    arrays = {f"module.{name}": item.numpy() for name, item in module.state_dict().items()}
    np.savez(tmp_path / "w.npz", **arrays)
    facts, mismatches = prepare(
        tmp_path, f"{python_file(tmp_path)}:small", weights=str(tmp_path / "w.npz")
    )
    assert mismatches == 0
    assert facts.notes[0] == "weights of w.npz"
    assert not any("trained" in note for note in facts.notes)
    with np.load(tmp_path / "out" / OUTPUTS_FILE, allow_pickle=False) as stored:
        assert np.all(stored["y"].argmax(axis=1) == 0)
        assert np.all(np.abs(stored["y"][:, 1] + 100) < 20)


def test_options_that_a_quantized_file_cannot_follow(tmp_path: Path) -> None:
    model = ModelBuilder((1, *SHAPE))
    model.quant("x", 0.25, 4)
    path = str(model.save(tmp_path / "quantized.onnx"))
    with pytest.raises(InputError, match="--weight-bits 8 for a model that is quantized already"):
        prepare(tmp_path, path, weight_bits=8)


def test_a_float_model_with_two_inputs(tmp_path: Path) -> None:
    model = ModelBuilder((1, 4))
    model.more_inputs["other"] = (1, 4)
    model.node("Add", "x", "other")
    path = str(model.save(tmp_path / "two.onnx"))
    with pytest.raises(InputError, match=r"the float model has 2 inputs \(x, other\)"):
        prepare(tmp_path, path)


def test_data_of_another_shape(tmp_path: Path) -> None:
    data = Dataset("images", np.zeros((0, 7, 7)), None, np.ones((4, 7, 7), np.float32), None)
    with pytest.raises(InputError, match="images: samples of shape"):
        prepare(tmp_path, onnx_file(tmp_path), data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "net.onnx", "weights": "w.npz"}, "--weights without FILE.py:FUNCTION"),
        ({"model": "net.py:small", "weights": "none.npz"}, "there is no file of weights"),
        ({"model": "net.py:small", "weights": "net.py"}, "give a file .npz, .safetensors, .pth"),
        ({"model": "zoo:alexnet"}, "no network is named 'alexnet'"),
        ({"model": "net.pt2"}, "there is no model file"),
        ({"model": "net.safetensors"}, "builds the network, and --weights"),
    ],
)
def test_wrong_options(
    options: dict[str, str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python_file(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.onnx").touch()
    (tmp_path / "x.npz").touch()
    with pytest.raises(InputError, match=message):
        make_settings(board="pynq", data="x.npz", **options)


def test_networks_of_the_zoo_by_name(tmp_path: Path) -> None:
    (tmp_path / "x.npz").touch()
    settings = make_settings(board="pynq", model="zoo:ds_cnn", data=str(tmp_path / "x.npz"))
    assert settings.model_kind == "python"
    assert settings.model_function == "ds_cnn"
    assert settings.model_file is not None
    assert settings.model_file.name == "ds_cnn.py"


def test_a_function_that_returns_something_else(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("def make(): return 3")
    with pytest.raises(InputError, match=r"returned int, not a torch\.nn\.Module"):
        prepare(tmp_path, f"{path}:make")
