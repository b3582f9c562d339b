"""A one-dimensional convolutional network for a sensor signal of two channels."""

from __future__ import annotations

from torch import nn

__all__ = ["conv1d_net"]


def conv1d_net(classes: int = 6) -> nn.Module:
    """From ``(n, 2, 128)`` to logits ``(n, classes)``; a float module.

    Convolutions with stride, depthwise and with dilation, both kinds of
    pooling, and the mean over time.
    """
    return nn.Sequential(
        nn.Conv1d(2, 16, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Conv1d(16, 16, 5, padding=2, groups=16, bias=False),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.Conv1d(16, 32, 1, bias=False),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.AvgPool1d(2),
        nn.Conv1d(32, 32, 3, padding=2, dilation=2, bias=False),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(32, classes),
    )
