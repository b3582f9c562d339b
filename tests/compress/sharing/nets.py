"""Small trained float networks, the same for every test that asks for them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from hwcompress.compress.train import accuracy, logits, train_classifier
from hwcompress.data import load_dataset
from hwcompress.data.digits import digits
from tests.shared_data import shared_file

__all__ = ["Trained", "cnn8", "cnn28", "layer_names", "loss_of", "mlp28", "score_of", "trained"]


@dataclass(frozen=True, eq=False)
class Trained:
    """A float network and its data; copy the network before changing it."""

    module: nn.Module
    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    @property
    def score(self) -> float:
        """Accuracy in percent."""
        return score_of(self.module, self)


def score_of(module: nn.Module, net: Trained) -> float:
    """Accuracy on the test samples in percent."""
    return 100 * accuracy(logits(module, net.x_test), net.y_test)


def loss_of(module: nn.Module, net: Trained) -> float:
    """Mean cross-entropy on the test samples."""
    outputs = torch.from_numpy(logits(module, net.x_test))
    return float(functional.cross_entropy(outputs, torch.from_numpy(net.y_test).long()))


def layer_names(module: nn.Module) -> list[str]:
    """Names of the layers with weights, in order."""
    kinds = (nn.Conv2d, nn.Linear)
    return [name for name, part in module.named_modules() if isinstance(part, kinds)]


def _stages(channels: Sequence[int]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(channels):
        layers += [
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    return layers


def cnn8() -> nn.Module:
    """CNN8 of SYSTEMS.md: 15 thousand weights for digits."""
    layers = _stages((1, 16, 32, 32))
    del layers[3]  # pooled twice only
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(128, 10))


def cnn28() -> nn.Module:
    """CNN28 of SYSTEMS.md: 29 thousand weights for Fashion-MNIST."""
    return nn.Sequential(*_stages((1, 16, 32, 64)), nn.Flatten(), nn.Linear(576, 10))


def mlp28() -> nn.Module:
    """A large dense layer, 784 to 512."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10))


def trained(name: str, epochs: int, seed: int = 0) -> Trained:
    """``cnn8`` on digits, ``cnn28`` or ``mlp28`` on 6,000 images of Fashion-MNIST."""
    return _trained(name, epochs, seed)


@cache
def _trained(name: str, epochs: int, seed: int) -> Trained:
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    if name == "cnn8":
        data, module = digits(), cnn8()
    else:
        data = load_dataset(shared_file("data/fashion_mnist"), training=True)
        module = {"cnn28": cnn28, "mlp28": mlp28}[name]()
    x, x_test = data.real(data.x_train[:6000]), data.real(data.x_test[:3000])
    x = x.astype(np.float32).reshape(len(x), 1, *x.shape[-2:])
    x_test = x_test.astype(np.float32).reshape(len(x_test), 1, *x_test.shape[-2:])
    y, y_test = data.y_train[:6000], data.y_test[:3000]
    train_classifier(module, x, y, epochs=epochs, seed=seed, rate=5e-3)
    return Trained(module.eval(), x, np.asarray(y), x_test, np.asarray(y_test))
