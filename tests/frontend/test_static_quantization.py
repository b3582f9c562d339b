"""Networks quantized by onnxruntime, both formats: equal to exact arithmetic and to onnxruntime."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from onnxruntime.quantization import QuantType
from torch import nn
from torch.nn import functional as fn

from hwcompress.frontend.magnitudes import FLOAT32_WITHIN
from hwcompress.frontend.replay import Replay
from hwcompress.frontend.runtimes import runtime_of
from tests.frontend.qdq_models import quantized_by_onnxruntime
from tests.frontend.test_qdq import exact


class Residual(nn.Module):
    """Conv, batch norm, depthwise, ReLU6, residual sum, sigmoid and leaky branches, mean, dense."""

    shape = (2, 8, 8)

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.pointwise = nn.Conv2d(6, 6, 1)
        self.down = nn.Conv2d(6, 4, 3, stride=2)
        self.last = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norm(self.first(x)))
        y = y + fn.relu6(self.pointwise(self.depthwise(y)))
        z = self.down(y)
        z = torch.cat([torch.sigmoid(z), fn.leaky_relu(z, 0.1)], 1)
        return self.last(fn.adaptive_avg_pool2d(z, 1).flatten(1))


class Gated(nn.Module):
    """Hard-swish, squeeze and excitation, pooling, upsampling, padding."""

    shape = (2, 8, 8)

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 6, 3, padding=1, stride=2)
        self.inner = nn.Conv2d(6, 6, 3, padding=1)
        self.squeeze = nn.Conv2d(6, 3, 1)
        self.excite = nn.Conv2d(3, 6, 1)
        self.last = nn.Conv2d(12, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = fn.hardswish(self.first(x))
        gate = self.excite(torch.relu(self.squeeze(fn.adaptive_avg_pool2d(y, 1))))
        y = y * torch.sigmoid(gate)
        z = fn.interpolate(self.inner(fn.max_pool2d(y, 2)), scale_factor=2.0, mode="nearest")
        return self.last(torch.cat([y, z], 1))


class Signal(nn.Module):
    """One-dimensional, with tanh, GELU, SiLU and a Softmax."""

    shape = (3, 16)

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(3, 8, 5, padding=2, stride=2)
        self.depthwise = nn.Conv1d(8, 8, 3, padding=1, groups=8)
        self.pointwise = nn.Conv1d(8, 8, 1)
        self.dense = nn.Linear(32, 12)
        self.last = nn.Linear(12, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.tanh(self.depthwise(fn.leaky_relu(self.first(x), 0.2)))
        y = fn.gelu(self.dense(fn.avg_pool1d(self.pointwise(y), 2).flatten(1)))
        return torch.softmax(self.last(fn.silu(y)), 1)


@dataclass(frozen=True)
class Config:
    """How onnxruntime is asked to quantize."""

    qdq: bool = True
    per_channel: bool = True
    activations: QuantType = QuantType.QUInt8
    weights: QuantType = QuantType.QInt8
    symmetric: bool = False


CONFIGS = {
    "qdq": Config(),
    "operators": Config(qdq=False),
    "operators of bytes": Config(qdq=False, per_channel=False, weights=QuantType.QUInt8),
    "symmetric": Config(per_channel=False, activations=QuantType.QInt8, symmetric=True),
}


def quantized(module: type[nn.Module], config: Config, folder: Path) -> tuple[Path, np.ndarray]:
    """The file, and samples that go beyond the calibrated range."""
    torch.manual_seed(1)
    random = np.random.default_rng(2)
    x = random.normal(0, 1, (40, *module.shape)).astype(np.float32)  # type: ignore[arg-type]
    path = quantized_by_onnxruntime(
        module(),
        x,
        folder,
        qdq=config.qdq,
        per_channel=config.per_channel,
        activations=config.activations,
        weights=config.weights,
        symmetric=config.symmetric,
    )
    spread = random.normal(1, 0.4, (120, *(1 for _ in module.shape)))  # type: ignore[attr-defined]
    return path, (np.concatenate([x, x, x]) * spread).astype(np.float32)


@pytest.mark.parametrize(
    ("module", "config"),
    [
        (Residual, "qdq"),
        (Residual, "operators of bytes"),
        (Gated, "operators"),
        (Signal, "symmetric"),
        *[
            pytest.param(module, config, marks=pytest.mark.long)
            for module in (Residual, Gated, Signal)
            for config in CONFIGS
        ],
    ],
)
def test_equals_exact_arithmetic_and_onnxruntime(
    tmp_path: Path, module: type[nn.Module], config: str
) -> None:
    path, x = quantized(module, CONFIGS[config], tmp_path)
    imported, _ = exact(path, x)
    # Layer by layer, on onnxruntime's own integers: it leaves exact arithmetic at ties alone.
    replayed = Replay(imported.float64, imported.model, runtime_of(path)).run(x)
    assert replayed.wrong.sum() == 0
    assert replayed.farthest < 100 * FLOAT32_WITHIN
    # The mean of two integers is a tie every other time.
    assert replayed.ties.sum() < sum(item.size for item in replayed.given.values()) // 20
