"""Accuracy and LUTs by bit width, 1 to 8, on three small data sets.

    python -m benchmarks.bits_table --data ../shared/data [--bits 1,2,3,4,5,6,7,8]
        [--tasks magic,nsl-kdd,mit-bih] [--epochs N] [--samples N] [--target-cycles 128]
        [--no-synthesis] [--folder build/bits] [--write docs/bits.md]

Each data set gets one small network. It is trained in float; then a recipe of the toolkit
goes on from there, with all weights and activations of so many bits (first and last layer as
well) and an input of 8. The module is exported and imported, all test samples are simulated
and must give PyTorch's numbers exactly, and Yosys counts the generated Verilog, all designs at one
interval, products made of LUTs. What is finished lies in ``--folder`` as JSON, and the same
command goes on from there. Beside the page comes a CSV with the same figures.
One thread; most of the time is Yosys, about half a minute of a core a design.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.bits_data import TASKS, Samples, Task, network
from benchmarks.bits_page import page
from hwcompress import boards
from hwcompress.compress.export import export_qonnx
from hwcompress.compress.recipe import Data, Recipe, parse_recipe, run_recipe
from hwcompress.compress.train import logits, train_classifier
from hwcompress.errors import HwcompressError
from hwcompress.flow.compressing.hardware import counted_by, design_of
from hwcompress.flow.settings import BuildSettings
from hwcompress.frontend import import_model
from hwcompress.hls.synth import synthesize
from hwcompress.ir import Graph
from hwcompress.packing import pack_graph
from hwcompress.sim import Simulator

FLOAT, LONGER = 32, 33
"""In place of bits: the float network, and the same trained on for as long as each width is."""
_BATCH = 256


@dataclass(frozen=True)
class Row:
    """A network, measured.

    Attributes:
        task: key of the data set.
        bits: of weights and activations; 32 for the float network, 33 for the same trained on.
        accuracy: right decisions on the test set, 0 to 1; of integers in the simulator.
        balanced: mean over the classes of the share of right ones.
        differing: outputs of the simulator that are not PyTorch's.
        size: bytes: float32 parameters and statistics, or the packed file.
        lut, ff, bram, dsp: counted by Yosys; -1 where they were not.
        interval, latency: cycles; -1 for the float network.
        by: what counted.
        test: samples.
        seconds: of the training.
    """

    task: str
    bits: int
    accuracy: float
    balanced: float
    differing: int
    size: int
    lut: float = -1
    ff: float = -1
    bram: float = -1
    dsp: float = -1
    interval: int = -1
    latency: int = -1
    by: str = ""
    test: int = 0
    seconds: float = 0.0


def recipe_of(bits: int, epochs: int, rate: float) -> Recipe:
    """So many bits everywhere, the input 8, trained: steps are powers of two, their exponents
    learned; one bit is {-1, +1}, and {0, 1} behind a ReLU, which is another step of recipes."""
    step = 'name = "fixed-point"\nedge_bits = 0\ninput_bits = 8\n'
    edge = ""
    if bits == 1:
        step = 'name = "quantize"\n'
        edge = 'layers = [{ match = "@first", act_bits = 8 }]\n'
    step += f"weight_bits = {bits}\nact_bits = {bits}\n"
    text = f'summary = "{bits} bits"\n[[step]]\n{step}{edge}{_train(epochs, rate)}'
    return parse_recipe(text, f"w{bits}a{bits}")


def _train(epochs: int, rate: float) -> str:
    return f'[[step]]\nname = "train"\nepochs = {epochs}\nrate = {rate}\nbatch = {_BATCH}\n'


def shares(outputs: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Accuracy, and its mean over the classes that occur."""
    right = outputs.argmax(axis=1) == labels
    classes = np.unique(labels)
    return float(right.mean()), float(np.mean([right[labels == item].mean() for item in classes]))


def trained(task: Task, samples: Samples, epochs: int, path: Path) -> tuple[nn.Module, float]:
    """The float network and the seconds its training took; a file keeps it."""
    torch.manual_seed(0)
    module = network(task.sizes)
    if path.is_file():
        module.load_state_dict(torch.load(path, weights_only=True))
        return module.eval(), 0.0
    start = time.perf_counter()
    train_classifier(module, samples.x, samples.y, epochs=epochs, rate=task.rate, batch=_BATCH)
    torch.save(module.state_dict(), path)
    return module.eval(), time.perf_counter() - start


def longer(task: Task, samples: Samples, module: nn.Module, epochs: int) -> tuple[nn.Module, float]:
    """The float network trained on, and the seconds that took."""
    start = time.perf_counter()
    text = f'summary = "float"\n{_train(epochs, task.rate)}'
    made = run_recipe(module, Data(samples.x, samples.y), parse_recipe(text, "float"))
    return made.module, time.perf_counter() - start


def float_row(task: Task, bits: int, samples: Samples, module: nn.Module, seconds: float) -> Row:
    """A baseline."""
    right, balanced = shares(logits(module, samples.x_test), samples.y_test)
    values = [item for item in module.state_dict().values() if item.is_floating_point()]
    size = sum(4 * item.numel() for item in values)
    count = len(samples.y_test)
    return Row(task.key, bits, right, balanced, 0, size, test=count, seconds=seconds)


def quantized(
    module: nn.Module, samples: Samples, recipe: Recipe, folder: Path
) -> tuple[Graph, np.ndarray, int, float]:
    """The graph that a recipe makes, what the simulator gives for the test samples (real values),
    how many of these are not PyTorch's, and the seconds that training took."""
    start = time.perf_counter()
    made = run_recipe(module, Data(samples.x, samples.y), recipe).module
    seconds = time.perf_counter() - start
    export_qonnx(made, samples.x.shape[1:], folder / "model.onnx")
    graph = import_model(folder / "model.onnx", samples=samples.x_test[:100]).graph
    tensor = graph.outputs[0].inputs[0]
    feeds = {graph.inputs[0].outputs[0]: graph.inputs[0].encode(samples.x_test)}
    real = graph.tensors[tensor].affine.apply(Simulator(graph).outputs(feeds)[tensor])
    return graph, real, int((real != logits(made, samples.x_test)).sum()), seconds


def measure(
    task: Task, samples: Samples, module: nn.Module, bits: int, wanted: argparse.Namespace
) -> Row:
    """One width: trained, simulated, counted."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        recipe = recipe_of(bits, wanted.epochs or task.epochs, task.rate)
        graph, real, differing, seconds = quantized(module, samples, recipe, folder)
        right, balanced = shares(real, samples.y_test)
        size = len(pack_graph(graph).data)
        row = Row(task.key, bits, right, balanced, differing, size)
        values = asdict(row) | {"test": len(samples.y_test), "seconds": seconds}
        board = boards.load(wanted.board)
        settings = BuildSettings(board.name, multiplier="lut")
        _, interval, latency = design_of(
            graph, board, settings, wanted.target_cycles, folder / "rtl"
        )
        values |= {"interval": interval, "latency": latency}
        if wanted.synthesis:
            seen = synthesize(folder / "rtl", folder / "synth", board=board)
            total = seen.total
            values |= {"lut": total.lut, "ff": total.ff, "bram": float(total.bram)}
            values |= {"dsp": total.dsp, "by": counted_by(seen)}
        return Row(**values)


class Finished:
    """Rows that are done, in a file that every new one is added to."""

    def __init__(self, path: Path, conditions: str) -> None:
        self.path, self.conditions = path, conditions
        self.rows: dict[str, Row] = {}
        if path.is_file():
            stored = json.loads(path.read_text(encoding="utf-8"))
            if stored["conditions"] != conditions:
                sys.exit(
                    f"{path} holds rows of {stored['conditions']}, wanted are {conditions}:"
                    " give another --folder"
                )
            self.rows = {key: Row(**item) for key, item in stored["rows"].items()}

    def get(self, task: str, bits: int) -> Row | None:
        """A row, if it is done."""
        return self.rows.get(f"{task}/{bits}")

    def add(self, row: Row) -> None:
        """Keep a row; the file appears whole."""
        self.rows[f"{row.task}/{row.bits}"] = row
        rows = {key: asdict(item) for key, item in self.rows.items()}
        partial = self.path.with_suffix(".partial")
        text = json.dumps({"conditions": self.conditions, "rows": rows}, indent=1)
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(self.path)


def run(wanted: argparse.Namespace, folder: Path) -> list[Row]:
    """All rows, in order."""
    conditions = (
        f"epochs {wanted.epochs or 'of the task'}, samples {wanted.samples or 'all'},"
        f" board {wanted.board}, target {wanted.target_cycles}, synthesis {wanted.synthesis}"
    )
    done = Finished(folder / "rows.json", conditions)
    found = []
    for task in TASKS:
        if task.key not in wanted.tasks:
            continue
        samples = task.load(wanted.data)
        if wanted.samples:
            samples = samples.first(wanted.samples)
        epochs = wanted.epochs or task.epochs
        module, seconds = trained(task, samples, epochs, folder / f"{task.key}.pt")
        for bits in (FLOAT, LONGER, *sorted(wanted.bits, reverse=True)):
            row = done.get(task.key, bits)
            if row is None:
                if bits == FLOAT:
                    row = float_row(task, bits, samples, module, seconds)
                elif bits == LONGER:
                    row = float_row(task, bits, samples, *longer(task, samples, module, epochs))
                else:
                    row = measure(task, samples, module, bits, wanted)
                done.add(row)
                print(_said(row), flush=True)
            found.append(row)
    return found


def _said(row: Row) -> str:
    counted = f", {row.lut:,.0f} LUT, {row.dsp:g} DSP" if row.lut >= 0 else ""
    return (
        f"{row.task}, {row.bits} bits: {row.accuracy:.2%}, balanced {row.balanced:.2%},"
        f" {row.differing} differing{counted}; {row.seconds:.0f} s of training"
    )


def table(rows: list[Row]) -> str:
    """The figures as CSV."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [item.name for item in fields(Row)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return stream.getvalue()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write, and fail if an integer differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--tasks", default=",".join(task.key for task in TASKS))
    parser.add_argument("--bits", default="1,2,3,4,5,6,7,8")
    parser.add_argument("--epochs", type=int, default=0, help="in float, and again per width")
    parser.add_argument("--samples", type=int, default=0, help="of each set; 0 for all")
    parser.add_argument("--target-cycles", type=int, default=128)
    parser.add_argument("--board", default="pynq-z2")
    parser.add_argument("--synthesis", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--folder", type=Path, help="keep finished rows here")
    parser.add_argument("--write", type=Path)
    wanted = parser.parse_args(arguments)
    wanted.tasks = wanted.tasks.split(",")
    known = [task.key for task in TASKS]
    if unknown := set(wanted.tasks) - set(known):
        parser.error(f"no data set {min(unknown)!r}; there are {', '.join(known)}")
    try:
        wanted.bits = [int(item) for item in wanted.bits.split(",")]
    except ValueError:
        parser.error(f"--bits is {wanted.bits!r}: give numbers with commas between them")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = wanted.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            rows = run(wanted, folder)
        except HwcompressError as error:
            sys.exit(f"error: {error}")
    text = page(rows, wanted)
    print(text)
    if wanted.write:
        wanted.write.write_text(text, encoding="utf-8")
        wanted.write.with_suffix(".csv").write_text(table(rows), encoding="utf-8")
    if any(row.differing for row in rows):
        sys.exit("integers differ between PyTorch and the simulator")


if __name__ == "__main__":
    main()
