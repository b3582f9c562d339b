"""Deep Compression on Fashion-MNIST: how many times smaller, everything counted, and what it costs.

    python -m benchmarks.deep_compression --data ../shared/data/fashion_mnist
        [--network all|lenet5|cnn28] [--samples 60000] [--float-epochs N] [--epochs N] [--more N]
        [--folder build/deep-compression] [--write docs/deep-compression.md]

A network is trained in float; then its recipe runs: weights of 8 and activations of 4 bits, most
weights pruned while it trains, the float network as teacher, 16 shared values a layer, trained
again. The integer graph is packed, loaded, and simulated on all test images; the loaded graph
must give the integers of the one that was packed, and those of PyTorch. Sizes are those of files
on disk: the float ones are the parameters and statistics as float32, the same deflated, and the
integer graph as builds keep it. With ``--folder`` a run that was stopped goes on after its last
epoch. Minutes are those of one core; ``--samples 6000`` takes a tenth of them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.core_clock import CoreClock
from benchmarks.deep_networks import NETWORKS, Network
from hwcompress.compress.export import export_qonnx
from hwcompress.compress.recipe import Data, run_recipe
from hwcompress.compress.train import accuracy, logits, train_classifier
from hwcompress.data import load_dataset
from hwcompress.frontend import import_model
from hwcompress.ir import Graph, save
from hwcompress.packing import PackedSize, read_packed, write_packed
from hwcompress.sim import Simulator

SMALLER = 20.0
"""Times that the file has to be smaller than the float parameters."""
POINTS = 2.0
"""Points of accuracy that may be lost."""


@dataclass(frozen=True, eq=False)
class Images:
    """Real images ``(n, 1, 28, 28)`` float32, and labels."""

    train: np.ndarray
    labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


@dataclass(frozen=True)
class Result:
    """Accuracies in percent, sizes in bytes.

    Attributes:
        float_accuracy: of the float network.
        accuracy: of the integers that the loaded file gives.
        parameters: float parameters and statistics as float32.
        deflated: the same, deflated.
        folder: integer graph as builds keep it, two files.
        packed: of the packed file, by what the bytes are for.
        fixed: of a packed file whose words have one length.
        images: tested.
        notes: of the recipe.
        seconds: of one core, up to the last epoch.
    """

    network: Network
    float_accuracy: float
    accuracy: float
    parameters: int
    deflated: int
    folder: int
    packed: PackedSize
    fixed: int
    images: int
    notes: tuple[str, ...]
    seconds: float

    @property
    def smaller(self) -> float:
        """Times that the packed file is smaller than the float parameters."""
        return self.parameters / self.packed.total


def load_images(path: str, samples: int) -> Images:
    """The first samples for training, all test images."""
    data = load_dataset(path, training=True)
    train, test = data.real(data.x_train[:samples]), data.real(data.x_test)
    assert isinstance(train, np.ndarray) and isinstance(test, np.ndarray)
    assert data.y_train is not None and data.y_test is not None
    shape = (-1, 1, *train.shape[-2:])
    labels = data.y_train[:samples]
    return Images(train.reshape(shape), labels, test.reshape(shape), data.y_test)


def float_bytes(module: nn.Module) -> bytes:
    """Parameters and statistics as float32, one after the other."""
    values = [item for item in module.state_dict().values() if item.is_floating_point()]
    return b"".join(item.detach().to(torch.float32).numpy().tobytes() for item in values)


def check_file(
    graph: Graph, path: Path, module: nn.Module, images: Images
) -> tuple[PackedSize, float]:
    """Pack, load, simulate; size of the file, and accuracy of what it gives.

    Raises:
        SystemExit: an integer differs.
    """
    size = write_packed(graph, path)
    loaded = read_packed(path)
    tensor = graph.outputs[0].inputs[0]
    integers = graph.inputs[0].encode(images.test)
    feeds = {graph.inputs[0].outputs[0]: integers}
    found = Simulator(loaded).outputs(feeds)[tensor]
    if not np.array_equal(found, Simulator(graph).outputs(feeds)[tensor]):
        sys.exit("the loaded file gives other integers than the graph that was packed")
    real = loaded.tensors[tensor].affine.apply(found)
    if not np.array_equal(real, logits(module, images.test)):
        sys.exit("the loaded file gives other results than PyTorch")
    if path.stat().st_size != size.total:
        sys.exit(f"{path.stat().st_size} bytes on disk, {size.total} reported")
    return size, 100 * accuracy(real, images.test_labels)


def measure(network: Network, images: Images, folder: Path) -> Result:
    """The whole way."""
    clock = CoreClock(folder)
    count = len(images.train)
    module = trained(network, images, folder / f"float-{count}-{network.float_epochs}.pt", clock)
    before = 100 * accuracy(logits(module, images.test), images.test_labels)
    print(f"float: {before:.2f} %", flush=True)
    data = Data(images.train, images.labels)
    (folder / "recipe.toml").write_text(network.recipe_text(), encoding="utf-8")
    done = run_recipe(module, data, network.recipe(), folder=folder, say=clock.say)
    export_qonnx(done.module, images.train.shape[1:], folder / "model.onnx")
    graph = import_model(folder / "model.onnx", samples=images.train[:100]).graph
    size, after = check_file(graph, folder / "net.hwc", done.module, images)
    fixed = write_packed(graph, folder / "fixed.hwc", huffman=False).total
    kept = folder / "graph"
    kept.mkdir(exist_ok=True)
    save(graph, kept)
    whole = float_bytes(module)
    return Result(
        network=network,
        float_accuracy=before,
        accuracy=after,
        parameters=len(whole),
        deflated=len(zlib.compress(whole, 9)),
        folder=sum(item.stat().st_size for item in kept.iterdir()),
        packed=size,
        fixed=fixed,
        images=len(images.test),
        notes=done.notes,
        seconds=clock.seconds,
    )


def trained(network: Network, images: Images, path: Path, clock: CoreClock) -> nn.Module:
    """The float network; a file keeps it for a run that goes on."""
    torch.manual_seed(0)
    module = network.make()
    if path.is_file():
        module.load_state_dict(torch.load(path, weights_only=True))
        return module.eval()
    train_classifier(
        module,
        images.train,
        images.labels,
        epochs=network.float_epochs,
        batch=128,
        rate=network.float_rate,
        progress=lambda done, of, loss: clock.say(
            f"epoch {done} of {of} in float, loss {loss:.3f}"
        ),
    )
    torch.save(module.state_dict(), path)
    return module.eval()


def section(result: Result) -> list[str]:
    """What was measured of one network, as lines of Markdown."""
    network, size = result.network, result.packed
    lost = result.float_accuracy - result.accuracy
    lines = [
        f"## {network.title}",
        "",
        f"{network.about} Trained for {network.float_epochs} epochs in float, {network.epochs}"
        f" while it was pruned, {network.more} with shared values; {result.seconds / 60:.0f}"
        " minutes of one core.",
        "",
        f"The packed file is **{result.smaller:.1f} times smaller** than the float parameters and"
        f" loses **{lost:.2f} points**; loaded again, its integers are those of the graph that was"
        f" packed and those of PyTorch, on all {result.images:,} test images.",
        "",
        "| | bytes on disk | times smaller | accuracy |",
        "|---|--:|--:|--:|",
    ]
    for name, count, score in (
        ("float32 parameters and statistics, no container", result.parameters, True),
        ("the same, deflated", result.deflated, True),
        ("integer graph, `graph.json` and `graph.npz`", result.folder, False),
        ("packed, words of one length", result.fixed, False),
        ("**packed, Huffman's words**", size.total, False),
    ):
        accuracy_of = result.float_accuracy if score else result.accuracy
        lines.append(
            f"| {name} | {count:,} | {result.parameters / count:.1f} | {accuracy_of:.2f} % |"
        )
    lines += [
        "",
        f"Of the packed file {size.words:,} bytes are words, {size.tables:,} tables (values,"
        f" lengths of words, shapes), {size.facts:,} operations, types, scales and names,"
        f" {size.header} the header with its digest.",
        "",
        "| layer | array | coding | elements | not zero | values | padding zeros | bytes |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {item.op} | {item.field} | {item.way} | {item.elements:,} | {item.nonzero:,}"
        f" | {item.values:,} | {item.padding:,} | {item.total:,} |"
        for item in size.arrays
    ]
    return [*lines, "", *(f"- {note}" for note in result.notes), ""]


def page(results: Sequence[Result], command: str) -> str:
    """The page."""
    lines = [
        "# Deep Compression, measured",
        "",
        f"Written by `{command}`, Fashion-MNIST, one thread, one seed. The goal is"
        f" {SMALLER:g} times smaller on disk, everything counted, with {POINTS:g} points lost at"
        " most.",
        "",
        "| network | float32 bytes | packed bytes | times smaller | float | packed | points lost |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {item.network.title} | {item.parameters:,} | {item.packed.total:,}"
        f" | **{item.smaller:.1f}** | {item.float_accuracy:.2f} % | {item.accuracy:.2f} %"
        f" | **{item.float_accuracy - item.accuracy:.2f}** |"
        for item in results
    ]
    lines += [
        "",
        "Points are lost against the float network that the recipe starts from and has as its"
        " teacher. The recipe goes on training; a float network trained for all these epochs is"
        " not measured here and may be some tenths of a point better.",
    ]
    for item in results:
        lines += ["", *section(item)[:-1]]
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure, print, write, and fail if the goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="folder of Fashion-MNIST")
    parser.add_argument("--network", choices=("all", *NETWORKS), default="all")
    parser.add_argument("--samples", type=int, default=60_000, help="of the training set")
    parser.add_argument("--float-epochs", type=int, help="by default as each network needs")
    parser.add_argument("--epochs", type=int, help="while pruning")
    parser.add_argument("--more", type=int, help="of the shared values")
    parser.add_argument("--folder", type=Path, help="keep files and checkpoints here")
    parser.add_argument("--write", type=Path)
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    images = load_images(wanted.data, wanted.samples)
    chosen = [*NETWORKS] if wanted.network == "all" else [wanted.network]
    given = ("float_epochs", "epochs", "more")
    with tempfile.TemporaryDirectory() as scratch:
        folder = wanted.folder or Path(scratch)
        results = [
            measure(
                NETWORKS[name].with_epochs(*(getattr(wanted, item) for item in given)),
                images,
                folder / name,
            )
            for name in chosen
        ]
    command = f"python -m benchmarks.deep_compression --network {wanted.network}"
    command += f" --samples {wanted.samples}"
    for item in given:
        if (value := getattr(wanted, item)) is not None:
            command += f" --{item.replace('_', '-')} {value}"
    text = page(results, command)
    print(text)
    if wanted.write:
        wanted.write.write_text(text, encoding="utf-8")
    missed = [
        f"{item.network.title}: {item.smaller:.1f} times smaller,"
        f" {item.float_accuracy - item.accuracy:.2f} points lost"
        for item in results
        if item.smaller < SMALLER or item.float_accuracy - item.accuracy > POINTS
    ]
    if missed:
        sys.exit(
            f"the goal is {SMALLER:g} times smaller at {POINTS:g} points lost at most: "
            + "; ".join(missed)
        )


if __name__ == "__main__":
    main()
