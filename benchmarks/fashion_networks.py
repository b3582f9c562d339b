"""The networks of the Fashion-MNIST page, in float, and the recipes that give them few bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from hwcompress.compress.recipe import load_recipe, parse_recipe
from hwcompress.compress.recipe.recipe import Recipe

__all__ = ["NETWORKS", "Network", "binary_cnv", "cnn28_pooled"]


def cnn28_pooled() -> nn.Module:
    """Three convolutions of 16, 32 and 64 channels and a dense layer; 29 thousand weights.

    Pooling comes before the batch norm, which takes a quarter of the time for the same sizes.
    """
    layers: list[nn.Module] = []
    for before, after in ((1, 16), (16, 32), (32, 64)):
        conv = nn.Conv2d(before, after, 3, padding=1, bias=False)
        layers += [conv, nn.MaxPool2d(2), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(576, 10))


def binary_cnv(width: int = 16, dense: int = 128) -> nn.Module:
    """CNV's convolutions at a quarter of their width, one dense layer less.

    Pairs of 3 x 3 convolutions ``w, w, pool, 2w, 2w, pool, 4w, 4w`` without padding, on an image of
    32 x 32: zeros around the 28 x 28 pixels, as the first convolution's padding. ReLUs are for
    the float twin; the binary recipe puts signs in their place.
    """
    layers: list[nn.Module] = []
    channels, padding = 1, 2
    for factor, pooled in ((1, False), (1, True), (2, False), (2, True), (4, False), (4, False)):
        layers.append(nn.Conv2d(channels, factor * width, 3, padding=padding, bias=False))
        layers += [nn.MaxPool2d(2)] if pooled else []
        channels, padding = factor * width, 0
        layers += [nn.BatchNorm2d(channels), nn.ReLU()]
    layers += [nn.Flatten(), nn.Linear(channels, dense, bias=False)]
    layers += [nn.BatchNorm1d(dense), nn.ReLU(), nn.Linear(dense, 10, bias=False)]
    return nn.Sequential(*layers)


@dataclass(frozen=True)
class Network:
    """A network, its recipe, and what it has to reach.

    Attributes:
        title: for the page.
        weights: bits of weights, in words.
        activations: likewise.
        make: the float network.
        epochs: of the recipe's training, and of the float twin's.
        rate: highest learning rate of the recipe's training.
        batch: samples a step.
        least: percent of the test images.
        recipe: its name and the options that differ from it, by step.
    """

    title: str
    weights: str
    activations: str
    make: Callable[[], nn.Module]
    epochs: int
    rate: float
    batch: int
    least: float
    recipe: tuple[str, dict[str, dict[str, int]]]

    def float_network(self, seed: int) -> nn.Module:
        """With the first weights of a seed; recipe and twin start from the same."""
        torch.manual_seed(seed)
        return self.make()

    def few_bits(self, epochs: int) -> Recipe:
        """The recipe with the epochs, rate and batch of this network."""
        name, options = self.recipe
        made = load_recipe(name)
        for part, values in options.items():
            made = made.with_options(part, **values)
        return made.with_options("train", epochs=epochs, rate=self.rate, batch=self.batch)

    def twin(self, epochs: int) -> Recipe:
        """The same training in float."""
        text = f'[[step]]\nname = "train"\nepochs = {epochs}\nrate = 0.005\nbatch = {self.batch}\n'
        return parse_recipe(text, "float")


NETWORKS = {
    "w4a4": Network(
        title="W4A4 CNN",
        weights="4, all layers",
        activations="4",
        make=cnn28_pooled,
        epochs=6,
        rate=0.01,
        batch=128,
        least=90.5,
        recipe=("w4a4", {}),
    ),
    "binary": Network(
        title="binary CNV-like net",
        weights="1, all layers",
        activations="1",
        make=binary_cnv,
        epochs=7,
        rate=0.01,
        batch=128,
        least=86.0,
        recipe=("binary-every-layer", {}),
    ),
}
