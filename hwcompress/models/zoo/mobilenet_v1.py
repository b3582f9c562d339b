"""MobileNetV1 at a quarter of its width, the visual wake words network of MLPerf Tiny.

A 3x3 convolution, thirteen depthwise-separable layers, and the mean. MLPerf
Tiny runs it on 96x96; here the input is 48x48. Source: Howard et al.,
MobileNets (2017), table 1; Banbury et al., MLPerf Tiny Benchmark (2021).
"""

from __future__ import annotations

from torch import nn

__all__ = ["mobilenet_v1_025"]


# Channels and stride of the depthwise-separable layers, at a quarter of the width.
_LAYERS = (
    (16, 1),
    (32, 2),
    (32, 1),
    (64, 2),
    (64, 1),
    (128, 2),
    *((128, 1),) * 5,
    (256, 2),
    (256, 1),
)


def mobilenet_v1_025(classes: int = 2) -> nn.Module:
    """From ``(n, 3, 48, 48)`` to logits ``(n, classes)``; a float module."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
    ]
    channels = 8
    for width, stride in _LAYERS:
        layers += [
            nn.Conv2d(channels, channels, 3, stride, padding=1, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
        channels = width
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))
    return nn.Sequential(*layers, *head)
