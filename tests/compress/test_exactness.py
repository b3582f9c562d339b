"""A float module quantized, calibrated, frozen and exported: PyTorch in float32 equals the
integer graph on every output integer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hwcompress.compress.calibrate import calibrate
from hwcompress.compress.export import export_qonnx
from hwcompress.compress.freeze import freeze_batch_norm, freeze_bias
from hwcompress.compress.quantize import input_scale_for, quantize_module
from hwcompress.compress.train import logits, train_classifier
from hwcompress.errors import InputError
from hwcompress.frontend import import_model
from hwcompress.frontend.check import check_float64, check_qonnx, check_values, source_samples
from hwcompress.ir import trace
from tests.compress.networks import CASES

SAMPLES = 100
INEXACT = ("sigmoid", "tanh", "silu", "gelu", "hard-swish", "mish", "softplus", "gated")
SHAPE = (1, 6, 6)


def shake(module: nn.Module, seed: int) -> None:
    """Batch norms as training leaves them: every channel its own, some gains negative."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
                part.running_mean.normal_(generator=generator)
                part.running_var.uniform_(0.3, 2.0, generator=generator)
                if part.affine:
                    part.weight.normal_(generator=generator)
                    part.bias.normal_(generator=generator)


def calibrated(
    name: str, weight_bits: int, act_bits: int, signed: bool, x: np.ndarray
) -> nn.Module:
    """A calibrated network; with some seeds nothing but zeros passes a ReLU, which is refused."""
    for seed in range(4, 14):
        torch.manual_seed(3)
        module = CASES[name]()
        shake(module, seed)
        if name == "norm first":  # a falling function before the input's quantizer is refused
            with torch.no_grad():
                module[0].weight.abs_()
        quantized = quantize_module(
            module,
            weight_bits=weight_bits,
            act_bits=act_bits,
            input_scale=input_scale_for(x, act_bits, signed),
            signed_input=signed,
        )
        try:
            calibrate(quantized, x)
        except InputError:
            continue
        return quantized
    pytest.fail(f"no seed gives {name} an activation")


def check(
    name: str, weight_bits: int, act_bits: int, signed: bool, path: Path, epochs: int = 0
) -> None:
    random = np.random.default_rng(5)
    x = random.normal(0, 1, (SAMPLES, *SHAPE)) if signed else random.random((SAMPLES, *SHAPE))
    x = x.astype(np.float32)
    quantized = calibrated(name, weight_bits, act_bits, signed, x)
    train_classifier(quantized, x, random.integers(0, 3, SAMPLES), epochs=epochs)
    freeze_batch_norm(quantized)
    freeze_bias(quantized)
    export_qonnx(quantized, SHAPE, path / "model.onnx")
    imported = import_model(path / "model.onnx", samples=x)
    graph = imported.graph
    integers = trace(graph, graph.inputs[0].encode(x))
    tensor = graph.outputs[0].inputs[0]
    outputs = {tensor: logits(quantized, source_samples(imported, x))}
    for result in [
        *check_values(imported, "PyTorch", outputs, x, integers),
        *check_float64(imported, x, integers),
        *check_qonnx(imported, x, integers),
    ]:
        assert result.samples == SAMPLES
        assert result.exact, result
        # These are no exact float32 arithmetic; everything else is.
        assert result.mismatches == 0 or name in INEXACT, result


def test_means_of_what_is_never_negative_have_no_sign() -> None:
    """However many quantizers stand before them."""
    module = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(4, 4, 2), nn.ReLU(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4, 3),
    )  # fmt: skip
    made = quantize_module(module, weight_bits=4, act_bits=4, input_scale=1.0, signed_input=True)
    quantizers = [part.act_quant for part in made.modules() if hasattr(part, "act_quant")]
    signs = [bool(item.is_signed) for item in quantizers if item.is_quant_enabled]
    assert signs == [True, False, False, False, False]


@pytest.mark.parametrize("name", CASES)
def test_four_bits(name: str, tmp_path: Path) -> None:
    check(name, 4, 4, name in ("tanh", "norm first"), tmp_path)


BITS = [(1, 1), (2, 2), (3, 8), (8, 1), (8, 8), (5, 6), (7, 3)]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("weight_bits", "act_bits"), BITS)
def test_bits(weight_bits: int, act_bits: int, signed: bool, tmp_path: Path) -> None:
    check("functional", weight_bits, act_bits, signed, tmp_path)


@pytest.mark.parametrize(("weight_bits", "act_bits"), [(1, 1), (4, 3)])
def test_after_training(weight_bits: int, act_bits: int, tmp_path: Path) -> None:
    check("nested", weight_bits, act_bits, False, tmp_path, epochs=2)


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("weight_bits", "act_bits"), BITS)
def test_all(name: str, weight_bits: int, act_bits: int, signed: bool, tmp_path: Path) -> None:
    check(name, weight_bits, act_bits, signed, tmp_path)


def test_an_activation_that_is_always_zero_is_refused() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    with torch.no_grad():
        module[1].bias.fill_(-100.0)
    x = np.random.default_rng(0).random((20, 1, 2, 2)).astype(np.float32)
    quantized = quantize_module(
        module, weight_bits=4, act_bits=4, input_scale=0.0625, signed_input=False
    )
    with pytest.raises(InputError, match=r"is zero for all 20 calibration samples"):
        calibrate(quantized, x)
