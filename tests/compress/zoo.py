"""Networks of the zoo with batch norms as training leaves them, quantized and imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hwcompress.compress.calibrate import calibrate
from hwcompress.compress.export import export_qonnx
from hwcompress.compress.freeze import freeze_batch_norm, freeze_bias
from hwcompress.compress.quantize import input_scale_for, quantize_module
from hwcompress.frontend import Imported, import_model
from hwcompress.models.zoo import Entry

__all__ = ["Prepared", "prepare", "settle"]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A quantized module, its graph, and samples for both."""

    module: nn.Module
    imported: Imported
    samples: np.ndarray


def settle(module: nn.Module, x: np.ndarray, seed: int) -> None:
    """Batch norms with the statistics of the data, gains around one (some of them negative)."""
    generator = torch.Generator().manual_seed(seed)
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d)]
    with torch.no_grad():
        for part in norms:
            part.weight.copy_(0.5 + torch.rand(part.weight.shape, generator=generator))
            flip = torch.rand(part.weight.shape, generator=generator) < 0.1
            part.weight.copy_(torch.where(flip, -part.weight, part.weight))
            part.bias.normal_(0.0, 0.3, generator=generator)
            part.momentum = None  # the plain mean over batches
        module.train()
        module(torch.as_tensor(x))
    module.eval()


def prepare(
    entry: Entry,
    path: Path,
    *,
    bits: int = 4,
    samples: int = 8,
    seed: int = 0,
    x: np.ndarray | None = None,
) -> Prepared:
    """One network, quantized to ``bits`` and calibrated on ``x``, by default random images."""
    random = np.random.default_rng(seed)
    shape = entry.shape
    signed = len(shape) < 3
    if x is None:
        x = random.normal(0, 1, (32, *shape)) if signed else random.random((32, *shape)) ** 2
    x = x.astype(np.float32)
    torch.manual_seed(seed)
    module = entry.make()
    settle(module, x, seed)
    quantized = quantize_module(
        module,
        weight_bits=bits,
        act_bits=bits,
        input_scale=input_scale_for(x, bits, signed),
        signed_input=signed,
    )
    calibrate(quantized, x)
    freeze_batch_norm(quantized)
    freeze_bias(quantized)
    export_qonnx(quantized, shape, path / "model.onnx")
    return Prepared(quantized, import_model(path / "model.onnx", samples=x), x[:samples])
