"""How many values each quantizer clips, counted as the quantized network runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from hwcompress.compress.calibration.grid import Grid
from hwcompress.compress.calibration.observe import (
    BATCH,
    activation_quantizers,
    batch_within,
    run_through,
    watching,
)
from hwcompress.compress.kinds import WEIGHTED
from hwcompress.samples import Samples

__all__ = ["Saturation", "saturation"]


@dataclass(frozen=True)
class Saturation:
    """What a quantizer does to the values of one tensor.

    Attributes:
        name: of the activation quantizer, or of the layer for its weights.
        kind: ``activation`` or ``weight``.
        values: how many there were.
        saturated: how many lie further than half a step beyond the range.
        largest: the largest magnitude that came.
        low: the lowest real of the range (of the widest channel).
        high: the highest one.
    """

    name: str
    kind: str
    values: int
    saturated: int
    largest: float
    low: float
    high: float

    @property
    def share(self) -> float:
        """Of the values, how many are clipped, from 0 to 1."""
        return self.saturated / self.values if self.values else 0.0


class _Counter:
    def __init__(self, grid: Grid) -> None:
        self.grid, self.values, self.saturated, self.largest = grid, 0, 0, 0.0

    def add(self, values: np.ndarray) -> None:
        self.values += values.size
        self.saturated += self.grid.saturated(values)
        self.largest = max(self.largest, float(np.abs(values).max(initial=0.0)))


def saturation(module: nn.Module, samples: Samples, *, batch: int = BATCH) -> list[Saturation]:
    """Every quantizer of a Brevitas module: activations in order, then weights.

    Binary quantizers clip nothing (they give signs) and are left out.

    Args:
        module: quantized, with its scales set; in eval mode afterwards.
        samples: what is run, ``(n, *input shape)``.
        batch: samples of a batch.
    """
    module.eval()
    parts = {
        name: part
        for name, part in activation_quantizers(module).items()
        if int(part.act_quant.bit_width().item()) > 1 and part.act_quant.scale().numel() == 1
    }
    counters = {name: _Counter(_grid(part)) for name, part in parts.items()}
    batch = batch_within(module, samples, batch)
    with watching(parts, lambda name, values: counters[name].add(values)):
        run_through(module, samples, batch)
    found = [
        Saturation(name, "activation", item.values, item.saturated, item.largest, *item.grid.reach)
        for name, item in counters.items()
    ]
    for name, part in module.named_modules():
        if isinstance(part, WEIGHTED) and getattr(part, "weight_quant", None) is not None:
            found += _of_weights(name, part)
    return found


def _grid(part: nn.Module) -> Grid:
    proxy = part.act_quant
    return Grid(
        float(proxy.scale()),
        int(proxy.bit_width().item()),
        bool(proxy.is_signed),
        bool(proxy.is_narrow_range),
        int(proxy.zero_point().item()),
    )


def _of_weights(name: str, layer: nn.Module) -> list[Saturation]:
    proxy = layer.weight_quant
    if not proxy.is_quant_enabled:
        return []
    made = layer.quant_weight()
    bits = int(made.bit_width.max().item())
    if bits < 2:
        return []
    scale, zero = made.scale.detach().double(), made.zero_point.detach().double()
    signed, narrow = bool(proxy.is_signed), bool(proxy.is_narrow_range)
    low = -(1 << (bits - 1)) + narrow if signed else 0
    high = (1 << (bits - signed)) - 1
    weight = layer.weight.detach().double()
    steps = torch.round(weight / scale) + zero
    out = int(((steps < low) | (steps > high)).sum())
    least, most = float(((low - zero) * scale).min()), float(((high - zero) * scale).max())
    largest = float(weight.abs().max())
    return [Saturation(name, "weight", weight.numel(), out, largest, least, most)]
