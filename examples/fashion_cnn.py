"""A convolutional network with batch norm for 28x28 images, to be trained at few bits.

Fashion-MNIST at 4 bits, from a folder with its four IDX files:

    ./hwc build examples/fashion_cnn.py:make_net --data FASHION_MNIST --board pynq --epochs 3

Expected: about 89 % test accuracy, and 0 mismatches in every row of the
exactness table on all 10,000 test images.
"""

from __future__ import annotations

from torch import nn


def make_net() -> nn.Module:
    """Two convolutions with pooling and a dense head; float, quantized by the build."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 10),
    )
