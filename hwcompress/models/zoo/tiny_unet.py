"""A small U-Net: two levels down, two levels up, skip connections.

One level up repeats pixels, the other is a transposed convolution; both are
concatenated with the level of the way down. Source: Ronneberger et al., U-Net
(MICCAI 2015), figure 1, much smaller and with padding.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["tiny_unet"]


def _level(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class _Unet(nn.Module):  # type: ignore[misc]
    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.down_one, self.down_two = _level(1, width), _level(width, 2 * width)
        self.bottom = _level(2 * width, 4 * width)
        self.pool, self.repeat = nn.MaxPool2d(2), nn.Upsample(scale_factor=2, mode="nearest")
        self.up_two = _level(6 * width, 2 * width)
        self.transposed = nn.ConvTranspose2d(2 * width, width, 2, stride=2, bias=False)
        self.norm, self.relu = nn.BatchNorm2d(width), nn.ReLU()
        self.up_one = _level(2 * width, width)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(n, 1, h, w)`` to ``(n, classes, h, w)``; height and width are multiples of 4."""
        one = self.down_one(x)
        two = self.down_two(self.pool(one))
        up = self.repeat(self.bottom(self.pool(two)))
        up = self.up_two(torch.cat((up, two), dim=1))
        up = self.relu(self.norm(self.transposed(up)))
        return self.head(self.up_one(torch.cat((up, one), dim=1)))


def tiny_unet(classes: int = 2, width: int = 8) -> nn.Module:
    """From ``(n, 1, 32, 32)`` to logits per pixel ``(n, classes, 32, 32)``; a float module."""
    return _Unet(classes, width)
