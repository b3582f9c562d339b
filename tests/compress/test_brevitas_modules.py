"""Brevitas modules as others write them: exported, imported, and equal on every integer or
explained by ties (their scales are any floats)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from brevitas.quant import (
    Int8ActPerTensorFloat,
    Int8WeightPerChannelFloat,
    Int16Bias,
    ShiftedUint8ActPerTensorFloat,
    ShiftedUint8WeightPerTensorFloat,
    SignedBinaryActPerTensorConst,
    SignedBinaryWeightPerTensorConst,
    SignedTernaryWeightPerTensorConst,
    Uint8ActPerTensorFloat,
)
from torch import Tensor, nn

from hwcompress.compress.export import export_qonnx
from hwcompress.compress.parts import has_quantizers
from hwcompress.compress.train import logits
from hwcompress.frontend import import_model
from hwcompress.frontend.check import check_float64, check_values, encoded, source_samples
from hwcompress.ir import trace

SHAPE = (2, 6, 6)
SAMPLES = 60


def source(**options: object) -> nn.Module:
    return qnn.QuantIdentity(act_quant=Int8ActPerTensorFloat, **options)


def conv(outputs: int = 4, **options: object) -> nn.Module:
    return qnn.QuantConv2d(2, outputs, 3, **{"weight_bit_width": 4, **options})


def chain(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(source(), *layers)


def head(inputs: int = 64, **options: object) -> list[nn.Module]:
    return [
        nn.Flatten(),
        qnn.QuantLinear(inputs, 3, **{"bias": True, "weight_bit_width": 4, **options}),
    ]


class Residual(nn.Module):
    """A sum of two tensors with scales of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.source, self.conv = source(), conv(2, padding=1, bias=False)
        self.act, self.add = qnn.QuantIdentity(bit_width=6), qnn.QuantEltwiseAdd()
        self.head = nn.Sequential(*head(72))

    def forward(self, x: Tensor) -> Tensor:
        x = self.source(x)
        return self.head(self.add(x, self.act(self.conv(x))))


BINARY = {"act_quant": SignedBinaryActPerTensorConst, "scaling_init": 1.0}
CASES: dict[str, Callable[[], nn.Module]] = {
    "scale per channel": lambda: chain(
        conv(weight_quant=Int8WeightPerChannelFloat), nn.BatchNorm2d(4),
        qnn.QuantReLU(bit_width=3), *head(),
    ),
    "activation per channel": lambda: chain(
        conv(),
        qnn.QuantReLU(
            act_quant=Uint8ActPerTensorFloat, bit_width=3, scaling_per_output_channel=True,
            per_channel_broadcastable_shape=(1, 4, 1, 1),
            scaling_stats_permute_dims=(1, 0, 2, 3),
        ),
        qnn.QuantConv2d(4, 4, 3, groups=4, weight_bit_width=4), nn.Flatten(),
    ),
    "hard tanh": lambda: chain(
        conv(), qnn.QuantHardTanh(bit_width=4, max_val=1.0, min_val=-1.0), *head()
    ),
    "tanh": lambda: chain(conv(), qnn.QuantTanh(bit_width=4), *head()),
    "sigmoid": lambda: chain(conv(), qnn.QuantSigmoid(bit_width=4), *head()),
    "transposed": lambda: chain(
        qnn.QuantConvTranspose2d(
            2, 3, 3, stride=2, padding=1, weight_quant=Int8WeightPerChannelFloat
        ),
        qnn.QuantReLU(bit_width=4), qnn.QuantConv2d(3, 2, 1, weight_bit_width=4), nn.Flatten(),
    ),
    "one dimension": lambda: nn.Sequential(
        nn.Flatten(2), source(), qnn.QuantConv1d(2, 4, 3, weight_bit_width=4),
        qnn.QuantReLU(bit_width=4), qnn.QuantConvTranspose1d(4, 2, 3, stride=2, weight_bit_width=4),
        nn.Flatten(),
    ),
    "residual": Residual,
    "bipolar": lambda: nn.Sequential(
        qnn.QuantIdentity(**BINARY),
        conv(bias=False, weight_quant=SignedBinaryWeightPerTensorConst, weight_scaling_init=1.0),
        nn.BatchNorm2d(4), qnn.QuantIdentity(**BINARY),
        *head(bias=False, weight_quant=SignedBinaryWeightPerTensorConst),
    ),
    "ternary": lambda: chain(
        conv(weight_quant=SignedTernaryWeightPerTensorConst, weight_scaling_init=0.1),
        qnn.QuantReLU(bit_width=2), *head(),
    ),
    "quantized bias": lambda: nn.Sequential(
        source(return_quant_tensor=True), conv(bias_quant=Int16Bias),
        qnn.QuantReLU(bit_width=4), *head(),
    ),
    "truncated average": lambda: chain(
        conv(), qnn.QuantReLU(bit_width=4, return_quant_tensor=True),
        qnn.TruncAvgPool2d(2, bit_width=4), *head(16),
    ),
    "upsampled": lambda: nn.Sequential(
        source(return_quant_tensor=True), qnn.QuantUpsample(scale_factor=2, mode="nearest"),
        conv(), nn.Flatten(),
    ),
    "zero points": lambda: nn.Sequential(
        qnn.QuantIdentity(act_quant=ShiftedUint8ActPerTensorFloat),
        conv(weight_quant=ShiftedUint8WeightPerTensorFloat), qnn.QuantReLU(bit_width=4), *head(),
    ),
    "zero point and padding": lambda: nn.Sequential(
        qnn.QuantIdentity(act_quant=ShiftedUint8ActPerTensorFloat), conv(padding=1),
        qnn.QuantReLU(bit_width=4), *head(144),
    ),
    "quantizers of the layers' own": lambda: nn.Sequential(
        conv(input_quant=Int8ActPerTensorFloat), nn.ReLU(),
        *head(input_quant=Uint8ActPerTensorFloat),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_module(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = CASES[name]()
    assert has_quantizers(module)
    module.train()
    for _ in range(3):  # the scales follow the activations
        module(torch.randn(16, *SHAPE))
    x = np.random.default_rng(0).normal(0, 1, (SAMPLES, *SHAPE)).astype(np.float32)
    export_qonnx(module, SHAPE, tmp_path / "model.onnx")
    imported = import_model(tmp_path / "model.onnx", samples=x)
    graph = imported.graph
    integers, fed = trace(graph, encoded(imported, x)), source_samples(imported, x)
    outputs = {graph.outputs[0].inputs[0]: logits(module, fed)}
    for result in [
        *check_values(imported, "PyTorch", outputs, fed, integers),
        *check_float64(imported, x, integers),
    ]:
        assert result.samples == SAMPLES
        assert result.exact, result
