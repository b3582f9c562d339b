"""What ``compress`` and ``recipes`` show."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hwcompress.cli.console import make_console
from hwcompress.cli.guard import captured
from hwcompress.cli.progress import show_progress
from hwcompress.cli.session import LOG
from hwcompress.flow.build import build
from hwcompress.flow.compressing.facts import ResultFacts
from hwcompress.flow.compressing.floats import check_recipe
from hwcompress.flow.compressing.pipeline import COMPRESSION
from hwcompress.flow.compressing.settings import CompressSettings
from hwcompress.flow.compressing.table import COLUMNS, result_notes, result_rows
from hwcompress.flow.folder import start_folder
from hwcompress.report.convert import from_json

__all__ = ["run_compression", "show_recipes", "show_result", "show_steps"]

Listing = Mapping[str, Sequence[Mapping[str, str]]]


def run_compression(
    folder: Path, settings: CompressSettings, *, jobs: int | None = None, force: bool = False
) -> None:
    """The whole pipeline, then the table."""
    check_recipe(settings)
    start_folder(folder, settings)
    started = time.monotonic()
    with captured(folder / LOG) as screen, show_progress(screen) as progress:
        manifest = build(
            folder,
            settings,
            force=None if force else (),
            jobs=jobs,
            progress=progress,
            steps=COMPRESSION,
        )
    console = make_console()
    show_result(console, from_json(ResultFacts, manifest.records["result"].result))
    console.print(f"Compressed in {time.monotonic() - started:.1f} s.", highlight=False)
    console.print(f"Result: {folder}", markup=False, highlight=False, soft_wrap=True)


def show_result(console: Console, facts: ResultFacts) -> None:
    """The table before and after, and the notes."""
    console.print(f"\n[bold]{escape(facts.model)}[/] by recipe [bold]{escape(facts.recipe)}[/]")
    table = Table(COLUMNS[0])
    for name in COLUMNS[1:-1]:
        table.add_column(name, justify="right")
    table.add_column(COLUMNS[-1])
    for row in result_rows(facts):
        table.add_row(*(escape(cell) for cell in row.cells))
    console.print(table)
    for note in result_notes(facts):
        console.print(f"- {note}", style="dim", markup=False, highlight=False)


def show_recipes(found: Listing) -> None:
    """Names, steps and summaries."""
    table = Table("recipe", "steps", "what it gives")
    for item in found["recipes"]:
        table.add_row(*(escape(item[key]) for key in ("name", "steps", "summary")))
    make_console().print(table)


def show_steps(found: Listing) -> None:
    """Steps, their options and what they do."""
    table = Table("step", "what it does", "options")
    for item in found["steps"]:
        table.add_row(*(escape(item[key]) for key in ("name", "summary", "options")))
    make_console().print(table)
