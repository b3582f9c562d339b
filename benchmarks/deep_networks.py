"""The networks of the Deep Compression page, and how each is pruned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from torch import nn

from hwcompress.compress.recipe import parse_recipe
from hwcompress.compress.recipe.recipe import Recipe

__all__ = ["NETWORKS", "Network", "cnn28", "lenet5"]

_RECIPE = """\
summary = "Pruned, shared values, ready to be packed; the float network as teacher"

[[step]]
name = "quantize"
weight_bits = 8
act_bits = 4

[[step]]
name = "prune"
sparsity = {{ start = 0.0, end = {sparsity}, ramp = "cubic", until = {until} }}
layers = [
{layers}
]

[[step]]
name = "distil"
temperature = 4.0
share = 0.5

[[step]]
name = "train"
epochs = {epochs}
rate = {rate}

[[step]]
name = "share"
values = {values}

[[step]]
name = "train"
epochs = {more}
rate = 0.0005
"""
_LAYER = (
    '    {{ match = "{name}", sparsity = {{ start = 0.0, end = {end}, ramp = "cubic",'
    " until = {until} }} }},"
)


def cnn28() -> nn.Module:
    """Three convolutions and a dense layer, 29 thousand weights; pooling before batch norm."""
    layers: list[nn.Module] = []
    for before, after in ((1, 16), (16, 32), (32, 64)):
        conv = nn.Conv2d(before, after, 3, padding=1, bias=False)
        layers += [conv, nn.MaxPool2d(2), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(576, 10))


def lenet5() -> nn.Module:
    """LeNet-5 as in Caffe and in the paper: 20 and 50 channels, 500 and 10 outputs.

    430,500 weights and 580 biases. Caffe has a ReLU behind the first dense layer alone; here the
    convolutions have one as well, for their activations get few bits.
    """
    return nn.Sequential(
        nn.Conv2d(1, 20, 5),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Conv2d(20, 50, 5),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(800, 500),
        nn.ReLU(),
        nn.Linear(500, 10),
    )


@dataclass(frozen=True)
class Network:
    """A float network and its way to few bytes.

    Attributes:
        title: for the page.
        about: likewise.
        make: the float network with random weights.
        float_rate: highest learning rate of the float training.
        float_epochs: of that training.
        epochs: while pruning.
        more: of the shared values.
        rate: highest learning rate while pruning.
        sparsity: share of zeros by layer, in order of the layers.
        until: share of the pruning's training after which no more weights are cut.
        values: shared values of a layer.
    """

    title: str
    about: str
    make: Callable[[], nn.Module]
    float_rate: float
    float_epochs: int
    epochs: int
    more: int
    rate: float
    sparsity: Mapping[str, float]
    until: float = 0.6
    values: int = 16

    def with_epochs(
        self, float_epochs: int | None, epochs: int | None, more: int | None
    ) -> Network:
        """The same with other epochs, where given."""
        return replace(
            self,
            float_epochs=self.float_epochs if float_epochs is None else float_epochs,
            epochs=self.epochs if epochs is None else epochs,
            more=self.more if more is None else more,
        )

    def recipe_text(self) -> str:
        """The recipe as a file."""
        layers = "\n".join(
            _LAYER.format(name=name, end=end, until=self.until)
            for name, end in self.sparsity.items()
        )
        return _RECIPE.format(
            sparsity=max(self.sparsity.values()),
            until=self.until,
            layers=layers,
            epochs=self.epochs,
            rate=self.rate,
            values=self.values,
            more=self.more,
        )

    def recipe(self) -> Recipe:
        """The recipe."""
        return parse_recipe(self.recipe_text(), f"deep compression of {self.title}")


NETWORKS = {
    "lenet5": Network(
        title="LeNet-5",
        about="The paper's own network, 20-50-500-10, 430,500 weights, pruned as in the paper's"
        " table (66, 12, 8 and 19 % of the weights stay).",
        make=lenet5,
        float_rate=2e-3,
        float_epochs=5,
        epochs=4,
        more=1,
        rate=2e-3,
        sparsity={"0": 0.34, "3": 0.88, "7": 0.92, "9": 0.81},
    ),
    "cnn28": Network(
        title="CNN28",
        about="Three convolutions and a dense layer, 28,944 weights: a network that has little to"
        " spare.",
        make=cnn28,
        float_rate=5e-3,
        float_epochs=5,
        epochs=9,
        more=2,
        rate=4e-3,
        sparsity={"0": 0.5, "4": 0.78, "8": 0.87, "13": 0.83},
    ),
}
