"""Batch norm and biases made exact in float32.

A batch norm with arbitrary float32 parameters rounds, and where a value falls
next to a quantizer's boundary PyTorch and exact arithmetic may then disagree.
After training we replace its gain and offset per channel by nearby numbers of
few bits, so that with power-of-two scales every product and sum is exact in
float32's 24 bits, and PyTorch equals the integer graph on every integer.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from hwcompress.compress.kinds import WEIGHTED
from hwcompress.errors import UnsupportedError

__all__ = ["GAIN_BITS", "freeze_batch_norm", "freeze_bias"]

GAIN_BITS = 9
# Offsets are multiples of 2**-12: an accumulator of 15 bits times a 9-bit gain
# stays on a grid that a float32 holds together with them.
_OFFSET_GRID = 2.0**-12


def _few_bits(values: torch.Tensor, bits: int) -> torch.Tensor:
    """Each value rounded to ``bits`` significant bits."""
    mantissa, exponent = torch.frexp(values)
    scale = math.ldexp(1.0, bits)
    return torch.ldexp(torch.round(mantissa * scale) / scale, exponent)


def freeze_batch_norm(module: nn.Module) -> int:
    """Round every batch norm's gain and offset in place; returns how many there are.

    The layer stays a batch norm: mean 0, variance 1, epsilon 0, weight the
    gain, bias the offset.
    """
    count = 0
    for part in module.modules():
        if not isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            continue
        if part.running_mean is None or part.running_var is None:
            raise UnsupportedError(
                "a batch norm without running statistics",
                why="its result depends on the other samples of a batch",
                remedy="build it with track_running_stats=True",
            )
        with torch.no_grad():
            mean, variance = part.running_mean.double(), part.running_var.double()
            weight = torch.ones_like(mean) if part.weight is None else part.weight.double()
            bias = torch.zeros_like(mean) if part.bias is None else part.bias.double()
            gain = _few_bits(weight / torch.sqrt(variance + part.eps), GAIN_BITS)
            offset = torch.round((bias - mean * gain) / _OFFSET_GRID) * _OFFSET_GRID
            part.affine = True
            part.weight = nn.Parameter(gain.float())
            part.bias = nn.Parameter(offset.float())
            part.running_mean.zero_()
            part.running_var.fill_(1.0)
            part.eps = 0.0
        count += 1
    return count


def freeze_bias(module: nn.Module) -> int:
    """Round the float biases of convolutions and linear layers in place to multiples
    of 2**-12, for the same reason; returns how many there are."""
    count = 0
    for part in module.modules():
        if not isinstance(part, WEIGHTED) or part.bias is None:
            continue
        quantizer = getattr(part, "bias_quant", None)
        if quantizer is not None and quantizer.is_quant_enabled:
            continue
        with torch.no_grad():
            part.bias.copy_(torch.round(part.bias / _OFFSET_GRID) * _OFFSET_GRID)
        count += 1
    return count
