"""Float models quantized to 8 bits after training: what it costs, and that it is exact.

    python benchmarks/ptq_accuracy.py --data ../shared [--samples 1000] [--rows rows.json]
        [--only "float ONNX"] [--write docs/ptq.md]

Real data: MAGIC and Fashion-MNIST with networks trained here in a few minutes, CIFAR-10 with
published ResNets. The float model and the quantized one are run on all test samples by
PyTorch, the simulator on the first ``--samples`` of them, whose output integers are compared
with PyTorch's. ``--rows`` keeps what is measured, so that a stopped run goes on where it was;
``--only`` measures the rows whose network, data or source contain a text.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hwcompress.compress.after_training import quantize_after_training
from hwcompress.compress.calibrate import calibrate
from hwcompress.compress.export import export_qonnx
from hwcompress.compress.quantize import input_scale_for, quantize_module
from hwcompress.compress.train import accuracy, logits, train_classifier
from hwcompress.data import load_dataset
from hwcompress.frontend import import_model
from hwcompress.frontend.check import check_values, encoded, source_samples
from hwcompress.frontend.onnx_model import read_onnx
from hwcompress.frontend.to_torch import to_torch
from hwcompress.models.loader import load_module
from hwcompress.models.weights import load_weights
from hwcompress.sim import Simulator

CALIBRATION = 1000
BLOCK = 250
HERE = Path(__file__).parent


@dataclass(frozen=True, eq=False)
class Samples:
    """Real samples ``(n, ...)`` float32 and labels."""

    train: np.ndarray
    labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


@dataclass(frozen=True)
class Case:
    """What one row measures: how the float model and the samples are come by."""

    network: str
    data: str
    source: str
    module: Callable[[], nn.Module]
    samples: Callable[[], Samples]


@dataclass(frozen=True)
class Row:
    """Accuracies in percent, and the comparison of the simulator with PyTorch."""

    network: str
    data: str
    source: str
    float_accuracy: float
    plain: float
    quantized: float
    simulated: int
    integers: int
    mismatches: int


def magic(root: Path) -> Samples:
    """Ten features, each with mean 0 and deviation 1 over the training set."""
    with np.load(root / "data/magic_gamma/magic_gamma.npz", allow_pickle=False) as archive:
        x, y, test, test_y = (archive[key] for key in ("x_train", "y_train", "x_test", "y_test"))
    mean, deviation = x.mean(0), x.std(0)
    scaled = [((part - mean) / deviation).astype(np.float32) for part in (x, test)]
    return Samples(scaled[0], y.astype(np.int64), scaled[1], test_y.astype(np.int64))


def fashion(root: Path) -> Samples:
    """Images 0..1, 20,000 of the training samples."""
    data = load_dataset(root / "data/fashion_mnist")
    assert data.y_train is not None
    assert data.y_test is not None
    train, test = data.real_train()[:20_000, None], data.real_test()[:, None]
    return Samples(train, data.y_train[:20_000], test, data.y_test)


def cifar(root: Path, prepare: Callable[[np.ndarray], np.ndarray]) -> Samples:
    """The calibration samples and the test set, as a network takes them."""
    with np.load(root / "data/cifar10/cifar10_subset.npz", allow_pickle=False) as archive:
        train, test = archive["x_train"][:CALIBRATION], archive["x_test"]
        labels, test_labels = archive["y_train"][:CALIBRATION], archive["y_test"]
    return Samples(
        prepare(train), labels.astype(np.int64), prepare(test), test_labels.astype(np.int64)
    )


def normalized(images: np.ndarray) -> np.ndarray:
    """As the published ResNet-20 takes them: ImageNet's mean and deviation."""
    mean = np.array([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)
    deviation = np.array([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)
    return ((images / 255 - mean) / deviation).astype(np.float32)


def bytes_last(images: np.ndarray) -> np.ndarray:
    """As MLPerf Tiny's ResNet-8 takes them: 0..255, channels last."""
    return images.transpose(0, 2, 3, 1).astype(np.float32)


def mlp() -> nn.Module:
    """10-64-32-2 with batch norms."""
    return nn.Sequential(
        nn.Linear(10, 64), nn.BatchNorm1d(64), nn.ReLU(),
        nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2),
    )  # fmt: skip


def cnn() -> nn.Module:
    """Three convolutions with batch norms, a global average, a linear layer."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((1, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def through_onnx(module: nn.Module, shape: tuple[int, ...], folder: Path) -> nn.Module:
    """Written as float ONNX by PyTorch (which folds batch norms), and read back."""
    path = folder / "float.onnx"
    torch.onnx.export(module, (torch.zeros(1, *shape),), str(path), dynamo=False)
    return to_torch(read_onnx(path))


def plainly_quantized(module: nn.Module, samples: np.ndarray) -> nn.Module:
    """The recipe that precedes training: batch norms kept, one weight scale a layer."""
    signed = bool(samples.min() < 0)
    quantized = quantize_module(
        module, weight_bits=8, act_bits=8, input_scale=input_scale_for(samples, 8, signed),
        signed_input=signed,
    )  # fmt: skip
    calibrate(quantized, samples)
    return quantized


def measure(
    network: str, data: str, source: str, module: nn.Module, samples: Samples, count: int
) -> Row:
    """One row of the table."""
    started = time.monotonic()
    some = samples.train[:CALIBRATION]
    quantized = quantize_after_training(module, some)
    shape = samples.test.shape[1:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_qonnx(quantized, shape, path)
        imported = import_model(path, samples=samples.test)
    fed = np.asarray(source_samples(imported, samples.test), np.float32)
    host = len(imported.graph.outputs[0].host)
    outputs = logits(quantized, fed, host=host)
    tensor = imported.graph.outputs[0].inputs[0]
    simulator = Simulator(imported.graph)
    mismatches = integers = 0
    used = min(count, len(fed))
    for start in range(0, used, BLOCK):
        rows = slice(start, min(start + BLOCK, used))
        (inputs,) = encoded(imported, samples.test[rows]).values()
        ours = simulator.trace(inputs)[tensor]
        (result,) = check_values(
            imported, "PyTorch", {tensor: outputs[rows]}, fed[rows], {tensor: ours}
        )
        mismatches, integers = mismatches + result.mismatches, integers + result.values
    rows_of = [
        100 * accuracy(item, samples.test_labels)
        for item in (
            logits(module, samples.test),
            logits(plainly_quantized(module, some), samples.test),
            outputs,
        )
    ]
    row = Row(network, data, source, *rows_of, used, integers, mismatches)
    print(row, f"{time.monotonic() - started:.0f} s", flush=True)
    return row


def _here(made: Callable[[], nn.Module], samples: Samples, epochs: int) -> nn.Module:
    """Trained here, the same every time."""
    torch.manual_seed(0)
    module = made()
    train_classifier(module, samples.train, samples.labels, epochs=epochs, batch=128)
    return module


def _resnet20(root: Path) -> nn.Module:
    module = load_module(f"{HERE / 'resnet20.py'}:resnet20")
    load_weights(module, root / "models/checkpoints/resnet20_cifar10.npz")
    return module.eval()


def _published(root: Path, name: str) -> nn.Module:
    return to_torch(read_onnx(root / "models/float" / name))


def cases(root: Path, folder: Path) -> Iterator[Case]:
    """Every row of the table, in order; nothing is read or trained before it is asked for."""
    for network, data, made, read, epochs in (
        ("MLP 10-64-32-2", "MAGIC", mlp, magic, 8),
        ("CNN 16-32-64", "Fashion-MNIST", cnn, fashion, 4),
    ):
        samples = cache(partial(read, root))
        module = cache(lambda m=made, s=samples, e=epochs: _here(m, s(), e))
        yield Case(network, data, "module", module, samples)
        again = partial(lambda m, s: through_onnx(m(), s().test.shape[1:], folder), module, samples)
        yield Case(network, data, "float ONNX", again, samples)
    samples = cache(partial(cifar, root, normalized))
    network, data = "ResNet-20", "CIFAR-10"
    yield Case(network, data, "state dict and module", partial(_resnet20, root), samples)
    name = "resnet20_cifar10.onnx"
    yield Case(network, data, "float ONNX", partial(_published, root, name), samples)
    yield Case(
        "ResNet-8 (MLPerf Tiny)", data, "float ONNX, from TFLite",
        partial(_published, root, "mlperf_tiny_resnet8_float.onnx"),
        partial(cifar, root, bytes_last),
    )  # fmt: skip


def run(root: Path, count: int, kept: Path | None, only: str) -> list[Row]:
    """The rows asked for; those that ``kept`` has already are not measured again."""
    rows: list[Row] = []
    stored: list[Row] = []
    if kept is not None and kept.is_file():
        stored = [Row(**entry) for entry in json.loads(kept.read_text("utf-8"))]
    known = {(row.network, row.data, row.source): row for row in stored}
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(root, Path(folder)):
            key = (case.network, case.data, case.source)
            if only not in " ".join(key):
                continue
            if key not in known:
                known[key] = measure(*key, case.module(), case.samples(), count)
                if kept is not None:
                    entries = [asdict(row) for row in known.values()]
                    kept.write_text(json.dumps(entries, indent=1), encoding="utf-8")
            rows.append(known[key])
    return rows


def page(rows: list[Row]) -> str:
    """``docs/ptq.md``."""
    lines = [
        "# Quantized after training",
        "",
        "Written by `benchmarks/ptq_accuracy.py`. Float models, quantized to 8-bit weights and",
        f"8-bit activations with {CALIBRATION:,} calibration samples of the training set and no",
        "training. Accuracy in percent on the whole test set (MAGIC 3,804, Fashion-MNIST 10,000,",
        "CIFAR-10 a stratified subset of 4,000), computed by PyTorch in float32. Mismatches:",
        "output integers of the simulator that differ from the quantized PyTorch model's.",
        "",
        "| network | data | came as | float | 8 bit | change | mismatches | one scale a layer |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        change = row.quantized - row.float_accuracy
        lines.append(
            f"| {row.network} | {row.data} | {row.source} | {row.float_accuracy:.2f}"
            f" | {row.quantized:.2f} | {change:+.2f} | {row.mismatches} of {row.integers:,}"
            f" ({row.simulated:,} samples) | {row.plain:.2f} |"
        )
    lines += [
        "",
        "All scales are powers of two. What the recipe (`hwcompress/compress/after_training.py`)",
        "does beyond putting in quantizers:",
        "",
        "- batch norms and constant gains and offsets are folded into the layer before them;",
        "- weights have a scale for each output channel, but in layers that give the model's",
        "  output, whose integers have to compare as the logits do;",
        "- an activation's scale covers 99.999 % of the values that the calibration samples give;",
        "- biases are rounded to whole steps of their accumulators, so that float32 computes every",
        "  sum exactly and PyTorch agrees with the integers without any tolerance.",
        "",
        "The last column is the accuracy without the first two (batch norms kept, one weight scale",
        "for a layer), which is what the recipe for training starts from.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with data/ and models/")
    parser.add_argument("--samples", type=int, default=1000, help="for the simulator")
    parser.add_argument("--rows", type=Path, help="JSON file that keeps rows between runs")
    parser.add_argument("--only", default="", help="rows whose description contains this")
    parser.add_argument("--write", type=Path, help="docs/ptq.md")
    options = parser.parse_args()
    if options.write is not None and options.only:
        parser.error("--write needs every row: leave --only out")
    text = page(run(options.data, options.samples, options.rows, options.only))
    if options.write is not None:
        options.write.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
