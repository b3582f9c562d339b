"""Binary weights {-a, +a}.

Sources: Courbariaux et al. 2016, "Binarized Neural Networks" (a = 1; the real
weights are clipped to [-1, 1] after every step, the gradient passes straight
through); Rastegari et al. 2016, "XNOR-Net", equation 6 (a is the mean magnitude
of a filter, which has the least squared error), whose gradient by equation 10
is 1/n + a where the weight is within [-1, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from hwcompress.compress.layers import activation_quantizer
from hwcompress.compress.schemes.levels import LevelQuantizer, quantized_twin, reduce_output
from hwcompress.compress.schemes.relu import without_relus
from hwcompress.compress.schemes.scheme import Scheme, WithActivations
from hwcompress.compress.schemes.ste import sign_of

__all__ = [
    "BinaryNetwork",
    "BinaryWeights",
    "ScaledSignQuantizer",
    "SignQuantizer",
    "best_scale",
    "binary_layer",
    "scaled_binary_layer",
]


def clip_real_weights(x: torch.Tensor, training: bool) -> None:
    """Real weights back into [-1, 1], in place, before they are read: after every step."""
    if training and x.is_leaf and x.requires_grad:
        with torch.no_grad():
            x.clamp_(-1.0, 1.0)


class SignQuantizer(LevelQuantizer):
    """The sign, +1 for zero."""

    def __init__(self) -> None:
        super().__init__(1)
        self.register_buffer("scale", torch.tensor(1.0), persistent=False)

    def quantize(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Signs."""
        clip_real_weights(x, self.training)
        return sign_of(x), self.scale


def best_scale(x: torch.Tensor, axes: Sequence[int]) -> torch.Tensor:
    """The ``a`` of each filter that makes ``sum (x - a sign(x))**2`` least: the mean magnitude."""
    return x.abs().mean(dim=tuple(axes), keepdim=True)


class ScaledSignQuantizer(LevelQuantizer):
    """The sign times the mean magnitude.

    Args:
        axes: over which the mean is taken; empty: one for all weights.
    """

    def __init__(self, axes: Sequence[int] = ()) -> None:
        super().__init__(1)
        self.axes = tuple(axes)

    def quantize(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Signs times their scale, through which the gradient passes as well."""
        clip_real_weights(x, self.training)
        scale = best_scale(x, self.axes or range(x.ndim)).clamp_min(2.0**-40)
        if not self.axes:
            scale = scale.reshape(())
        return sign_of(x) * scale, scale


def binary_layer(part: nn.Module) -> nn.Module:
    """A layer with weights {-1, +1}."""
    return quantized_twin(part, SignQuantizer())


def scaled_binary_layer(part: nn.Module, per_channel: bool = True) -> nn.Module:
    """A layer with weights {-a, +a}, by filter."""
    return quantized_twin(part, ScaledSignQuantizer(reduce_output(part) if per_channel else ()))


@dataclass(frozen=True)
class BinaryWeights(WithActivations):
    """Binary-Weight-Network: weights {-a, a} by filter, activations of ``act_bits`` bits.

    First and last layer: ``edge_bits`` (0: binary, the last one with one scale).
    """

    name: ClassVar[str] = "bwn"

    def layer(self, part: nn.Module, last: bool) -> nn.Module:
        return scaled_binary_layer(part, per_channel=not last)


@dataclass(frozen=True)
class BinaryNetwork(Scheme):
    """BNN: weights and activations {-1, +1}; ReLUs are taken out, the sign is the activation.

    First and last layer: weights of ``edge_bits`` bits; 0: binary too, as in the paper; the last
    one then has one scale, for logits that are sums of many signs leave the softmax nothing to
    learn from, and it orders no class. The input has ``input_bits`` bits.
    """

    name: ClassVar[str] = "bnn"

    @property
    def activation_bits(self) -> int:
        return 1

    def layer(self, part: nn.Module, last: bool) -> nn.Module:
        return scaled_binary_layer(part, per_channel=False) if last else binary_layer(part)

    def activation(self, positive: bool, bits: int) -> nn.Module:
        return activation_quantizer(positive, bits, None)

    def before(self, module: nn.Module) -> nn.Module:
        return without_relus(module)
