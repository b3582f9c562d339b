"""The table of operations by realisations, from the registries.

``python -m hwcompress.report.coverage FILE`` writes it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from hwcompress.ir import OPERATIONS, REALISATIONS, Input, Output
from hwcompress.report.conformance import SWEEPS

__all__ = ["coverage_markdown"]

# Column, and the package whose import fills its registry.
_REALISATIONS = {
    "sim": "hwcompress.sim",
    "rtl": "hwcompress.hls.rtl",
    "hls4ml": "hwcompress.hls.hls4ml",
}


def coverage_markdown() -> str:
    """The page ``docs/coverage.md``.

    Every operation has a reference, which defines it. Input and Output mark
    the edges of a graph and are not realised.
    """
    for package in _REALISATIONS.values():
        importlib.import_module(package)
    operations = [name for name, cls in sorted(OPERATIONS.items()) if cls not in (Input, Output)]
    realisations = [REALISATIONS[name] for name in _REALISATIONS]
    rows = [["operation", "reference", *(each.name for each in realisations)]]
    for name in operations:
        marks = ["yes" if name in each.handlers else "no" for each in realisations]
        rows.append([name, "yes", *marks])
    lines = _table(rows)
    titles = ["- `reference`: the NumPy interpreter, which defines every operation"]
    titles += [f"- `{each.name}`: {each.title}" for each in realisations]
    return "\n".join(
        [
            "# Operations and realisations",
            "",
            "Printed by `python -m hwcompress.report.coverage docs/coverage.md`; do not edit.",
            "",
            *lines,
            "",
            *titles,
            "",
            *_sweeps(),
            "",
        ]
    )


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table; the first row is its head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return lines


def _sweeps() -> list[str]:
    """What the conformance tests compare, from the numbers they run with."""
    rows = [["realisation", "compared with the reference", "seeds", "long run", "samples"]]
    rows += [
        [sweep.realisation, sweep.title, str(sweep.default), str(sweep.full), str(sweep.samples)]
        for sweep in SWEEPS.values()
    ]
    return [
        "Each cell is tested on random configurations of that operation (shapes, types,",
        "parameters) and on random networks with branches, and every integer must be equal:",
        "seeds per operation in a plain test run and in the long run, and samples of each.",
        "",
        *_table(rows),
        "",
        "The long runs:",
        "",
        *(f"- `{sweep.command}`" for sweep in SWEEPS.values()),
    ]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(coverage_markdown(), encoding="utf-8")
