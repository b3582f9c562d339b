"""The page of bits_table.py."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Protocol

from benchmarks.bits_data import TASKS, Task
from hwcompress import boards

__all__ = ["FigureRow", "page"]

_HEAD = """# Accuracy and LUTs by bit width

Written by `{command}`;
the figures also in [{csv}]({csv}).

Per data set one multilayer perceptron, batch norm and ReLU between its layers, trained in float
(Adam, one cycle, cross-entropy, seed 0; no class weights). From there each width is trained for
as many epochs again, all weights and activations having so many bits, **first and last layer as
well**, the input 8: by the recipe step `fixed-point` (steps are powers of two, their exponents
learned), at one bit by `quantize` (weights -1 and +1, activations 0 and 1). *float, trained on*
is the float network trained for as many epochs again, too: what training alone changes. One seed
each: a difference of some tenths of a point between two widths means nothing.

- *accuracy*: of the integers that the simulator gives for all test samples; *balanced*: mean over
  the classes of the share of right ones. *differing*: numbers of these in which PyTorch, the
  exported module, gives something else.
- *LUT, FF, BRAM36, DSP*: counted by {by}, out
  of context, in the Verilog for {board}. All designs have the same target, at most {target}
  cycles between frames, products made of LUTs, so that the columns compare; *interval* and
  *latency* are those of the cycle model, which equals the Verilog.
  From 5 bits on a batch norm with its ReLU is a multiplication and a shift, in a DSP for each
  layer; up to 4 bits it is thresholds.
- *bytes*: the packed file (`.hwc`), everything in it; of the float network its parameters and
  statistics as float32.

`fixed-point` was chosen over `lsq` and `quantize` after a trial on MAGIC that looked at the same
test set (at 2 bits 86.4, 85.8 and 84.8 %), and at one bit `quantize` over `bnn` (78.8 and
76.0 %): so MAGIC's figures are a little favoured. Of the ECG beats the scaling, the rate and the
epochs were chosen in float, on a third of the training records that was held out.

NSL-KDD's test set has attacks, and MIT-BIH's has patients, that the training sets lack. How long
a network was trained moves accuracy there as much as its bits do: on the ECG beats the widths
have to be compared with *float, trained on*.
"""


class FigureRow(Protocol):
    """What is needed of a row."""

    @property
    def task(self) -> str: ...
    @property
    def bits(self) -> int: ...
    @property
    def accuracy(self) -> float: ...
    @property
    def balanced(self) -> float: ...
    @property
    def differing(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def lut(self) -> float: ...
    @property
    def ff(self) -> float: ...
    @property
    def bram(self) -> float: ...
    @property
    def dsp(self) -> float: ...
    @property
    def interval(self) -> int: ...
    @property
    def latency(self) -> int: ...
    @property
    def by(self) -> str: ...
    @property
    def test(self) -> int: ...


def page(rows: Sequence[FigureRow], wanted: argparse.Namespace) -> str:
    """Markdown of all rows."""
    by = next((row.by for row in rows if row.by), "not counted")
    command = "python -m benchmarks.bits_table --data ../shared/data --write docs/bits.md"
    parts = [
        _HEAD.format(
            command=command,
            csv="bits.csv" if wanted.write is None else wanted.write.with_suffix(".csv").name,
            by=by,
            board=boards.load(wanted.board).title,
            target=wanted.target_cycles,
        )
    ]
    for task in TASKS:
        own = [row for row in rows if row.task == task.key]
        if own:
            parts.append(_section(task, own, wanted.epochs or task.epochs))
    return "\n".join(parts)


def _section(task: Task, rows: Sequence[FigureRow], epochs: int) -> str:
    sizes = "-".join(map(str, task.sizes))
    weights = sum(a * b for a, b in zip(task.sizes, task.sizes[1:], strict=False))
    lines = [
        f"## {task.title}",
        "",
        f"{sizes}, {weights:,} weights; classes {', '.join(task.classes)};"
        f" {rows[0].test:,} test samples. Input: {task.scaling}. {epochs} epochs each, rate"
        f" {task.rate:g}.",
        "",
        "| bits | accuracy | balanced | differing | LUT | FF | BRAM36 | DSP | interval | latency"
        " | bytes |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [_line(row) for row in rows]
    return "\n".join([*lines, ""])


def _line(row: FigureRow) -> str:
    real = row.bits > 8
    counts = [_count(item) for item in (row.lut, row.ff, row.bram, row.dsp)]
    counts += [_count(row.interval), _count(row.latency)]
    cells = [
        {32: "float", 33: "float, trained on"}.get(row.bits, str(row.bits)),
        f"{row.accuracy:.2%}",
        f"{row.balanced:.2%}",
        "-" if real else str(row.differing),
        *counts,
        f"{row.size:,}",
    ]
    return f"| {' | '.join(cells)} |"


def _count(value: float) -> str:
    return "-" if value < 0 else f"{value:,.10g}"
