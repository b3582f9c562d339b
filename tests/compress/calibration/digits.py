"""The reference set-up D8: scikit-learn's digits, split 70/30, and CNN8, trained once a seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from hwcompress.compress.train import accuracy, logits, train_classifier
from hwcompress.data.dataset import stratified_split

__all__ = ["D8", "cnn8", "d8", "points", "trained"]


@dataclass(frozen=True, eq=False)
class D8:
    """Reals in 0..1, ``(n, 1, 8, 8)``, and labels."""

    x: np.ndarray
    y: np.ndarray
    test: np.ndarray
    test_y: np.ndarray


@cache
def d8(seed: int) -> D8:
    bunch = load_digits()
    x = (bunch.data / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    first, second = stratified_split(bunch.target, 0.3, seed)
    return D8(x[first], bunch.target[first], x[second], bunch.target[second])


def cnn8() -> nn.Sequential:
    def block(inputs: int, outputs: int) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]

    return nn.Sequential(
        *block(1, 16),
        *block(16, 32),
        nn.MaxPool2d(2),
        *block(32, 32),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 10),
    )


@cache
def _weights(seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    module = cnn8()
    data = d8(seed)
    train_classifier(module, data.x, data.y, epochs=12, seed=seed, batch=64, rate=1e-2)
    return {name: value.clone() for name, value in module.state_dict().items()}


def trained(seed: int) -> nn.Sequential:
    """A copy of the float CNN8 of a seed, in eval mode."""
    module = cnn8()
    module.load_state_dict(_weights(seed))
    return module.eval()


def points(module: nn.Module, data: D8) -> float:
    """Test accuracy in percent."""
    return 100 * accuracy(logits(module, data.test), data.test_y)
