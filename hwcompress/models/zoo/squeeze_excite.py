"""A squeeze-and-excitation block in a small network.

The mean of every channel goes through two layers and a sigmoid, and the
channel is multiplied by the result. Source: Hu et al., Squeeze-and-Excitation
Networks (CVPR 2018), figure 2; hard sigmoid and hard-swish as in Howard et
al., MobileNetV3 (ICCV 2019).
"""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["squeeze_excite", "squeeze_excite_hard"]


class _Excite(nn.Module):  # type: ignore[misc]
    """``x`` times a gate per channel."""

    def __init__(self, channels: int, squeezed: int, hard: bool) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.ReLU(),
            nn.Conv2d(squeezed, channels, 1),
            nn.Hardsigmoid() if hard else nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(n, channels, h, w)`` to the same shape."""
        return x * self.gate(x)


def _network(classes: int, hard: bool) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.Hardswish() if hard else nn.ReLU(),
        _Excite(16, 4, hard),
        nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.Hardswish() if hard else nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, classes),
    )


def squeeze_excite(classes: int = 10) -> nn.Module:
    """From ``(n, 3, 16, 16)`` to logits ``(n, classes)``, with sigmoid and ReLU; a float module."""
    return _network(classes, hard=False)


def squeeze_excite_hard(classes: int = 10) -> nn.Module:
    """The same with hard sigmoid and hard-swish, as in MobileNetV3."""
    return _network(classes, hard=True)
