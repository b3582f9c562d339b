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
from torch import fx, nn

from hwcompress.compress.kinds import WEIGHTED, Traced
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


def _scale_of(gain: torch.Tensor) -> float:
    """A power of two that small gains need a finer grid by; 1 for others."""
    largest = float(gain.abs().max())
    return 2.0 ** min(0, math.floor(math.log2(largest))) if largest > 0 else 1.0


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
            grid = _OFFSET_GRID * _scale_of(gain)
            offset = torch.round((bias - mean * gain) / grid) * grid
            part.affine = True
            part.weight = nn.Parameter(gain.float())
            part.bias = nn.Parameter(offset.float())
            part.running_mean.zero_()
            part.running_var.fill_(1.0)
            part.eps = 0.0
        count += 1
    return count


def freeze_bias(module: nn.Module) -> int:
    """Round the float biases of convolutions and linear layers in place, for the same reason;
    returns how many there are.

    A bias becomes whole steps of its layer's accumulator, if what the layer reads is
    quantized with powers of two right before it, and otherwise a multiple of 2**-12.
    """
    steps = _accumulator_steps(module)
    count = 0
    for name, part in module.named_modules():
        if not isinstance(part, WEIGHTED) or part.bias is None:
            continue
        quantizer = getattr(part, "bias_quant", None)
        if quantizer is not None and quantizer.is_quant_enabled:
            continue
        grid = steps.get(name, torch.tensor(_OFFSET_GRID, dtype=torch.float64))
        with torch.no_grad():
            part.bias.copy_((torch.round(part.bias.double() / grid) * grid).float())
        count += 1
    return count


def _accumulator_steps(module: nn.Module) -> dict[str, torch.Tensor]:
    """Name of a layer -> step of its accumulator, of each channel or of all."""
    if not isinstance(module, fx.GraphModule):
        return {}
    traced = Traced(module)
    found: dict[str, torch.Tensor] = {}
    for node in traced.nodes:
        layer = traced.part(node)
        if not isinstance(layer, WEIGHTED) or not hasattr(layer, "quant_weight"):
            continue
        steps = {_step(traced, item) for item in traced.operands(node)}
        name = str(node.target)
        if len(steps) != 1 or None in steps or name in found:
            found[name] = found.get(name, torch.tensor(_OFFSET_GRID, dtype=torch.float64))
            continue
        (step,) = steps
        weight = layer.quant_weight().scale.detach().double().reshape(-1)
        assert step is not None
        found[name] = weight * step
    return found


def _step(traced: Traced, node: fx.Node) -> float | None:
    """Step of the quantizer that gives a tensor, looking through what only moves values."""
    while traced.is_moving(node):
        node = traced.operands(node)[0]
    if traced.is_concatenation(node):
        steps = {_step(traced, item) for item in traced.operands(node)}
        return min((item for item in steps if item is not None), default=None)
    quantizer = getattr(traced.part(node), "act_quant", None)
    if quantizer is None:
        return None
    return float(quantizer.scale().detach())
