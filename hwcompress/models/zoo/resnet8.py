"""ResNet-8, the image classification network of MLPerf Tiny.

Three residual blocks of 16, 32 and 64 channels; the shortcut of the last two
is a 1x1 convolution with stride 2. Source: Banbury et al., MLPerf Tiny
Benchmark (NeurIPS 2021 datasets and benchmarks), model `resnet_v1_eembc`.
"""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["resnet8"]


class _Block(nn.Module):  # type: ignore[misc]
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """``(n, inputs, h, w)`` to ``(n, outputs, h / stride, w / stride)``."""
        y = self.relu(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        return self.relu(y + self.shortcut(x))


def resnet8(classes: int = 10) -> nn.Module:
    """From ``(n, 3, 32, 32)`` to logits ``(n, classes)``; a float module."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        _Block(16, 16, 1),
        _Block(16, 32, 2),
        _Block(32, 64, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, classes),
    )
