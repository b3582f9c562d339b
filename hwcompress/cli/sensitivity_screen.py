"""What ``sensitivity`` shows."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hwcompress.cli.console import make_console
from hwcompress.cli.guard import captured
from hwcompress.cli.progress import show_progress
from hwcompress.cli.session import LOG
from hwcompress.flow.build import build
from hwcompress.flow.compressing.exploring import MixedFacts, SensitivityFacts, SensitivitySettings
from hwcompress.flow.compressing.sensitivity import EXPLORATION, MIXED, PAGE
from hwcompress.flow.folder import start_folder
from hwcompress.report.convert import from_json

__all__ = ["run_exploration", "show_mixed", "show_sensitivity"]


def run_exploration(folder: Path, settings: SensitivitySettings, *, force: bool = False) -> None:
    """The whole pipeline, then the tables."""
    start_folder(folder, settings)
    started = time.monotonic()
    with captured(folder / LOG) as screen, show_progress(screen) as progress:
        manifest = build(
            folder,
            settings,
            targets=["mixed" if settings.budgeted else "sensitivity"],
            force=None if force else (),
            progress=progress,
            steps=EXPLORATION,
        )
    records, console = manifest.records, make_console()
    show_sensitivity(console, from_json(SensitivityFacts, records["sensitivity"].result))
    if settings.budgeted:
        show_mixed(console, from_json(MixedFacts, records["mixed"].result), folder)
    console.print(f"Done in {time.monotonic() - started:.1f} s.", highlight=False)
    console.print(f"Plot: {folder / PAGE}", markup=False, highlight=False, soft_wrap=True)


def show_sensitivity(console: Console, facts: SensitivityFacts) -> None:
    """Accuracy by layer and part, a column for each number of bits."""
    bits = sorted({row.bits for row in facts.rows})
    reference = facts.rows[0]
    console.print(
        f"\n[bold]{escape(facts.model)}[/]: accuracy with one layer at few bits;"
        f" all at {reference.bits} bits: {reference.accuracy:.2%}"
    )
    table = Table("layer", "part")
    for number in bits:
        table.add_column(f"{number} bits", justify="right")
    seen = {(row.layer, row.part, row.bits): row.accuracy for row in facts.rows}
    for layer, part in dict.fromkeys((row.layer, row.part) for row in facts.rows):
        cells = [seen.get((layer, part, number)) for number in bits]
        table.add_row(
            escape(layer), part, *("-" if cell is None else f"{cell:.2%}" for cell in cells)
        )
    console.print(table)
    for note in facts.notes:
        console.print(f"- {note}; {facts.samples:,} samples", style="dim", highlight=False)


def show_mixed(console: Console, facts: MixedFacts, folder: Path) -> None:
    """The bits that were chosen, and what they take."""
    table = Table("layer")
    for name in ("bits", "LUT", "BRAM36"):
        table.add_column(name, justify="right")
    costs = {(cost.layer, cost.bits): cost for cost in facts.costs}
    for layer, bits in facts.bits.items():
        cost = costs[layer, bits]
        table.add_row(escape(layer), str(bits), f"{cost.lut:,}", f"{cost.bram36:g}")
    table.add_row("besides the layers", "", *(f"{value:,.10g}" for value in facts.rest))
    table.add_row("sum", "", *(f"{value:,.10g}" for value in facts.predicted))
    table.add_row("the design itself", "", *(f"{value:,.10g}" for value in facts.measured))
    console.print(table)
    console.print(
        f"- measured by {facts.by}; layers in designs of uniform bits,"
        f" {facts.interval:,} cycles between frames",
        style="dim",
        highlight=False,
    )
    console.print(f"Recipe: {folder / MIXED}", markup=False, highlight=False, soft_wrap=True)
