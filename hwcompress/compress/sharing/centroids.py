"""Training of shared values: a value's gradient is the sum of its weights' gradients.

Han et al., Deep Compression, section 3.3. The weights stay a plain parameter. Weights of one
value get the same gradient, so that any optimizer moves them alike; what rounding leaves
between them is taken out after every step.
"""

from __future__ import annotations

import torch
from torch import nn

from hwcompress.compress.sharing.layers import unit_scale

__all__ = ["ZERO", "share_gradients", "share_values"]

ZERO = -1
"""The group of weights that stay zero."""


def share_gradients(layer: nn.Module, groups: torch.Tensor) -> None:
    """Replace the gradient of each weight by the sum over its group.

    Args:
        layer: after the backward pass.
        groups: of each weight, int64 of the weights' shape; :data:`ZERO` gets no gradient.
    """
    gradient = layer.weight.grad
    if gradient is None:
        return
    scale = unit_scale(layer)
    sums = _sums((gradient * scale).reshape(-1), groups)
    gradient.copy_((sums[groups.reshape(-1)].reshape(gradient.shape) / scale) * (groups != ZERO))


def share_values(layer: nn.Module, groups: torch.Tensor) -> torch.Tensor:
    """Give all weights of a group their mean, those of :data:`ZERO` zero; returns the means in
    units of the layer."""
    with torch.no_grad():
        scale = unit_scale(layer)
        flat = groups.reshape(-1)
        # In float64 the mean of many equal whole numbers is that number.
        units = (layer.weight / scale).double().reshape(-1)
        ones = _sums(torch.ones_like(units), groups).clamp(min=1.0)
        means = (_sums(units, groups) / ones).to(layer.weight.dtype)
        shared = means[flat].reshape(layer.weight.shape) * (groups != ZERO)
        layer.weight.copy_(shared * scale)
    return means[:-1]


def _sums(values: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
    """Sum of each group; the last one is that of :data:`ZERO`, which indexes it from the end."""
    count = int(groups.max()) + 2
    flat = groups.reshape(-1) % count
    return torch.zeros(count, dtype=values.dtype).index_add_(0, flat, values)
