"""Scales from ranges that are watched while a network trains.

Sources: Jacob et al. 2018, "Quantization and Training of Neural Networks for
Efficient Integer-Arithmetic-Only Inference", section 3 (ranges of activations are
moving averages, quantization starts late; those of weights their extremes). After
training every range is a constant.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from hwcompress.compress.calibration.trackers import Strategy, tracker
from hwcompress.compress.schemes.levels import LevelQuantizer
from hwcompress.compress.schemes.ste import round_passing

__all__ = ["MaxWeights", "RangeActivations"]

_LEAST = 2.0**-40


def _scale(reach: torch.Tensor, top: float, power_of_two: bool) -> torch.Tensor:
    scale = reach.clamp_min(_LEAST) / top
    # What is a power of two but for rounding must not be doubled.
    return torch.exp2(torch.ceil(torch.log2(scale) - 1e-6)) if power_of_two else scale


class MaxWeights(LevelQuantizer):
    """Weights whose largest magnitude is the largest level.

    Args:
        bits: 2 to 8, narrow.
        axes: over which the magnitude is taken; empty: one for all.
        power_of_two: scales are rounded up to one.
    """

    def __init__(self, bits: int, axes: Sequence[int], power_of_two: bool) -> None:
        super().__init__(bits)
        self.axes = tuple(axes)
        self.power_of_two = power_of_two
        self.top = 2.0 ** (bits - 1) - 1

    def quantize(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quantized weights and their scale."""
        size = x.detach().abs()
        reach = size.amax(dim=self.axes, keepdim=True) if self.axes else size.max()
        scale = _scale(reach, self.top, self.power_of_two)
        return round_passing(x / scale).clamp(-self.top, self.top) * scale, scale


class RangeActivations(LevelQuantizer):
    """Activations whose range is watched in training, and constant afterwards.

    Args:
        bits: of an activation.
        signed: whether there are negative ones.
        strategy: how the range follows the steps.
        momentum: k of the moving average.
        window: steps of ``window_max``.
        delay: steps of training during which activations pass as they are.
        power_of_two: scales are rounded up to one.
        calibrated: the range is what calibration saw, and training leaves it alone.
    """

    def __init__(
        self,
        bits: int,
        signed: bool,
        *,
        strategy: Strategy = "moving_average",
        momentum: float = 0.9,
        window: int = 10,
        delay: int = 0,
        power_of_two: bool = True,
        calibrated: bool = False,
    ) -> None:
        super().__init__(bits, signed)
        self.calibrated, self.delay, self.power_of_two = calibrated, delay, power_of_two
        self.top = 2.0 ** (bits - 1) - 1 if signed else 2.0**bits - 1
        self.follower = tracker(strategy, window=window, momentum=momentum)
        # What the follower knows is a buffer, so that a checkpoint holds it.
        nothing = torch.tensor(self.follower.record(), dtype=torch.float64)
        self.register_buffer("nothing", nothing, persistent=False)
        self.register_buffer("record", nothing.clone())
        self.register_buffer("steps", torch.tensor(0))
        self.register_buffer("watching", torch.tensor(True))
        self.register_buffer("anew", torch.tensor(False))

    def restart(self) -> None:
        """Before training: what calibration saw stays for good, or is forgotten when training
        begins."""
        if self.calibrated:
            self.watching.fill_(False)
        self.anew.fill_(True)

    def watch(self, x: torch.Tensor) -> None:
        """Take a step's values into account."""
        if bool(self.anew):
            self.record.copy_(self.nothing)
            self.steps.zero_()
            self.anew.fill_(False)
        self.follower.restore(self.record.tolist())
        self.follower.add(float(x.detach().abs().max()))
        self.record.copy_(torch.tensor(self.follower.record(), dtype=torch.float64))
        self.steps += 1

    @property
    def reach(self) -> torch.Tensor:
        """The largest magnitude, as the strategy sees it now; 0 if nothing was seen."""
        self.follower.restore(self.record.tolist())
        return torch.tensor(self.follower.value, dtype=torch.float32)

    def quantize(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quantized activations and their scale; without a gradient beyond the range."""
        if self.training and bool(self.watching) and x.numel() > 1:
            self.watch(x)
        scale = _scale(self.reach, self.top, self.power_of_two)
        if self.training and bool(self.watching) and int(self.steps) <= self.delay:
            return x, scale
        low = -self.top if self.signed else 0.0
        return round_passing((x / scale).clamp(low, self.top)) * scale, scale
