"""What narrow accumulators and flipped bits cost a network on its test set.

Usage::

    python benchmarks/effects.py BUILD [--seeds 10] [--csv FILE] [--write docs/effects.md]

BUILD is a folder of ``hwcompress build`` of the embedded digits network. The tables are printed,
or written between the two marks of the page.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from hwcompress.data import digits
from hwcompress.ir import Graph, load
from hwcompress.sim.effects import (
    Accumulators,
    ReliabilityRow,
    effect_cost,
    reliability_study,
    write_rows,
)

_BEGIN, _END = "<!-- measured -->", "<!-- end -->"
_BITS = (12, 11, 10, 9, 8, 7, 6)
_RATES = (1e-4, 1e-3, 1e-2, 3e-2)


def _accumulators(graph: Graph, x: np.ndarray, y: np.ndarray) -> list[str]:
    """A line for each width."""
    lines = [
        "| bits | wrap: accuracy | outputs changed | sums changed"
        " | saturate: accuracy | outputs changed | sums changed |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for bits in _BITS:
        cells = []
        for overflow in ("wrap", "saturate"):
            cost = effect_cost(graph, x, y, accumulators=Accumulators(bits, overflow))
            sums = sum(counter.sums for counter in cost.counters.values())
            changed = sum(counter.changed for counter in cost.counters.values())
            assert cost.accuracy is not None
            cells += [cost.accuracy, cost.changed_outputs, changed / sums]
        lines.append(f"| {bits} | " + " | ".join(f"{100 * cell:.2f} %" for cell in cells) + " |")
    return lines


def _faults(rows: list[ReliabilityRow]) -> list[str]:
    lines = [
        "| bits of | rate | bits flipped | accuracy: mean | least"
        " | classes changed | outputs changed |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        assert row.accuracy is not None and row.accuracy_least is not None
        flips = "" if row.part == "activations" else f"{row.flips:.1f}"
        lines.append(
            f"| {row.part} | {row.rate:g} | {flips} | {100 * row.accuracy:.2f} % |"
            f" {100 * row.accuracy_least:.2f} % | {100 * row.changed_classes:.2f} % |"
            f" {100 * row.changed_outputs:.2f} % |"
        )
    return lines


def main() -> None:
    """Measure, and print or write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    graph = load(arguments.build / "graph")
    data = digits()
    samples = data.real_test()
    assert isinstance(samples, np.ndarray) and data.y_test is not None
    x, y = graph.inputs[0].encode(samples), data.y_test
    exact = effect_cost(graph, x, y).accuracy_exact
    assert exact is not None
    rows = reliability_study(graph, x, y, rates=_RATES, seeds=arguments.seeds)
    lines = [
        f"{len(x)} test samples; accuracy without effects {100 * exact:.2f} %.",
        "",
        *_accumulators(graph, x, y),
        "",
        f"Faults, {arguments.seeds} seeds each:",
        "",
        *_faults(rows),
    ]
    text = "\n".join(lines) + "\n"
    if arguments.csv:
        write_rows(arguments.csv, rows)
    if arguments.write:
        page = arguments.write.read_text(encoding="utf-8")
        head, rest = page.split(f"{_BEGIN}\n")
        arguments.write.write_text(
            f"{head}{_BEGIN}\n\n{text}\n{_END}{rest.split(_END)[1]}", encoding="utf-8"
        )
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
