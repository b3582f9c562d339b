"""Learned bit widths.

The bits of a layer's weights, and of each activation, are a learned number, rounded in
use with a straight-through gradient; a penalty on the mean number of bits draws it down.
Source: Nikolic et al. 2020, "BitPruning". The quantizers are Brevitas's, whose gradient
reaches the bits through the range they span. Brevitas's own bit width parameter is learned
in bits, of which Adam moves a hundredth a step; here a step moves a sixth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from hwcompress.compress.layers import twin_of
from hwcompress.compress.schemes.scheme import Scheme, check_bits
from hwcompress.compress.schemes.ste import round_passing
from hwcompress.errors import InputError

__all__ = [
    "LearnedBits",
    "learned_bits_activation",
    "learned_bits_layer",
    "learned_widths",
    "width_penalty",
]

_LEAST, _MOST = 2, 8
_PACE = 16.0  # bits for each unit of what is learned


class LearnedWidth(nn.Module):  # type: ignore[misc]
    """A learned number of bits, 2 to 8.

    Args:
        start: what it begins with.
    """

    def __init__(self, start: int) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.tensor((start - _LEAST) / _PACE))

    def forward(self) -> torch.Tensor:
        """The bits, a whole number."""
        if self.training:
            with torch.no_grad():
                self.position.clamp_(0.0, (_MOST - _LEAST) / _PACE)
        return _LEAST + round_passing(self.position * _PACE)


def learned_bits_layer(part: nn.Module, start_bits: int) -> nn.Module:
    """A layer whose weights' bits are learned, with a scale that is a power of two."""
    from brevitas.quant import Int8WeightPerTensorFixedPoint

    return twin_of(
        part,
        {
            "weight_quant": Int8WeightPerTensorFixedPoint,
            "weight_bit_width_impl": LearnedWidth(start_bits),
        },
    )


def learned_bits_activation(positive: bool, start_bits: int) -> nn.Module:
    """A quantizer of activations whose bits are learned."""
    import brevitas.nn as qnn
    from brevitas.quant import Int8ActPerTensorFixedPoint, Uint8ActPerTensorFixedPoint

    return qnn.QuantIdentity(
        act_quant=Uint8ActPerTensorFixedPoint if positive else Int8ActPerTensorFixedPoint,
        bit_width_impl=LearnedWidth(start_bits),
    )


def learned_widths(module: nn.Module) -> dict[str, tuple[torch.Tensor, int]]:
    """Name of each learned quantizer -> its bits (with gradient), and how many numbers
    they are of: weights of a layer; 0 for an activation."""
    found: dict[str, tuple[torch.Tensor, int]] = {}
    for name, part in module.named_modules():
        for kind in ("weight_quant", "act_quant"):
            proxy = getattr(part, kind, None)
            inside = proxy.modules() if isinstance(proxy, nn.Module) else ()
            widths = [item for item in inside if isinstance(item, LearnedWidth)]
            if widths:
                count = part.weight.numel() if kind == "weight_quant" else 0
                found[name] = widths[0](), count
    return found


def width_penalty(module: nn.Module) -> torch.Tensor:
    """Mean bits of a weight plus mean bits of the activations; its gradient draws them down."""
    widths = learned_widths(module)
    total = torch.zeros(())
    weights = [(bits, count) for bits, count in widths.values() if count]
    others = [bits for bits, count in widths.values() if not count]
    if weights:
        total = total + sum(bits * count for bits, count in weights) / sum(n for _, n in weights)
    if others:
        total = total + torch.stack(others).mean()
    return total


@dataclass(frozen=True)
class LearnedBits(Scheme):
    """Learned bit widths: training chooses the bits of every layer's weights and activations.

    First and last layer: as all others, their bits are learned too.

    Attributes:
        weight_bits: what weights start with, 3 to 8.
        act_bits: what activations start with, 3 to 8.
        strength: how much an average bit costs beside the loss.
    """

    edge_bits: int = 0
    weight_bits: int = 8
    act_bits: int = 8
    strength: float = 0.05
    name: ClassVar[str] = "learned-bits"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bits("weights", self.weight_bits, 3)
        check_bits("activations", self.act_bits, 3)
        if not self.strength >= 0:
            raise InputError(f"strength is {self.strength:g}", remedy="give 0 or more")

    @property
    def activation_bits(self) -> int:
        return self.act_bits

    def layer(self, part: nn.Module, last: bool) -> nn.Module:
        return learned_bits_layer(part, self.weight_bits)

    def activation(self, positive: bool, bits: int) -> nn.Module:
        return learned_bits_activation(positive, bits)

    def extra_loss(self, module: nn.Module) -> torch.Tensor:
        return self.strength * width_penalty(module)
