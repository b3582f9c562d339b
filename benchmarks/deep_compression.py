"""Deep Compression on Fashion-MNIST: how many times smaller, everything counted, and what it costs.

    python benchmarks/deep_compression.py --data ../shared/data/fashion_mnist
        [--samples 60000] [--float-epochs 6] [--epochs 8] [--more 3] [--sparsity 0.87]
        [--folder build/deep-compression] [--write docs/deep-compression.md]

CNN28, three convolutions and a dense layer, 29 thousand weights, is trained in float; then
the recipe ``deep-compression`` runs: weights of 8 and activations of 4 bits, most weights
pruned while it trains, 16 shared values a layer, trained again. The integer graph is packed,
loaded, and simulated on all test images; the loaded graph must give the integers of the one
that was packed, and those of PyTorch. Sizes are those of files on disk: the float ones are
the parameters and statistics as float32, the same deflated, and the integer graph as builds
keep it. With ``--folder`` a run that was stopped goes on after its last epoch. All 60,000
images and the default epochs take about a quarter of an hour on two cores; ``--samples
6000`` two minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hwcompress.compress.export import export_qonnx
from hwcompress.compress.recipe import Data, load_recipe, run_recipe
from hwcompress.compress.recipe.recipe import Recipe
from hwcompress.compress.recipe.schedule import Schedule
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
        seconds: of everything.
    """

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


def cnn28() -> nn.Module:
    """The network."""
    layers: list[nn.Module] = []
    for before, after in ((1, 16), (16, 32), (32, 64)):
        conv = nn.Conv2d(before, after, 3, padding=1, bias=False)
        layers += [conv, nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(576, 10))


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


def recipe_for(wanted: argparse.Namespace) -> Recipe:
    """The built-in recipe with the epochs and the sparsity asked for."""
    made = load_recipe("deep-compression")
    sparsity = Schedule(0.0, wanted.sparsity, "cubic", 0.0, 0.7)
    made = made.with_options("prune", sparsity=sparsity)
    # Two trainings of the same name: by their place.
    steps, epochs = [], [wanted.epochs, wanted.more]
    for item in made.steps:
        if item.name == "train":
            alone = Recipe(made.name, made.summary, (item,))
            (item,) = alone.with_options("train", epochs=epochs.pop(0)).steps
        steps.append(item)
    return Recipe(made.name, made.summary, tuple(steps))


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


def measure(wanted: argparse.Namespace, folder: Path) -> Result:
    """The whole way."""
    start = time.perf_counter()
    images = load_images(wanted.data, wanted.samples)
    module = trained(images, wanted.float_epochs, folder / f"float-{wanted.samples}.pt")
    before = 100 * accuracy(logits(module, images.test), images.test_labels)
    print(f"float: {before:.2f} %", flush=True)
    data = Data(images.train, images.labels)
    done = run_recipe(
        module, data, recipe_for(wanted), folder=folder, say=lambda text: print(text, flush=True)
    )
    export_qonnx(done.module, images.train.shape[1:], folder / "model.onnx")
    graph = import_model(folder / "model.onnx", samples=images.train[:100]).graph
    size, after = check_file(graph, folder / "net.hwc", done.module, images)
    fixed = write_packed(graph, folder / "fixed.hwc", huffman=False).total
    kept = folder / "graph"
    kept.mkdir(exist_ok=True)
    save(graph, kept)
    whole = float_bytes(module)
    return Result(
        float_accuracy=before,
        accuracy=after,
        parameters=len(whole),
        deflated=len(zlib.compress(whole, 9)),
        folder=sum(item.stat().st_size for item in kept.iterdir()),
        packed=size,
        fixed=fixed,
        images=len(images.test),
        notes=done.notes,
        seconds=time.perf_counter() - start,
    )


def trained(images: Images, epochs: int, path: Path) -> nn.Module:
    """The float network; a file keeps it for a run that goes on."""
    torch.manual_seed(0)
    module = cnn28()
    if path.is_file():
        module.load_state_dict(torch.load(path, weights_only=True))
        return module.eval()
    train_classifier(
        module,
        images.train,
        images.labels,
        epochs=epochs,
        rate=5e-3,
        progress=lambda done, of, loss: print(f"float epoch {done} of {of}, loss {loss:.3f}"),
    )
    torch.save(module.state_dict(), path)
    return module.eval()


def page(result: Result, command: str) -> str:
    """What was measured, as Markdown."""
    size, lost = result.packed, result.float_accuracy - result.accuracy
    lines = [
        "# Deep Compression, measured",
        "",
        f"Written by `{command}` in {result.seconds / 60:.0f} minutes on {torch.get_num_threads()}"
        " threads.",
        "",
        f"CNN28 on Fashion-MNIST, {result.images:,} test images. The packed file is"
        f" **{result.smaller:.1f} times smaller** than the float parameters and loses"
        f" {lost:.2f} points; loaded again, its integers are those of the graph that was packed and"
        " those of PyTorch, on every test image.",
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
    return "\n".join([*lines, "", *(f"- {note}" for note in result.notes), ""])


def main() -> None:
    """Measure, print, write, and fail if the goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="folder of Fashion-MNIST")
    parser.add_argument("--samples", type=int, default=60_000, help="of the training set")
    parser.add_argument("--float-epochs", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=8, help="while pruning")
    parser.add_argument("--more", type=int, default=3, help="of the shared values")
    parser.add_argument("--sparsity", type=float, default=0.87)
    parser.add_argument("--folder", type=Path, help="keep files and checkpoints here")
    parser.add_argument("--write", type=Path)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = wanted.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        result = measure(wanted, folder)
    given = [f"--samples {wanted.samples}", f"--float-epochs {wanted.float_epochs}"]
    given += [f"--epochs {wanted.epochs}", f"--more {wanted.more}", f"--sparsity {wanted.sparsity}"]
    text = page(result, f"python benchmarks/deep_compression.py {' '.join(given)}")
    print(text)
    if wanted.write:
        wanted.write.write_text(text, encoding="utf-8")
    if result.smaller < SMALLER or result.float_accuracy - result.accuracy > POINTS:
        sys.exit(f"the goal is {SMALLER:g} times smaller at {POINTS:g} points lost at most")


if __name__ == "__main__":
    main()
