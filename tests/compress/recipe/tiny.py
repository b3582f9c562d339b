"""A small network and data that it can learn."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from hwcompress.compress.recipe import Data

__all__ = ["tiny_data", "tiny_net"]


class Tiny(nn.Module):
    """Two convolutions and a linear layer, for samples of shape (1, 6, 6), three classes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, bias=False)
        self.norm1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 6, 3, bias=False)
        self.norm2 = nn.BatchNorm2d(6)
        self.head = nn.Linear(24, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm1(self.conv1(x)))
        x = torch.relu(self.norm2(self.conv2(x)))
        return self.head(torch.flatten(x, 1))


def tiny_net(seed: int = 0) -> nn.Module:
    """The network, untrained."""
    torch.manual_seed(seed)
    return Tiny()


def tiny_data(count: int = 192, seed: int = 0) -> Data:
    """Bright bars at one of three places, with noise."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 3, count)
    x = random.random((count, 1, 6, 6)).astype(np.float32) * 0.5
    for row, label in enumerate(y):
        x[row, 0, 2 * label : 2 * label + 2] += 0.5
    return Data(x, y.astype(np.int64))
