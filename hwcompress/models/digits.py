"""The embedded default: a small CNN for scikit-learn's digits."""

from __future__ import annotations

from torch import nn

__all__ = ["digits_cnn"]


def digits_cnn() -> nn.Module:
    """Two 3x3 convolutions (8 and 16 channels) with batch norm and pooling, and a dense head.

    A float module, to be quantized with
    :func:`hwcompress.compress.quantize.quantize_module`. Input ``(1, 8, 8)``
    with values in 0..1, output 10 logits.
    """
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 10),
    )
