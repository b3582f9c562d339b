"""``boards`` and ``doctor``: what is known, what is installed."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from hwcompress.cli.guard import guarded

__all__ = ["register"]

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@guarded
def boards(as_json: Json = False) -> None:
    """List the boards, with their capacity.

    Example: `hwcompress boards`
    """
    from rich.table import Table

    from hwcompress.boards import available
    from hwcompress.cli.console import make_console

    if as_json:
        typer.echo(json.dumps([asdict(board) for board in available()], indent=1))
        return
    table = Table("board", "aliases", "title", "part", "clock")
    for name in ("LUT", "FF", "BRAM", "DSP"):
        table.add_column(name, justify="right")
    for board in available():
        held = board.capacity
        table.add_row(
            board.name,
            ", ".join(board.aliases),
            board.title,
            board.part,
            f"{board.clock_mhz:g} MHz",
            *(f"{count:,}" for count in (held.lut, held.ff, held.bram, held.dsp)),
        )
    make_console().print(table)


@guarded
def doctor(as_json: Json = False) -> None:
    """Say which tools were found, what they enable, and how to get the others.

    Exits with 1 if something is missing that the default build needs.

    Example: `hwcompress doctor`
    """
    from rich.table import Table

    from hwcompress.cli.console import make_console
    from hwcompress.tools import doctor_report

    rows = doctor_report()
    lacking = [row for row in rows if row.needed and not row.found]
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=1))
    else:
        table = Table("", "name", "version, origin", "enables", "how to get it")
        for row in rows:
            mark = "[green]ok[/]" if row.found else "[red]missing[/]" if row.needed else "absent"
            origin = f"{row.version}, {row.origin}" if row.found else "not found"
            note = f"{origin}; {row.note}" if row.note else origin
            table.add_row(mark, row.name, note, row.enables, "" if row.found else row.how_to_get)
        console = make_console()
        console.print(table)
        console.print(
            f"[red]{len(lacking)} needed: {', '.join(row.name for row in lacking)}[/]"
            if lacking
            else "Everything that `hwcompress build` needs is there."
        )
    if lacking:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("boards")(boards)
    app.command("doctor")(doctor)
