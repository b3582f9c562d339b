"""From a layer's weights to their grids: one for all, or one for each output channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from hwcompress.errors import InputError

__all__ = ["WeightMethod", "WeightRange", "weight_grid"]

WeightMethod = Literal["max", "percentile", "mse"]

_SHRINKS = torch.logspace(0, -4, 81, base=2.0, dtype=torch.float64)


@dataclass(frozen=True)
class WeightRange:
    """How the range of a layer's weights is chosen.

    Attributes:
        bits: 2 to 8.
        symmetric: zero is the integer 0 and the lowest integer is not used; else a zero point.
        per_channel: a step for each output channel; layers that give the model's outputs have
            one for all, as their integers have to compare as the reals do.
        power_of_two: steps are powers of two.
        method: ``max`` clips nothing, ``percentile`` keeps a share of the weights, ``mse`` has
            the least squared error.
        percentile: the share in percent.
    """

    bits: int = 8
    symmetric: bool = True
    per_channel: bool = True
    power_of_two: bool = True
    method: WeightMethod = "max"
    percentile: float = 99.9

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= 8:
            raise InputError(
                f"weights of {self.bits} bits after training",
                remedy="give 2 to 8 bits; binary weights want training",
            )
        if self.method not in get_args(WeightMethod):
            raise InputError(
                f"there is no calibration method {self.method!r} for weights",
                remedy=f"methods are {', '.join(get_args(WeightMethod))}",
            )
        if not 0 < self.percentile <= 100:
            raise InputError(
                f"the percentile {self.percentile:g}", remedy="give one above 0, up to 100"
            )


def weight_grid(layer: nn.Module, wanted: WeightRange) -> tuple[Tensor, Tensor | None]:
    """Steps and zero points (float32) of a layer's weights, shaped to divide them; symmetric
    grids have no zero point.

    A channel of zeros gets the largest step of the others.
    """
    weight = layer.weight.detach().double()
    axis = 1 if isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d) else 0
    if wanted.per_channel and isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d):
        rows = weight.reshape(weight.shape[0], -1)
    elif wanted.per_channel and layer.groups == 1:
        rows = weight.transpose(0, 1).reshape(weight.shape[1], -1)
    else:
        rows = weight.reshape(1, -1)
    low, high = _ends(rows, wanted)
    step, zero = _grid(low, high, wanted)
    if wanted.method == "mse":
        step, zero = _least_error(rows, low, high, wanted)
    dead = ~torch.any(rows != 0, dim=1, keepdim=True)
    step = torch.where(dead, step.max() if bool((~dead).any()) else torch.ones_like(step), step)
    shape = [1] * weight.ndim
    if rows.shape[0] > 1:
        shape[axis] = rows.shape[0]
    else:
        shape = []
    points = None if wanted.symmetric else zero.reshape(shape).float()
    return step.reshape(shape).float(), points


def _ends(rows: Tensor, wanted: WeightRange) -> tuple[Tensor, Tensor]:
    """The lowest and the highest weight of each row that is kept, with 0 between them."""
    if wanted.method != "percentile":
        low, high = rows.amin(1, keepdim=True), rows.amax(1, keepdim=True)
    elif wanted.symmetric:
        high = torch.quantile(rows.abs(), wanted.percentile / 100, dim=1, keepdim=True)
        low = -high
    else:
        out = (1 - wanted.percentile / 100) / 2
        low = torch.quantile(rows, out, dim=1, keepdim=True)
        high = torch.quantile(rows, 1 - out, dim=1, keepdim=True)
    if wanted.symmetric:
        high = torch.maximum(-low, high)
        low = -high
    return low.clamp(max=0), high.clamp(min=0)


def _grid(low: Tensor, high: Tensor, wanted: WeightRange) -> tuple[Tensor, Tensor]:
    """Steps and zero points of ranges."""
    most = (1 << wanted.bits) - 1 - wanted.symmetric  # steps between the ends
    step = (high - low) / most
    if wanted.power_of_two:
        mantissa, exponent = torch.frexp(step)
        step = torch.ldexp(torch.ones_like(step), exponent - (mantissa == 0.5).int())
    if wanted.symmetric:
        return step, torch.zeros_like(step)
    zero = torch.round(-low / torch.where(step > 0, step, 1.0)).clamp(0, most)
    return step, zero


def _least_error(
    rows: Tensor, low: Tensor, high: Tensor, wanted: WeightRange
) -> tuple[Tensor, Tensor]:
    """Of ranges shrunk by one factor after another, the best for each row."""
    best: tuple[Tensor, Tensor] | None = None
    least = torch.full((rows.shape[0], 1), float("inf"), dtype=torch.float64)
    top = (1 << (wanted.bits - 1)) - 1
    for factor in _SHRINKS.tolist():
        step, zero = _grid(low * factor, high * factor, wanted)
        lowest, highest = (-top, top) if wanted.symmetric else (0, (1 << wanted.bits) - 1)
        safe = torch.where(step > 0, step, 1.0)
        fake = (torch.clamp(torch.round(rows / safe) + zero, lowest, highest) - zero) * safe
        error = ((fake - rows) ** 2).sum(1, keepdim=True)
        better = error < least
        least = torch.where(better, error, least)
        if best is None:
            best = step, zero
        best = torch.where(better, step, best[0]), torch.where(better, zero, best[1])
    assert best is not None
    return best
