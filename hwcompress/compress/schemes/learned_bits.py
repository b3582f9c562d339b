"""Learned bit widths, by Brevitas's bit width parameter.

The bit width of a layer's weights, and of each activation, is a real number that is
rounded up in use, with a straight-through gradient; a penalty on the mean width
draws it down. Source of the idea: Nikolic et al. 2020, "BitPruning"; the parameter
and its gradient are Brevitas's (``BitWidthImplType.PARAMETER``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from hwcompress.compress.layers import twin_of
from hwcompress.compress.schemes.scheme import Scheme, check_bits
from hwcompress.errors import InputError

__all__ = [
    "LearnedBits",
    "learned_bits_activation",
    "learned_bits_layer",
    "learned_widths",
    "width_penalty",
]

_LEAST = 2


def learned_bits_layer(part: nn.Module, start_bits: int) -> nn.Module:
    """A layer whose weights' bits are learned, with a scale that is a power of two."""
    from brevitas.inject.enum import BitWidthImplType
    from brevitas.quant import Int8WeightPerTensorFixedPoint

    return twin_of(
        part,
        {
            "weight_quant": Int8WeightPerTensorFixedPoint,
            "weight_bit_width": start_bits,
            "weight_bit_width_impl_type": BitWidthImplType.PARAMETER,
            "weight_min_overall_bit_width": _LEAST,
        },
    )


def learned_bits_activation(positive: bool, start_bits: int) -> nn.Module:
    """A quantizer of activations whose bits are learned."""
    import brevitas.nn as qnn
    from brevitas.inject.enum import BitWidthImplType
    from brevitas.quant import Int8ActPerTensorFixedPoint, Uint8ActPerTensorFixedPoint

    return qnn.QuantIdentity(
        act_quant=Uint8ActPerTensorFixedPoint if positive else Int8ActPerTensorFixedPoint,
        bit_width=start_bits,
        bit_width_impl_type=BitWidthImplType.PARAMETER,
        min_overall_bit_width=_LEAST,
    )


def learned_widths(module: nn.Module) -> dict[str, tuple[torch.Tensor, int]]:
    """Name of each learned quantizer -> its bits (with gradient), and how many numbers
    they are of: weights of a layer; 0 for an activation."""
    from brevitas.core.bit_width import BitWidthParameter

    found: dict[str, tuple[torch.Tensor, int]] = {}
    for name, part in module.named_modules():
        for kind in ("weight_quant", "act_quant"):
            proxy = getattr(part, kind, None)
            inside = proxy.modules() if isinstance(proxy, nn.Module) else ()
            widths = [item for item in inside if isinstance(item, BitWidthParameter)]
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
