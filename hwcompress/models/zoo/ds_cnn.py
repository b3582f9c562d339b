"""DS-CNN, the keyword spotting network of MLPerf Tiny.

A 10x4 convolution with stride 2 over 49 frames of 10 coefficients, four
depthwise-separable layers of 64 channels, and the mean. Source: Zhang et al.,
Hello Edge (2017), model DS-CNN small; Banbury et al., MLPerf Tiny Benchmark
(2021). The padding of the first layer is the same on both sides here.
"""

from __future__ import annotations

from torch import nn

__all__ = ["ds_cnn"]


def ds_cnn(classes: int = 12, channels: int = 64) -> nn.Module:
    """From ``(n, 1, 49, 10)`` to logits ``(n, classes)``; a float module."""
    layers: list[nn.Module] = [
        nn.Conv2d(1, channels, (10, 4), stride=2, padding=(5, 1), bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    ]
    for _ in range(4):
        layers += [
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        ]
    head = (nn.Dropout(0.4), nn.AvgPool2d((25, 5)), nn.Flatten(), nn.Linear(channels, classes))
    return nn.Sequential(*layers, *head)
