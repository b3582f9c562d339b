"""Binary kernels of rank one: a column of signs times a row of signs.

Source: Lin et al. 2017, "Binarized Convolutional Neural Networks with Separable
Filters": of each real kernel the first pair of singular vectors, and the sign of
each; the gradient passes straight through (their method 1). A k x k kernel then
takes 2 k - 1 bits, and there are 2**(2 k - 1) different ones only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from hwcompress.compress.schemes.binary import BinaryNetwork, binary_layer, clip_real_weights
from hwcompress.compress.schemes.levels import LevelQuantizer, quantized_twin
from hwcompress.compress.schemes.ste import passing
from hwcompress.errors import InputError

__all__ = [
    "SeparableNetwork",
    "SeparableQuantizer",
    "separable_layer",
    "split_kernels",
]


def _signs(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))


class SeparableQuantizer(LevelQuantizer):
    """Signs of the singular vectors of the largest singular value, for every kernel."""

    def __init__(self) -> None:
        super().__init__(1)
        self.register_buffer("scale", torch.tensor(1.0), persistent=False)

    def quantize(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Binary kernels of rank one."""
        clip_real_weights(x, self.training)
        u, _, v = torch.linalg.svd(x.detach().double(), full_matrices=False)
        column, row = _signs(u[..., :, :1]), _signs(v[..., :1, :])
        return passing((column * row).to(x.dtype), x), self.scale


def separable_layer(part: nn.Module) -> nn.Module:
    """A layer with separable binary kernels; what has no two-dimensional kernels is binary."""
    if isinstance(part, nn.Conv2d) and min(part.kernel_size) > 1:
        return quantized_twin(part, SeparableQuantizer())
    return binary_layer(part)


def split_kernels(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows of signs whose products are the kernels; the first row sign is +1.

    Args:
        weight: integers -1 and 1, ``(..., height, width)``.

    Returns:
        int64 ``(..., height, 1)`` and ``(..., 1, width)``.

    Raises:
        InputError: a kernel is not separable.
    """
    column = weight[..., :, :1].astype(np.int64)
    row = weight[..., :1, :].astype(np.int64) * column[..., :1, :]
    if not np.array_equal(column * row, weight):
        raise InputError("a kernel that is no column of signs times a row of signs")
    return column, row


@dataclass(frozen=True)
class SeparableNetwork(BinaryNetwork):
    """BCNN with separable filters: as BNN, and every binary kernel has rank one.

    First and last layer: ``edge_bits`` (0: binary, the first one separable too).
    """

    name: ClassVar[str] = "separable"

    def layer(self, part: nn.Module, last: bool) -> nn.Module:
        return separable_layer(part)
