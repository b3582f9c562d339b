"""A jet tagger of 6-bit weights with fewer bits, without data: what its outputs and LUTs become.

    python -m benchmarks.requantize --models ../shared/models [--bits 5,4,3,2,1]
        [--target-cycles 128] [--drawn 2000] [--folder build/requantize]
        [--no-synthesis] [--write docs/requantize.md]

``jets_qkeras_w6a6.onnx`` (somebody else's: 16-64-32-32-5, ReLUs of 6 bits) is imported and its
weights requantized, all layers alike. Outputs before the softmax are compared, on
the model's reference inputs and on drawn ones, with those of the model as it is; probabilities
also with its reference outputs. Yosys counts every design at one interval. Finished designs
are kept in ``--folder``; one takes Yosys about half a minute of a core.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hwcompress import boards
from hwcompress.errors import HwcompressError
from hwcompress.flow.compressing.facts import HardwareFacts
from hwcompress.flow.compressing.graphs import graph_size
from hwcompress.flow.compressing.hardware import measured
from hwcompress.flow.settings import BuildSettings
from hwcompress.frontend import import_model
from hwcompress.ir import Graph, fingerprint
from hwcompress.report.convert import from_json, to_json
from hwcompress.requantize import Scales, requantize_graph
from hwcompress.sim import Simulator

MODEL = "qonnx/jets_qkeras_w6a6"
SHOWN: tuple[Scales, ...] = ("channel", "power-of-two")

_HEAD = """# Requantizing a quantized model without data

```sh
hwcompress requantize jets.onnx --bits 4 --compare jets.io.npz
hwcompress requantize net.onnx --bits 3 --layer @first=8 --layer "fc*=2" --out small
hwcompress build small/model.hwc --data test.npz
```

`requantize` gives the weights of a model that is quantized already (QONNX, QDQ, FINN-ONNX, a
Brevitas module, a build folder, a packed graph) fewer bits, and needs no data. It works on
the integer graph, and what it makes is an exact integer graph again: simulator, Verilog and
`hwcompress build` take it like any other. The result folder holds `graph/`, `model.hwc` and
`result.json`.

## The rule

1. **Levels.** `b` bits are the integers from `-(2^(b-1) - 1)` to `2^(b-1) - 1`; one bit is -1
   and +1; two bits are ternary. Where no weight of a layer is negative they are `0 ... 2^b - 1`.
   A layer that has no more bits is kept.
2. **Multipliers.** Weights `w` become `m q`, with `q` a level and `m` a multiplier for each output
   channel (`--scales channel`), one for a layer (`layer`), or one that is a power of two
   (`power-of-two`). Of all multipliers, in sixteenths, the one with the least sum of squared
   errors is taken, by trying them.
3. **Balance.** In layers that read nothing negative, errors of a row that add up to something
   move all sums one way. With inputs taken for rectified normal ones the expected squared
   error of a sum is proportional to `sum(e^2) + sum(e)^2 / (pi - 1)`; weights go to a
   neighbouring level, those first that lose least, while that falls. `--nearest` leaves it out.
4. **Where multipliers go.** The old sum is `m s + bias` of the new sum `s`. A threshold
   becomes `s >= ceil((t - bias) / m)`, a rescaling `(mul m, add + mul bias, shift)`; both are
   exact, and there may be maxima between. Where anything else reads the sums (the output, an
   addition) multipliers are whole numbers and a rescaling of the layer's own makes
   `m s + bias` again.

Biases, activations and the types between layers stay as they were. `--layer PATTERN=BITS` and
`PATTERN=keep` treat single layers otherwise. The screen and `result.json` show every layer's
squared error, both packed sizes, what Yosys counts in designs of one interval before and
after, and, with `--compare`, the change of the outputs, of the decisions, and of the accuracy if
there are labels.

Without data nobody knows what accuracy is left: compare on data before the result is used.
Where there are data to train with, the recipes of [compression.md](compression.md) get further
with as few bits.

## Measured: a jet tagger from 6 bits to 1

Written by `python -m benchmarks.requantize --models ../shared/models --write docs/requantize.md`.

`{model}`, of somebody else: 16-64-32-32-5, weights and ReLUs of 6 bits. *Reference*:
its {count} reference inputs; *drawn*: {drawn:,} standard normal ones (seed 0), as its features are
standardised. Data of its task are not available, so there is no accuracy. Changes are those of
the five outputs before the softmax, against the model as it is, in steps of its output
({step:.6g}; deviation of an output over the drawn inputs {spread:,.0f} steps). *Probability*:
largest change after the softmax, on the reference inputs. *Same decision*: samples with the same
largest output. `balanced` rounding.

LUT, FF and DSP: counted by {by}, out of context,
{board}; {target} cycles between frames, products of weights made of LUTs. *bytes*: the packed
file.

| bits | scales | largest | mean | probability | same decision | drawn: mean | same decision\
 | LUT | FF | DSP | bytes |
|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
"""

_FOOT = """
As it is, the model's probabilities are off its reference outputs by at most {own:.2g} on the
reference inputs (those are rounded to 16 bits: the model does not quantize its input). Its most
frequent decision is that of {most:.1%} of the drawn inputs: whoever always gave it would agree
in as many, so that what is not well above says nothing.

What balance does, on the drawn inputs with channel scales:

| bits | same decision, `--nearest` | balanced |
|--:|--:|--:|
{balance}

A multiplier for each channel keeps more of the outputs than one power of two a layer and takes
nearly the same logic here, where each rescaling has a DSP anyway. It takes bytes: the packed
file holds it in the rescaling and, as a real number, in the scale of the sum, which in so small
a network is a large share.
"""


@dataclass(frozen=True)
class Change:
    """Outputs of two graphs on some samples: changes in steps, share of equal decisions."""

    largest: float
    mean: float
    same: float
    count: int


@dataclass(frozen=True)
class Row:
    """A requantized model.

    Attributes:
        bits: of its weights.
        scales: of the multipliers; ``as it is`` for the model itself.
        reference, drawn: change on the reference and on drawn inputs.
        probability: largest change after the softmax, on the reference inputs.
        nearest: share of equal decisions on drawn inputs without balance.
        size: bytes of the packed file.
        hardware: its design.
    """

    bits: int
    scales: str
    reference: Change
    drawn: Change
    probability: float
    nearest: float
    size: int
    hardware: HardwareFacts


def outputs(graph: Graph, x: np.ndarray) -> np.ndarray:
    """Real outputs ``(n, 5)`` before the softmax."""
    feeds = {graph.inputs[0].outputs[0]: graph.inputs[0].encode(x)}
    tensor = graph.outputs[0].inputs[0]
    found = Simulator(graph, threads=1).outputs(feeds)[tensor]
    return graph.tensors[tensor].affine.apply(found).reshape(len(x), -1)


def softmax(values: np.ndarray) -> np.ndarray:
    """Of each row."""
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def change(before: np.ndarray, after: np.ndarray, step: float) -> Change:
    """How far apart."""
    moved = np.abs(after - before) / step
    same = before.argmax(axis=1) == after.argmax(axis=1)
    return Change(float(moved.max()), float(moved.mean()), float(same.mean()), len(before))


class Designs:
    """Designs that were measured, in a file."""

    def __init__(self, folder: Path, wanted: argparse.Namespace) -> None:
        self.path, self.work, self.wanted = folder / "designs.json", folder / "work", wanted
        self.board = boards.load(wanted.board)
        text = self.path.read_text(encoding="utf-8") if self.path.is_file() else "{}"
        self.kept = json.loads(text)

    def of(self, graph: Graph) -> HardwareFacts:
        """One, measured now if need be."""
        wanted = self.wanted
        key = f"{fingerprint(graph)} {wanted.board} {wanted.target_cycles} {wanted.synthesis}"
        if key not in self.kept:
            self.work.mkdir(parents=True, exist_ok=True)
            found = measured(
                graph,
                self.board,
                BuildSettings(self.board.name, multiplier="lut"),
                self.work,
                lambda text: None,
                target=wanted.target_cycles,
                counted=wanted.synthesis,
            )
            self.kept[key] = to_json(found)
            self.path.write_text(json.dumps(self.kept, indent=1) + "\n", encoding="utf-8")
        return from_json(HardwareFacts, self.kept[key])


def measure(wanted: argparse.Namespace, folder: Path) -> tuple[list[Row], dict[str, object]]:
    """The model as it is, all of its requantized forms, and facts for the page."""
    path = wanted.models / f"{MODEL}.onnx"
    with np.load(path.with_suffix(".io.npz"), allow_pickle=False) as archive:
        reference, given = archive["x"], archive["y"]
    graph = import_model(path, samples=reference).graph
    shape = graph.inputs[0].source_shape
    reference = reference.reshape(-1, *shape)
    drawn = np.random.default_rng(0).standard_normal((wanted.drawn, *shape))
    affine = graph.tensors[graph.outputs[0].inputs[0]].affine
    if not affine.uniform:
        sys.exit("the outputs of the model have no common step")
    step, designs = affine.scale[0], Designs(folder, wanted)
    before = outputs(graph, reference), outputs(graph, drawn)
    same = [change(item, item, step) for item in before]
    own = float(np.abs(softmax(before[0]) - given.reshape(len(given), -1)).max())
    size = graph_size(graph)
    rows = [
        Row(round(size.weight_bits), "as it is", same[0], same[1], 0.0, 1.0, size.size,
            designs.of(graph))
    ]  # fmt: skip
    for bits in sorted(wanted.bits, reverse=True):
        for scales in SHOWN:
            made = requantize_graph(graph, bits, scales=scales).graph
            plain = requantize_graph(graph, bits, scales=scales, balanced=False).graph
            after = outputs(made, reference), outputs(made, drawn)
            row = Row(
                bits,
                scales,
                change(before[0], after[0], step),
                change(before[1], after[1], step),
                float(np.abs(softmax(after[0]) - softmax(before[0])).max()),
                change(before[1], outputs(plain, drawn), step).same,
                graph_size(made).size,
                designs.of(made),
            )
            print(json.dumps(asdict(row)), flush=True)
            rows.append(row)
    return rows, {
        "count": len(reference),
        "drawn": wanted.drawn,
        "step": step,
        "spread": float(before[1].std() / step),
        "most": float(np.bincount(before[1].argmax(axis=1)).max() / wanted.drawn),
        "own": own,
        "board": designs.board.title,
        "target": wanted.target_cycles,
    }


def page(rows: list[Row], facts: dict[str, object]) -> str:
    """Markdown."""
    by = rows[0].hardware.by or "not counted"
    text = _HEAD.format(model=Path(MODEL).name, by=by, **facts)
    for row in rows:
        used = row.hardware.resources
        counted = ["-"] * 3 if used is None else [f"{used.lut:,}", f"{used.ff:,}", f"{used.dsp:g}"]
        near, far = row.reference, row.drawn
        cells = [
            str(row.bits),
            row.scales,
            f"{near.largest:,.0f}",
            f"{near.mean:,.0f}",
            f"{row.probability:.3f}",
            f"{round(near.same * near.count)} of {near.count}",
            f"{far.mean:,.0f}",
            f"{far.same:.1%}",
            *counted,
            f"{row.size:,}",
        ]
        text += f"| {' | '.join(cells)} |\n"
    channel = [row for row in rows if row.scales == "channel"]
    lines = [f"| {row.bits} | {row.nearest:.1%} | {row.drawn.same:.1%} |" for row in channel]
    return text + _FOOT.format(balance="\n".join(lines), **facts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, required=True, help="folder of the models")
    parser.add_argument("--bits", default="5,4,3,2,1")
    parser.add_argument("--target-cycles", type=int, default=128)
    parser.add_argument("--drawn", type=int, default=2000)
    parser.add_argument("--board", default="pynq-z2")
    parser.add_argument("--synthesis", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--folder", type=Path, help="keep finished designs here")
    parser.add_argument("--write", type=Path)
    wanted = parser.parse_args(arguments)
    try:
        wanted.bits = [int(item) for item in wanted.bits.split(",")]
    except ValueError:
        parser.error(f"--bits is {wanted.bits!r}: give numbers with commas between them")
    with tempfile.TemporaryDirectory() as scratch:
        folder = wanted.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            rows, facts = measure(wanted, folder)
        except HwcompressError as error:
            sys.exit(f"error: {error}")
    text = page(rows, facts)
    print(text)
    if wanted.write:
        wanted.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
