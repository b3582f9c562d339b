"""Units of ShuffleNetV2: one with stride 2 and basic ones, on 32x32 images.

The basic unit leaves one half of the channels as it is; both units concatenate
two branches and interleave their channels. Source: Ma et al., ShuffleNet V2
(ECCV 2018), figure 3 (c) and (d).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["shufflenet_v2_unit"]


def _pointwise(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


def _depthwise(channels: int, stride: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, channels, 3, stride, padding=1, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
    ]


def _shuffled(x: Tensor) -> Tensor:
    """Channels of two halves, interleaved."""
    batch, channels, height, width = x.shape
    halves = x.view(batch, 2, channels // 2, height, width)
    return halves.transpose(1, 2).reshape(batch, channels, height, width)


class _Basic(nn.Module):  # type: ignore[misc]
    """Half of the channels pass by."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.branch = nn.Sequential(
            *_pointwise(half, half), *_depthwise(half, 1), *_pointwise(half, half)
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(n, channels, h, w)`` to the same shape."""
        kept, worked = x.chunk(2, dim=1)
        return _shuffled(torch.cat((kept, self.branch(worked)), dim=1))


class _Strided(nn.Module):  # type: ignore[misc]
    """Both branches see all channels and halve the image."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = outputs // 2
        self.left = nn.Sequential(*_depthwise(inputs, 2), *_pointwise(inputs, half))
        self.right = nn.Sequential(
            *_pointwise(inputs, half), *_depthwise(half, 2), *_pointwise(half, half)
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(n, inputs, h, w)`` to ``(n, outputs, h / 2, w / 2)``."""
        return _shuffled(torch.cat((self.left(x), self.right(x)), dim=1))


def shufflenet_v2_unit(classes: int = 10, channels: int = 48, basic: int = 2) -> nn.Module:
    """From ``(n, 3, 32, 32)`` to logits ``(n, classes)``; a float module.

    Args:
        classes: width of the output.
        channels: of the units, a multiple of 4.
        basic: how many basic units follow the one with stride 2.
    """
    return nn.Sequential(
        nn.Conv2d(3, 24, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(24),
        nn.ReLU(),
        _Strided(24, channels),
        *(_Basic(channels) for _ in range(basic)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(channels, classes),
    )
