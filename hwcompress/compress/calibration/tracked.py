"""Activation scales that follow the batches while a network trains, and are frozen after it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hwcompress.compress.calibration.constant import UnitScaling, constant_activation
from hwcompress.compress.calibration.grid import Grid
from hwcompress.compress.calibration.observe import activation_quantizers
from hwcompress.compress.calibration.thresholds import power_above
from hwcompress.compress.calibration.trackers import Strategy, tracker
from hwcompress.compress.parts import replace_part
from hwcompress.errors import InputError

__all__ = ["TrackedScaling", "freeze_tracked", "track_scales", "tracked_activation"]

_SMALLEST = 2.0**-20  # a step, before anything was seen


class TrackedScaling(nn.Module):  # type: ignore[misc]
    """The step of a Brevitas quantizer from a tracker of magnitudes.

    What the tracker has seen is a buffer, so that a checkpoint holds it. In eval mode nothing
    is tracked: samples do not change each other's results.

    Args:
        tracked_strategy: of :func:`hwcompress.compress.calibration.trackers.tracker`.
        tracked_window: steps of ``window_max``.
        tracked_momentum: of ``moving_average``.
        tracked_levels: the highest integer; the step is the range divided by it.
    """

    def __init__(
        self,
        tracked_strategy: str,
        tracked_window: int,
        tracked_momentum: float,
        tracked_levels: int,
    ) -> None:
        super().__init__()
        self.follower = tracker(tracked_strategy, window=tracked_window, momentum=tracked_momentum)
        self.levels = tracked_levels
        self.register_buffer("record", torch.tensor(self.follower.record(), dtype=torch.float64))

    @property
    def reach(self) -> float:
        """The range now; 0 before the first batch."""
        self.follower.restore(self.record.tolist())
        return self.follower.value

    def forward(self, x: Tensor, threshold: Tensor | None = None) -> Tensor:
        reach = self.reach
        if self.training:
            reach = self.follower.add(float(x.detach().abs().max()))
            self.record.copy_(torch.tensor(self.follower.record(), dtype=torch.float64))
        return torch.tensor(max(reach / self.levels, _SMALLEST), dtype=x.dtype)


def tracked_activation(
    bits: int,
    signed: bool,
    strategy: Strategy = "moving_average",
    *,
    window: int = 100,
    momentum: float = 0.9,
) -> nn.Module:
    """An activation quantizer whose range follows the batches in training.

    Args:
        bits: 2 to 8, or 1 if it is not signed.
        signed: whether values may be negative.
        strategy: how the range follows.
        window: steps of ``window_max``.
        momentum: of ``moving_average``.

    Raises:
        InputError: bits, window or momentum out of range.
    """
    import brevitas.nn as qnn
    from brevitas.quant import Int8ActPerTensorFloat

    grid = Grid(1.0, bits, signed)
    if signed and bits == 1:
        raise InputError("a signed activation of 1 bit has no range to track")
    kind = Int8ActPerTensorFloat.let(
        bit_width=bits,
        signed=signed,
        narrow_range=False,
        scaling_impl=TrackedScaling,
        int_scaling_impl=UnitScaling,
        tracked_strategy=strategy,
        tracked_window=window,
        tracked_momentum=momentum,
        tracked_levels=grid.high,
    )
    return qnn.QuantIdentity(act_quant=kind)


def track_scales(
    module: nn.Module, strategy: Strategy, *, window: int = 100, momentum: float = 0.9
) -> int:
    """Put tracked quantizers in the places of those with learned scales, in place.

    Args:
        module: with Brevitas activation quantizers; constant and binary ones stay.
        strategy: how ranges follow the batches.
        window: steps of ``window_max``.
        momentum: of ``moving_average``.

    Returns:
        How many there are.

    Raises:
        InputError: there is none, or window or momentum are out of range.
    """
    from brevitas.core.scaling import ConstScaling

    count = 0
    for name, part in activation_quantizers(module).items():
        bits, signed = int(part.act_quant.bit_width().item()), bool(part.act_quant.is_signed)
        scaling = getattr(_quantizer(part), "scaling_impl", None)
        if scaling is None or isinstance(scaling, ConstScaling) or (bits == 1 and signed):
            continue
        made = tracked_activation(bits, signed, strategy, window=window, momentum=momentum)
        replace_part(module, name, made)
        count += 1
    if not count:
        raise InputError(
            "no activation scale is learned, so none can be tracked",
            remedy="put the step behind one that quantizes for training, such as quantize",
        )
    return count


def _quantizer(part: nn.Module) -> nn.Module:
    found: nn.Module = part.act_quant.fused_activation_quant_proxy.tensor_quant
    return found


def freeze_tracked(module: nn.Module, *, power_of_two: bool = True) -> int:
    """Make every tracked scale a constant, in place; returns how many.

    Args:
        module: with quantizers by :func:`tracked_activation`.
        power_of_two: rounded up to one, so that the range stays covered.

    Raises:
        InputError: a quantizer has seen nothing.
    """
    count = 0
    for name, part in activation_quantizers(module).items():
        scaling = getattr(_quantizer(part), "scaling_impl", None)
        if not isinstance(scaling, TrackedScaling):
            continue
        if scaling.reach <= 0:
            raise InputError(
                f"the activation {name!r} was zero for every batch, or never computed",
                remedy="train before the scales are frozen",
            )
        bits, signed = int(part.act_quant.bit_width().item()), bool(part.act_quant.is_signed)
        step = scaling.reach / scaling.levels
        grid = Grid(power_above(step) if power_of_two else step, bits, signed)
        replace_part(module, name, constant_activation(grid))
        count += 1
    return count
