"""Weights on a fixed grid, or powers of two: the quantizers of QNN.

Source: Hubara et al. 2016, "Quantized Neural Networks", section 3: linear weights
``clip(round(w * 2**(k-1)) / 2**(k-1))``, logarithmic ones ``sign(w) * 2**round(log2 |w|)``,
clipped; real weights are clipped after every step, the gradient passes straight
through. The paper's range [-1, 1] is here the power of two that the first weights
fill, so that a trained layer may be taken over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from hwcompress.compress.layers import activation_quantizer
from hwcompress.compress.schemes.dorefa import noisy_gradient
from hwcompress.compress.schemes.levels import LevelQuantizer, quantized_activation, quantized_twin
from hwcompress.compress.schemes.scheme import Scheme, WithActivations, check_bits
from hwcompress.compress.schemes.ste import passing, round_passing

__all__ = [
    "GridNetwork",
    "GridWeights",
    "LogWeights",
    "LogarithmicWeights",
    "grid_layer",
    "log_layer",
]


def _range_of(weight: torch.Tensor, nearest: bool) -> float:
    exponent = math.log2(max(float(weight.detach().abs().max()), 2.0**-40))
    return 2.0 ** (round(exponent) if nearest else math.ceil(exponent))


class _Ranged(LevelQuantizer):
    """Weights that are clipped to [-range, range] in training."""

    def __init__(self, bits: int, weight: torch.Tensor, nearest: bool = False) -> None:
        super().__init__(bits)
        self.register_buffer("range", torch.tensor(_range_of(weight, nearest)))

    def clip(self, x: torch.Tensor) -> None:
        """Real weights back into the range, in place: after every step."""
        if self.training and x.is_leaf and x.requires_grad:
            with torch.no_grad():
                x.clamp_(-self.range, self.range)


class GridWeights(_Ranged):
    """``bits`` bits, steps of ``range * 2**(1 - bits)``; narrow, so that signs are alike."""

    def quantize(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quantized weights and the step."""
        self.clip(x)
        most = 2.0 ** (float(self.bits) - 1)
        step = self.range / most
        return round_passing(x / step).clamp(1 - most, most - 1) * step, step


class LogWeights(_Ranged):
    """A sign and ``2**(bits - 1)`` magnitudes: zero, and that many powers of two less one.

    The largest is the power that is nearest to the first weights' largest; what is less than
    half the smallest is zero. The integers 0, +-1, +-2, +-4, ... fill more bits than their
    code has.

    Args:
        code_bits: of a code, 2 to 5.
        weight: whose range counts.
    """

    def __init__(self, code_bits: int, weight: torch.Tensor) -> None:
        self.powers = 2 ** (code_bits - 1) - 1
        super().__init__(self.powers + 1, weight, nearest=True)

    def quantize(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quantized weights and the smallest power."""
        self.clip(x)
        step = self.range * 2.0 ** (1 - self.powers)
        size = x.detach().abs() / step
        exponent = torch.round(torch.log2(size.clamp_min(2.0**-40))).clamp(0, self.powers - 1)
        level = torch.where(size < 0.5, torch.zeros_like(size), torch.exp2(exponent))
        return passing(torch.sign(x.detach()) * level * step, x), step


def grid_layer(part: nn.Module, bits: int) -> nn.Module:
    """A layer with linear weights of ``bits`` bits."""
    return quantized_twin(part, GridWeights(bits, part.weight))


def log_layer(part: nn.Module, code_bits: int) -> nn.Module:
    """A layer with logarithmic weights of ``code_bits`` bits."""
    return quantized_twin(part, LogWeights(code_bits, part.weight))


class GridActivations(LevelQuantizer):
    """``bits`` bits from 0 to below 1, steps of ``2**-bits``.

    Args:
        bits: of an activation.
        gradient_bits: of the gradient that passes back; 0: as it is.
    """

    def __init__(self, bits: int, gradient_bits: int) -> None:
        super().__init__(bits, signed=False)
        self.register_buffer("step", torch.tensor(2.0**-bits), persistent=False)
        self.gradient_bits = gradient_bits

    def quantize(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quantized activations and their step."""
        value = round_passing((x / self.step).clamp(0.0, 1.0 / self.step - 1.0)) * self.step
        if self.training and self.gradient_bits:
            value = noisy_gradient(value, self.gradient_bits)
        return value, self.step


@dataclass(frozen=True)
class LogarithmicWeights(WithActivations):
    """QNN with logarithmic weights: zero and powers of two, so that products are shifts.

    First and last layer: ``edge_bits`` (0: logarithmic too).

    Attributes:
        weight_bits: of a weight's code, 2 to 4.
    """

    weight_bits: int = 4
    name: ClassVar[str] = "log2"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bits("weight codes", self.weight_bits, 2, 4)

    def layer(self, part: nn.Module, last: bool) -> nn.Module:
        return log_layer(part, self.weight_bits)


@dataclass(frozen=True)
class GridNetwork(Scheme):
    """QNN: weights and activations on a fixed grid, gradients of few bits.

    First and last layer: ``edge_bits`` (0: like the others, as in the paper but for the input).

    Attributes:
        weight_bits: 2 to 8.
        act_bits: 1 to 8.
        gradient_bits: 1 to 8, 6 in the paper; 0: gradients are not quantized.
    """

    weight_bits: int = 4
    act_bits: int = 4
    gradient_bits: int = 6
    name: ClassVar[str] = "qnn"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bits("weights", self.weight_bits, 2)
        check_bits("activations", self.act_bits, 1)
        check_bits("gradients", self.gradient_bits, 0)

    @property
    def activation_bits(self) -> int:
        return self.act_bits

    def layer(self, part: nn.Module, last: bool) -> nn.Module:
        return grid_layer(part, self.weight_bits)

    def activation(self, positive: bool, bits: int) -> nn.Module:
        if not positive:
            return activation_quantizer(positive, bits, None)
        return quantized_activation(GridActivations(bits, self.gradient_bits))
