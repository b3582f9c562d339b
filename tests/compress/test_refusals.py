"""Modules that cannot be quantized, exported or loaded end in a message."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from hwcompress.compress.export import export_qonnx
from hwcompress.compress.freeze import freeze_batch_norm
from hwcompress.compress.parts import has_quantizers
from hwcompress.compress.quantize import quantize_module
from hwcompress.errors import InputError, UnsupportedError
from hwcompress.frontend import import_model
from hwcompress.models.loader import load_module
from tests.compress.networks import Branch, with_activation


def quantized(module: nn.Module, weight_bits: int = 4, act_bits: int = 4) -> nn.Module:
    return quantize_module(
        module,
        weight_bits=weight_bits,
        act_bits=act_bits,
        input_scale=0.0625,
        signed_input=False,
    )


class WeightsInForward(nn.Module):
    """Layers as functions of parameters, whose weights nothing would quantize."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 36))
        self.conv = nn.Conv3d(1, 1, 3)
        self.norm = nn.BatchNorm1d(1, track_running_stats=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x.flatten(2)))
        return nn.functional.linear(x.flatten(1), self.weight)


def test_every_part_that_stays_in_float_is_listed() -> None:
    with pytest.raises(UnsupportedError) as caught:
        quantized(WeightsInForward())
    message = str(caught.value)
    assert "3 part(s)" in message
    for part in ("a call of linear", "conv: a Conv3d", "norm: a batch norm without running"):
        assert part in message


def test_module_without_statistics_cannot_be_frozen() -> None:
    with pytest.raises(UnsupportedError, match="without running statistics"):
        freeze_batch_norm(nn.BatchNorm2d(3, track_running_stats=False))


def test_control_flow() -> None:
    with pytest.raises(UnsupportedError, match="cannot be traced"):
        quantized(Branch())


@pytest.mark.parametrize(("weight_bits", "act_bits"), [(0, 4), (9, 4), (4, 0), (4, 9)])
def test_bits(weight_bits: int, act_bits: int) -> None:
    with pytest.raises(InputError, match="give 1 to 8 bits"):
        quantized(Branch(), weight_bits, act_bits)


@pytest.mark.parametrize("mode", ["same", "circular"])
def test_padding(mode: str) -> None:
    options = {"padding": "same"} if mode == "same" else {"padding": 1, "padding_mode": mode}
    with pytest.raises(UnsupportedError, match="a convolution with padding"):
        quantized(nn.Sequential(nn.Conv2d(1, 2, (3, 4), **options)))


@pytest.mark.parametrize(("padding", "size"), [("same", 6), ("valid", 2)])
def test_padding_in_words(padding: str, size: int) -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 3, dilation=2, padding=padding))
    assert quantized(module)(torch.zeros(1, 1, 6, 6)).shape == (1, 2, size, size)


def test_what_helps_against_other_layers() -> None:
    module = nn.Sequential(nn.GroupNorm(2, 4), nn.LSTM(8, 4))
    with pytest.raises(UnsupportedError) as caught:
        quantized(module)
    message = str(caught.value)
    assert "0: a GroupNorm (it divides by" in message
    assert "1: an LSTM (it keeps a state from step to step" in message


def test_a_layer_alone(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    export_qonnx(quantized(nn.Linear(6, 3)), (6,), path)
    assert [op.kind for op in import_model(path).graph.layers] == ["Dense"]


def test_refused_by_the_import(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    export_qonnx(quantized(with_activation(lambda: nn.Softmax(1))), (1, 6, 6), path)
    with pytest.raises(UnsupportedError, match="keep the Softmax at the end of the model"):
        import_model(path)


def test_a_wrong_shape_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"accepts one sample of shape \(7,\)"):
        export_qonnx(quantized(nn.Linear(6, 3)), (7,), tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "function", "text"),
    [
        ("def net(): return 1", "net", "returned int, not a torch.nn.Module"),
        ("def net(): return 1", "other", "there is no function 'other'"),
        ("net = 3", "net", "there is no function 'net'"),
        ("def net(x): return 1", "net", "net() failed with TypeError"),
        ("def net(): raise KeyError('k')", "net", "net() failed with KeyError"),
        ("def net(:", "net", "failed with SyntaxError"),
        ("import nowhere_to_be_found", "net", "failed with ModuleNotFoundError"),
        ("import sys; sys.exit(3)", "net", "failed with SystemExit"),
        ("def net(): raise SystemExit('bye')", "net", "failed with SystemExit"),
    ],
)
def test_files_that_give_no_module(source: str, function: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(source)
    with pytest.raises(InputError) as caught:
        load_module(f"{file}:{function}")
    assert text in str(caught.value)
    assert "net.py" in str(caught.value)


@pytest.mark.parametrize("text", ["net.py", "net.py:", ":net", "net.py:not-a-name", "no.py:net"])
def test_names_that_are_no_function(text: str) -> None:
    with pytest.raises(InputError):
        load_module(text)


def test_a_file_with_neighbours(tmp_path: Path) -> None:
    (tmp_path / "beside_the_net.py").write_text("WIDTH = 4")
    file = tmp_path / "net.py"
    file.write_text(
        "from dataclasses import dataclass\nfrom torch import nn\n"
        "from beside_the_net import WIDTH\n\n"
        "@dataclass\nclass Size:\n    width: 'int' = WIDTH\n\n"
        "def net():\n    return nn.Linear(Size().width, 2)\n"
    )
    module = load_module(f"{file}:net")
    assert isinstance(module, nn.Linear)
    assert module.in_features == 4
    assert not has_quantizers(module)
    assert has_quantizers(quantized(module))
