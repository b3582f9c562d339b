"""Weights of a layer in units in which shared values stay shared.

Where a layer has a quantizer the unit is its step, of each output channel if it has one for
each: it is the integers that are shared.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

__all__ = ["input_rows", "put_units", "unit_scale", "weight_rows", "weight_units"]


def unit_scale(layer: nn.Module) -> torch.Tensor:
    """What one unit is worth, broadcast to the weights: the quantizer's step; 1 without one."""
    weight = layer.weight
    quantize = getattr(layer, "quant_weight", None)
    if quantize is not None:
        with torch.no_grad():
            scale = quantize().scale
        if scale is not None:
            return scale.detach().to(weight.dtype).expand(weight.shape)
    return torch.ones((), dtype=weight.dtype)


def weight_units(layer: nn.Module) -> np.ndarray:
    """The weights of a layer in its units, float64."""
    with torch.no_grad():
        units = (layer.weight / unit_scale(layer)).double().numpy()
    return np.asarray(units)


def put_units(layer: nn.Module, units: np.ndarray, *, settled: bool) -> None:
    """Give a layer other weights, in its units.

    Args:
        layer: float, or Brevitas's.
        units: of the weights' shape.
        settled: no training follows: a quantizer's weights become whole numbers of its
            present steps, which other weights could otherwise change.
    """
    values = torch.from_numpy(np.ascontiguousarray(units))
    scale = unit_scale(layer).clone()
    if settled and hasattr(layer, "quant_weight"):
        from hwcompress.compress.schemes.levels import Fixed, replace_weight_quantizer

        quantized = layer.quant_weight()
        bits = round(float(quantized.bit_width))
        if bits > 1:
            top = 2 ** (bits - 1) - 1
            weight = torch.clamp(torch.round(values), -top, top).to(scale.dtype) * scale
            steps = quantized.scale.detach().clone()
            replace_weight_quantizer(layer, Fixed(bits, steps), weight)
            return
    with torch.no_grad():
        layer.weight.copy_(values.to(scale.dtype) * scale)


def weight_rows(layer: nn.Module, units: np.ndarray) -> np.ndarray:
    """Weights as a matrix: a row for each output, columns by input channel, then kernel
    position."""
    rows = units.shape[0]
    return units.reshape(rows, -1)


def input_rows(layer: nn.Module, inputs: torch.Tensor) -> np.ndarray:
    """What a layer reads as a matrix with the columns of :func:`weight_rows`, a row for each
    output position, float64.

    Args:
        layer: linear, or a 2-D convolution of one group padded with zeros.
        inputs: a batch.
    """
    if isinstance(layer, nn.Linear):
        return np.asarray(inputs.reshape(-1, layer.in_features).double().numpy())
    assert isinstance(layer, nn.Conv2d) and layer.groups == 1
    patches = nn.functional.unfold(
        inputs, layer.kernel_size, layer.dilation, layer.padding, layer.stride
    )
    return np.asarray(patches.transpose(1, 2).reshape(-1, patches.shape[1]).double().numpy())
