"""An auto-encoder 64-72-72-8-72-72-64.

The shape of the anomaly detection network of MLPerf Tiny (Banbury et al.,
2021), an order of magnitude smaller.
"""

from __future__ import annotations

from itertools import pairwise

from torch import nn

__all__ = ["autoencoder_64"]


_WIDTHS = (64, 72, 72, 8, 72, 72)


def autoencoder_64() -> nn.Module:
    """From ``(n, 64)`` to its reconstruction ``(n, 64)``; a float module."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(_WIDTHS):
        layers += [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(_WIDTHS[-1], 64))
