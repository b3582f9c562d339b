"""Ternary weights {-a, 0, +a}.

Source: Li, Zhang, Liu 2016, "Ternary Weight Networks", equations 5 and 6: the
threshold is 0.7 times the mean magnitude, the scale the mean magnitude of what
lies beyond it. Per output channel, as micronet ("W1.5") does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from hwcompress.compress.schemes.levels import LevelQuantizer, quantized_twin, reduce_output
from hwcompress.compress.schemes.scheme import WithActivations
from hwcompress.compress.schemes.ste import passing

__all__ = [
    "Ternary",
    "TernaryQuantizer",
    "ternary_layer",
]

THRESHOLD = 0.7


class TernaryQuantizer(LevelQuantizer):
    """Threshold and scale from the weights themselves, straight-through.

    Args:
        axes: over which both are means; empty: one for all weights.
    """

    def __init__(self, axes: Sequence[int] = ()) -> None:
        super().__init__(2)
        self.axes = tuple(axes)

    def quantize(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Ternary weights and their scale."""
        size = x.detach().abs()
        axes = self.axes or tuple(range(x.ndim))
        kept = size > THRESHOLD * size.mean(dim=axes, keepdim=True)
        count = kept.sum(dim=axes, keepdim=True).clamp_min(1)
        scale = ((size * kept).sum(dim=axes, keepdim=True) / count).clamp_min(2.0**-40)
        if not self.axes:
            scale = scale.reshape(())
        return passing(torch.sign(x.detach()) * kept * scale, x), scale


def ternary_layer(part: nn.Module, per_channel: bool = True) -> nn.Module:
    """A layer with ternary weights."""
    return quantized_twin(part, TernaryQuantizer(reduce_output(part) if per_channel else ()))


@dataclass(frozen=True)
class Ternary(WithActivations):
    """TWN: weights {-a, 0, a}, a and the threshold by output channel.

    First and last layer: ``edge_bits`` (0: ternary, the last one with one scale).
    """

    name: ClassVar[str] = "ternary"

    def layer(self, part: nn.Module, last: bool) -> nn.Module:
        return ternary_layer(part, per_channel=not last)
