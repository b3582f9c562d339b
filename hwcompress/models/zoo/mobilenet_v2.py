"""Inverted residual blocks of MobileNetV2 on 32x32 images.

Each block widens four times by a 1x1 convolution, filters each channel by
itself, and narrows without an activation; where the shape stays, its input is
added. Source: Sandler et al., MobileNetV2 (CVPR 2018), table 1.
"""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["mobilenet_v2_blocks"]


_EXPANSION = 4
# Channels and stride of the blocks.
_BLOCKS = ((16, 1), (24, 2), (24, 1), (32, 2), (32, 1))


def _layer(inputs: int, outputs: int, kernel: int, stride: int, groups: int) -> list[nn.Module]:
    padding = kernel // 2
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]


class _InvertedResidual(nn.Module):  # type: ignore[misc]
    """Widen, filter, narrow."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        wide = inputs * _EXPANSION
        self.body = nn.Sequential(
            *_layer(inputs, wide, 1, 1, 1),
            nn.ReLU6(),
            *_layer(wide, wide, 3, stride, wide),
            nn.ReLU6(),
            *_layer(wide, outputs, 1, 1, 1),
        )
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """``(n, inputs, h, w)`` to ``(n, outputs, h / stride, w / stride)``."""
        return x + self.body(x) if self.adds else self.body(x)


def mobilenet_v2_blocks(classes: int = 10) -> nn.Module:
    """From ``(n, 3, 32, 32)`` to logits ``(n, classes)``; a float module."""
    layers: list[nn.Module] = [*_layer(3, 16, 3, 2, 1), nn.ReLU6()]
    channels = 16
    for width, stride in _BLOCKS:
        layers.append(_InvertedResidual(channels, width, stride))
        channels = width
    layers += [*_layer(channels, 64, 1, 1, 1), nn.ReLU6()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))
