"""Learned step size, and fixed point with learned powers of two.

Sources: Esser et al. 2020, "Learned Step Size Quantization": the step starts at
``2 mean |x| / sqrt(Q)`` with Q the largest level, its gradient is scaled by
``1 / sqrt(n Q)`` (section 2.2). Jain et al. 2020, "Trained Quantization
Thresholds": the logarithm of the step is learned and rounded up to a whole
number, through which its gradient passes (section 3.2).
"""

from __future__ import annotations

import math
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
from hwcompress.compress.schemes.ste import passing, round_passing, scaled_gradient

__all__ = [
    "FixedPoint",
    "LearnedStep",
    "StepQuantizer",
    "step_activation",
    "step_layer",
]


class StepQuantizer(LevelQuantizer):
    """Uniform levels whose step is learned.

    Args:
        bits: of a level, 2 or more if signed.
        signed: two's complement without the lowest number, or plain binary.
        power_of_two: steps are powers of two.
        start: a tensor the first step is computed of; by default the first one that is
            seen in training (or in calibration).
    """

    def __init__(
        self,
        bits: int,
        signed: bool,
        *,
        power_of_two: bool = False,
        start: torch.Tensor | None = None,
    ) -> None:
        super().__init__(bits, signed)
        self.high = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
        self.low = -self.high if signed else 0
        self.power_of_two = power_of_two
        # The logarithm is learned: the step stays positive, and moves by ratios.
        self.log_step = nn.Parameter(torch.zeros(()))
        self.register_buffer("seen", torch.tensor(False))
        self.given = start is not None
        if start is not None:
            self._begin(start)

    def _begin(self, x: torch.Tensor) -> None:
        mean = float(x.detach().abs().mean())
        with torch.no_grad():
            step = 2.0 * max(mean, 2.0**-40) / math.sqrt(self.high)
            self.log_step.fill_(math.log2(step))
            self.seen.fill_(True)

    def restart(self) -> None:
        """Let the first step of training begin anew, if it was not given a tensor."""
        if not self.given:
            self.seen.fill_(False)

    def step(self) -> torch.Tensor:
        """The step as it is used."""
        if self.power_of_two:
            return torch.exp2(passing(torch.ceil(self.log_step.detach() - 1e-4), self.log_step))
        return torch.exp2(self.log_step)

    def quantize(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quantized values and their step."""
        if self.training and not bool(self.seen) and x.numel() > 1:
            self._begin(x)
        step = self.step()
        # Of each activation the mean over a batch counts, of weights all.
        count = x.numel() / x.shape[0] if not self.signed and x.ndim else x.numel()
        step = scaled_gradient(step, 1.0 / math.sqrt(max(count, 1) * self.high))
        levels = round_passing((x / step).clamp(self.low, self.high))
        return levels * step, step


def step_layer(part: nn.Module, bits: int, power_of_two: bool = False) -> nn.Module:
    """A layer whose weights' step is learned, one for all of them."""
    quantizer = StepQuantizer(bits, True, power_of_two=power_of_two, start=part.weight)
    return quantized_twin(part, quantizer)


def step_activation(bits: int, positive: bool, power_of_two: bool = False) -> nn.Module:
    """A quantizer of activations whose step is learned."""
    return quantized_activation(StepQuantizer(bits, not positive, power_of_two=power_of_two))


@dataclass(frozen=True)
class LearnedStep(Scheme):
    """LSQ: the step of weights and of activations is learned.

    First and last layer: ``edge_bits``, as in the paper.

    Attributes:
        weight_bits: 2 to 8.
        act_bits: 1 to 8 (2 or more where values may be negative).
    """

    weight_bits: int = 2
    act_bits: int = 2
    name: ClassVar[str] = "lsq"
    power_of_two: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bits("weights", self.weight_bits, 2)
        check_bits("activations", self.act_bits, 1)

    @property
    def activation_bits(self) -> int:
        return self.act_bits

    def layer(self, part: nn.Module, last: bool) -> nn.Module:
        return step_layer(part, self.weight_bits, self.power_of_two)

    def activation(self, positive: bool, bits: int) -> nn.Module:
        if bits == 1 and not positive:
            return activation_quantizer(positive, bits, None)
        return step_activation(bits, positive, self.power_of_two)


@dataclass(frozen=True)
class FixedPoint(LearnedStep):
    """Fixed point: as LSQ, and every step is a power of two (TQT), learned by its exponent."""

    name: ClassVar[str] = "fixed_point"
    power_of_two: ClassVar[bool] = True
