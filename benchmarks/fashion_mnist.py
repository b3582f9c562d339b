"""Low-bit networks on all of Fashion-MNIST, each beside its float twin: docs/fashion-mnist.md.

    python -m benchmarks.fashion_mnist --data ../shared/data/fashion_mnist
        [--net all|w4a4|binary] [--samples 60000] [--tested 10000] [--epochs N]
        [--seed 0] [--folder build/fashion-mnist] [--write docs/fashion-mnist.md]

A network is trained twice from the same first weights, for the same epochs: with its recipe, and
in float. The result of the recipe becomes an integer graph; the simulator runs it on all test
images, and every integer is compared with PyTorch's. With ``--folder`` a run that was stopped
goes on after its last epoch, and one that is complete is only tested again; minutes are those
of one core, all parts of a run together. Fails if an integer differs, or if all samples
were used and a bound is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.core_clock import CoreClock
from benchmarks.deep_compression import Images, load_images
from benchmarks.fashion_networks import NETWORKS, Network
from hwcompress.compress.export import export_qonnx
from hwcompress.compress.recipe import Data, run_recipe
from hwcompress.compress.recipe.recipe import Recipe
from hwcompress.compress.train import accuracy, logits
from hwcompress.frontend import import_model
from hwcompress.frontend.check import encoded
from hwcompress.ir import Graph, evaluate
from hwcompress.sim import Simulator

ALL, TESTED = 60_000, 10_000
REFERENCE_IMAGES = 100
"""Images of which the definition of every operation is run as well; it is slow."""


@dataclass(frozen=True)
class Row:
    """What came of a network; accuracies in percent of the test images.

    Attributes:
        pytorch: of the trained module.
        simulator: of the integer graph.
        differing: outputs whose integers are not PyTorch's.
        outputs: compared.
        twin: of the float network after the same epochs.
        epochs: of either training.
        weights: of the network, biases and batch norms not counted.
        minutes: of one core, for the recipe's training.
        twin_minutes: likewise, of the twin's.
        notes: of the recipe.
    """

    network: Network
    pytorch: float
    simulator: float
    differing: int
    outputs: int
    twin: float
    epochs: int
    weights: int
    minutes: float
    twin_minutes: float
    notes: tuple[str, ...]


def training(
    module: nn.Module, images: Images, recipe: Recipe, seed: int, folder: Path
) -> tuple[nn.Module, tuple[str, ...], float]:
    """The trained module, notes, and minutes of one core."""
    clock = CoreClock(folder)
    data = Data(images.train, images.labels)
    done = run_recipe(module, data, recipe, seed=seed, folder=folder, say=clock.say)
    return done.module, done.notes, clock.seconds / 60


def integers(module: nn.Module, x: np.ndarray, folder: Path) -> tuple[np.ndarray, int]:
    """Results of the integer graph in the simulator, and how many are not PyTorch's.

    Raises:
        SystemExit: the simulator is not what the operations are defined as.
    """
    export_qonnx(module, x.shape[1:], folder / "model.onnx")
    imported = import_model(folder / "model.onnx", samples=x[:100])
    graph: Graph = imported.graph
    feeds = encoded(imported, x)
    tensor = graph.outputs[0].inputs[0]
    found = Simulator(graph).outputs(feeds)[tensor]
    few = {name: values[:REFERENCE_IMAGES] for name, values in feeds.items()}
    if not np.array_equal(found[:REFERENCE_IMAGES], evaluate(graph, few)[tensor]):
        sys.exit("the simulator gives other integers than the definition of the operations")
    real = graph.tensors[tensor].affine.apply(found)
    wanted = logits(module, x)
    return real, int(np.count_nonzero(real.reshape(wanted.shape) != wanted))


def measure(network: Network, images: Images, epochs: int, seed: int, folder: Path) -> Row:
    """Train a network and its twin, and compare."""
    print(f"{network.title}: recipe", flush=True)
    start = network.float_network(seed)
    module, notes, minutes = training(
        start, images, network.few_bits(epochs), seed, folder / "recipe"
    )
    real, differing = integers(module, images.test, folder)
    scores = [
        100 * accuracy(values, images.test_labels) for values in (logits(module, images.test), real)
    ]
    print(f"{network.title}: {scores[1]:.2f} % in the simulator, {differing} integers differ")
    print(f"{network.title}: float twin", flush=True)
    twin, _, twin_minutes = training(start, images, network.twin(epochs), seed, folder / "twin")
    return Row(
        network=network,
        pytorch=scores[0],
        simulator=scores[1],
        differing=differing,
        outputs=real.size,
        twin=100 * accuracy(logits(twin, images.test), images.test_labels),
        epochs=epochs,
        weights=sum(
            part.weight.numel()
            for part in start.modules()
            if isinstance(part, nn.Conv2d | nn.Linear)
        ),
        minutes=minutes,
        twin_minutes=twin_minutes,
        notes=notes,
    )


def page(rows: Sequence[Row], images: Images, command: str) -> str:
    """What was measured, as Markdown."""
    lines = [
        "# Fashion-MNIST at few bits, measured",
        "",
        f"Written by `{command}` on one core; {len(images.train):,} training images,"
        f" {len(images.test):,} test images, torch {torch.__version__.split('+')[0]}.",
        "",
        "| network | weights, bits | activations, bits | PyTorch | simulator | integers that differ"
        " | bound | float twin | epochs | minutes, recipe and twin |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {row.network.title}, {row.weights:,} weights | {row.network.weights}"
        f" | {row.network.activations} | {row.pytorch:.2f} % | **{row.simulator:.2f} %**"
        f" | {row.differing} of {row.outputs:,} | {row.network.least:g} % | {row.twin:.2f} %"
        f" | {row.epochs} | {row.minutes:.1f}, {row.twin_minutes:.1f} |"
        for row in rows
    ]
    lines += [
        "",
        "The input image stays as the data set gives it, 8 bits a pixel. No layer has more bits"
        " than the table says, neither the first nor the last. The float twin has the same"
        " structure (ReLU where the binary network has signs) and starts from the same weights;"
        " it trains for the same epochs with Adam and the one-cycle schedule, at a highest rate"
        " of 0.005. The accuracy is that after the last epoch, of one seed; no epoch was chosen by"
        " the test images.",
        "",
        "W4A4 CNN: three 3 x 3 convolutions of 16, 32 and 64 channels, each with pooling, batch"
        " norm and ReLU, and a dense layer. Binary CNV-like net: CNV's six 3 x 3 convolutions (a"
        " pair, pooling, a pair, pooling, a pair), of 16 to 64 channels instead of 64 to 256, and"
        " two dense layers, of 128 and 10, instead of three. The image gets two zeros at each"
        " border, so that CNV's shapes hold; no other convolution is padded.",
        "Every weight is -1 or +1; the last layer's have one scale for all ten logits, which"
        " orders no class and stays outside the integers.",
    ]
    for row in rows:
        lines += ["", f"{row.network.title}:", "", *(f"- {note}" for note in row.notes)]
    return "\n".join([*lines, ""])


def main(given: Sequence[str] | None = None) -> None:
    """Train, compare, print, write, and fail where a bound is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="folder of Fashion-MNIST")
    parser.add_argument("--net", choices=("all", *NETWORKS), default="all")
    parser.add_argument("--samples", type=int, default=ALL, help="of the training set")
    parser.add_argument("--tested", type=int, default=TESTED, help="of the test images")
    parser.add_argument("--epochs", type=int, help="by default as each network needs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="keep files and checkpoints here")
    parser.add_argument("--write", type=Path)
    wanted = parser.parse_args(given)
    torch.set_num_threads(1)
    images = load_images(wanted.data, wanted.samples)
    images = replace(
        images, test=images.test[: wanted.tested], test_labels=images.test_labels[: wanted.tested]
    )
    chosen = NETWORKS if wanted.net == "all" else {wanted.net: NETWORKS[wanted.net]}
    with tempfile.TemporaryDirectory() as scratch:
        folder = wanted.folder or Path(scratch)
        rows = [
            measure(network, images, wanted.epochs or network.epochs, wanted.seed, folder / name)
            for name, network in chosen.items()
        ]
    command = f"python -m benchmarks.fashion_mnist --net {wanted.net} --samples {wanted.samples}"
    command += f" --tested {wanted.tested}" if wanted.tested < TESTED else ""
    command += f" --epochs {wanted.epochs}" if wanted.epochs else ""
    text = page(rows, images, f"{command} --seed {wanted.seed}")
    print(text)
    if wanted.write:
        wanted.write.write_text(text, encoding="utf-8")
    missed = [
        f"{row.network.title}: {row.differing} integers differ" for row in rows if row.differing
    ]
    if wanted.samples >= ALL and wanted.tested >= TESTED:
        missed += [
            f"{row.network.title}: {row.simulator:.2f} %, the bound is {row.network.least:g} %"
            for row in rows
            if row.simulator < row.network.least
        ]
    if missed:
        sys.exit("; ".join(missed))


if __name__ == "__main__":
    main()
