"""DoReFa-Net: any number of bits for weights, activations and gradients.

Source: Zhou et al. 2016, "DoReFa-Net", equations 5 to 12. With
``q_k(x) = round((2**k - 1) x) / (2**k - 1)``: weights of k bits are
``2 q_k(tanh(w) / (2 max |tanh(w)|) + 1/2) - 1``, of one bit
``sign(w) * mean |w|`` of the layer; activations ``q_k(clip(x, 0, 1))``; gradients
are quantized with uniform noise of a step, which keeps their mean.

In integers a weight is one of the odd numbers -(2**k - 1) ... 2**k - 1 times
1 / (2**k - 1). Odd numbers of both signs take k + 1 bits in two's complement
(for k = 1, one): that is the price of having no zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from hwcompress.compress.layers import activation_quantizer
from hwcompress.compress.schemes.levels import (
    LevelQuantizer,
    quantized_activation,
    quantized_twin,
)
from hwcompress.compress.schemes.scheme import Scheme, check_bits
from hwcompress.compress.schemes.ste import round_passing, sign_of

__all__ = [
    "Dorefa",
    "DorefaActivations",
    "DorefaWeights",
    "dorefa_activation",
    "dorefa_layer",
    "noisy_gradient",
]


class DorefaWeights(LevelQuantizer):
    """Weights of ``bits`` bits, ``2**bits`` levels from -1 to 1."""

    def __init__(self, bits: int) -> None:
        super().__init__(1 if bits == 1 else bits + 1)
        self.steps = 2**bits - 1

    def quantize(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quantized weights and the scale of the odd numbers."""
        if self.steps == 1:
            scale = x.detach().abs().mean().clamp_min(2.0**-40)
            return sign_of(x) * scale, scale
        bent = torch.tanh(x)
        most = bent.detach().abs().max().clamp_min(2.0**-40)
        position = bent / (2.0 * most) + 0.5
        odd = 2.0 * round_passing(self.steps * position) - self.steps
        scale = torch.full((), 1.0 / self.steps)
        return odd * scale, scale


class DorefaActivations(LevelQuantizer):
    """``2**bits`` levels from 0 to 1.

    Args:
        bits: of an activation.
        gradient_bits: of the gradient that passes back; 0: as it is.
    """

    def __init__(self, bits: int, gradient_bits: int = 0) -> None:
        super().__init__(bits, signed=False)
        self.register_buffer("scale", torch.tensor(1.0 / (2**bits - 1)), persistent=False)
        self.steps = 2**bits - 1
        self.gradient_bits = gradient_bits

    def quantize(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quantized activations and their scale."""
        value = round_passing(x.clamp(0.0, 1.0) / self.scale) * self.scale
        if self.training and self.gradient_bits:
            value = noisy_gradient(value, self.gradient_bits)
        return value, self.scale


class _NoisyGradient(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(context: object, x: torch.Tensor, bits: int) -> torch.Tensor:
        context.bits = bits  # type: ignore[attr-defined]
        return x.clone()

    @staticmethod
    def backward(context: object, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        steps = 2**context.bits - 1  # type: ignore[attr-defined]
        axes = tuple(range(1, gradient.ndim))
        most = 2.0 * gradient.abs().amax(dim=axes, keepdim=True).clamp_min(2.0**-100)
        noise = (torch.rand_like(gradient) - 0.5) / steps
        position = (gradient / most + 0.5 + noise).clamp(0.0, 1.0)
        return most * (torch.round(steps * position) / steps - 0.5), None


def noisy_gradient(x: torch.Tensor, bits: int) -> torch.Tensor:
    """``x``, whose gradient is quantized to ``bits`` bits per sample (equation 12)."""
    value: torch.Tensor = _NoisyGradient.apply(x, bits)
    return value


def dorefa_layer(part: nn.Module, bits: int) -> nn.Module:
    """A layer with weights of ``bits`` bits."""
    return quantized_twin(part, DorefaWeights(bits))


def dorefa_activation(bits: int, gradient_bits: int = 0) -> nn.Module:
    """A quantizer of activations, 0 to 1."""
    return quantized_activation(DorefaActivations(bits, gradient_bits))


@dataclass(frozen=True)
class Dorefa(Scheme):
    """DoReFa-Net: W bits, A bits and G bits.

    First and last layer: kept in float in the paper, here ``edge_bits``.

    Attributes:
        weight_bits: 1 to 7 (the odd integers of k bits take k + 1).
        act_bits: 1 to 8.
        gradient_bits: 1 to 8; 0: gradients are not quantized.
    """

    weight_bits: int = 2
    act_bits: int = 2
    gradient_bits: int = 0
    name: ClassVar[str] = "dorefa"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bits("weights", self.weight_bits, 1, 7)
        check_bits("activations", self.act_bits, 1)
        check_bits("gradients", self.gradient_bits, 0)

    @property
    def activation_bits(self) -> int:
        return self.act_bits

    def layer(self, part: nn.Module, last: bool) -> nn.Module:
        return dorefa_layer(part, self.weight_bits)

    def activation(self, positive: bool, bits: int) -> nn.Module:
        if not positive:
            return activation_quantizer(positive, bits, None)
        return dorefa_activation(bits, self.gradient_bits)
