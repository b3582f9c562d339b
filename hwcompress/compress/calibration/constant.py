"""Brevitas quantizers whose scale and zero point are constants."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hwcompress.compress.calibration.grid import Grid
from hwcompress.errors import InputError

__all__ = ["UnitScaling", "constant_activation", "constant_weight", "step_of"]


class UnitScaling(nn.Module):  # type: ignore[misc]
    """What Brevitas divides a threshold by: 1, so that the threshold is the step."""

    def __init__(self) -> None:  # Brevitas asks for one without arbitrary arguments
        super().__init__()

    def forward(self, bit_width: Tensor) -> Tensor:
        return torch.ones_like(bit_width)


class _Zero(nn.Module):  # type: ignore[misc]
    """A zero point that no statistics change."""

    def __init__(self, zero_point_value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", zero_point_value)

    def forward(self, x: Tensor, scale: Tensor, bit_width: Tensor) -> Tensor:
        value: Tensor = self.value
        return value


def _options(
    bits: int, signed: bool, narrow: bool, scale: Tensor, zero: Tensor
) -> dict[str, object]:
    from brevitas.inject.enum import ScalingImplType

    return {
        "bit_width": bits,
        "signed": signed,
        "narrow_range": narrow,
        "scaling_impl_type": ScalingImplType.CONST,
        "scaling_init": scale,
        "scaling_min_val": None,
        "int_scaling_impl": UnitScaling,
        "zero_point_impl": _Zero,
        "zero_point_value": zero,
    }


def constant_activation(grid: Grid) -> nn.Module:
    """A quantizer of activations that gives the reals of a grid."""
    import brevitas.nn as qnn
    from brevitas.quant import Int8ActPerTensorFloat

    scale, zero = torch.tensor(grid.scale), torch.tensor(float(grid.zero))
    kind = Int8ActPerTensorFloat.let(**_options(grid.bits, grid.signed, grid.narrow, scale, zero))
    return qnn.QuantIdentity(act_quant=kind)


def constant_weight(scale: Tensor, zero: Tensor | None, bits: int) -> type:
    """A quantizer of a layer's weights, to be given as ``weight_quant``.

    Args:
        scale: steps, one for all ``()`` or one for each output channel, shaped so that it
            divides the weights.
        zero: integers that stand for 0, likewise, of the range from 0 to ``2**bits - 1``;
            ``None`` for the symmetric grid without the lowest integer.
        bits: 2 to 8.

    Raises:
        InputError: a step is not above 0.
    """
    from brevitas.quant import Int8WeightPerTensorFloat

    if not bool(torch.all(scale > 0)) or not bool(torch.all(torch.isfinite(scale))):
        raise InputError(
            "a weight quantizer with a step that is not above 0",
            remedy="check that the weights are finite",
        )
    symmetric = zero is None
    points = torch.zeros(()) if zero is None else zero.float()
    return Int8WeightPerTensorFloat.let(
        **_options(bits, symmetric, symmetric, scale.float(), points)
    )


def step_of(quantizer: nn.Module) -> tuple[Tensor, Tensor]:
    """Scale and zero point (float64) of a Brevitas quantizer's proxy."""
    scale, zero = quantizer.scale(), quantizer.zero_point()
    return scale.detach().double(), zero.detach().double()
