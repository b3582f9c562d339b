"""What ``estimate`` shows."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hwcompress.cli.console import make_console
from hwcompress.running.estimating import BoardEstimate, ModelEstimate

__all__ = ["show_estimate"]

_NONE = "-"


def show_estimate(facts: ModelEstimate, saved: Path | None) -> None:
    """One board's layers and shares, or a row for each of several boards."""
    console = make_console()
    console.print(f"\n[bold]{escape(facts.model)}[/]", highlight=False)
    if len(facts.boards) == 1:
        _one(console, facts.boards[0])
    else:
        _several(console, facts.boards)
    notes = [note for board in facts.boards for note in board.notes]
    for note in dict.fromkeys((*facts.notes, *notes, *_remarks(facts.boards))):
        console.print(f"- {note}", style="dim", markup=False, highlight=False)
    if saved is not None:
        console.print(f"Folding: {saved}", markup=False, highlight=False, soft_wrap=True)


def _remarks(boards: tuple[BoardEstimate, ...]) -> list[str]:
    """What the figures stand for."""
    found = []
    for board in boards:
        if board.estimate is not None:
            found.append(
                f"resources: expected counts of synthesis by {board.estimate.by}, not placed and"
                " not routed; of nine in ten designs the LUTs lie in the interval"
            )
            found += board.estimate.notes
    clocks = sorted({f"{board.clock_mhz:g} MHz" for board in boards})
    found.append(
        f"cycles are exact; frames/s and times are at the boards' nominal clock"
        f" ({', '.join(clocks)}): no place and route was run"
    )
    return found


def _one(console: Console, board: BoardEstimate) -> None:
    table = Table("layer", "operation")
    for name in ("PE", "SIMD", "pixels"):
        table.add_column(name, justify="right")
    table.add_column("multiplier, memory")
    for name in ("cycles", "LUT", "FF", "BRAM", "DSP"):
        table.add_column(name, justify="right")
    for layer in board.layers:
        use = layer.use
        figures = (use.lut, use.ff, use.bram36, use.dsp) if use else ()
        table.add_row(
            escape(layer.name),
            layer.kind,
            f"{layer.pe}",
            f"{layer.simd}",
            f"{layer.pixels}",
            f"{layer.multiplier}, {layer.memory}",
            f"{layer.cycles:,}",
            *(f"{value:,g}" for value in figures),
        )
    console.print(table)
    shares = Table(escape(board.title))
    for name in ("expected", "interval", "of", "share"):
        shares.add_column(name, justify="right")
    assert board.estimate is not None
    total = board.estimate.total
    for share in board.shares:
        style = "red" if share.fraction > 1 else "green"
        between = f"{total.low:,} to {total.high:,}" if share.name == "LUT" else ""
        shares.add_row(
            share.name,
            f"{share.used:,g}",
            between,
            f"{share.available:,}",
            f"[{style}]{share.fraction:.1%}[/]",
        )
    console.print(shares)
    console.print(
        f"{board.interval:,.10g} cycles a frame: {board.frames:,.0f} frames/s at"
        f" {board.clock_mhz:g} MHz; first output after {board.latency_first:,} cycles, last after"
        f" {board.latency_frame:,} ({board.latency_frame / board.clock_mhz:,.4g} µs)",
        highlight=False,
    )
    if not board.fits:
        console.print(
            f"[red]The design does not fit {escape(board.title)}[/]: {board.limiting}",
            highlight=False,
        )


def _several(console: Console, boards: tuple[BoardEstimate, ...]) -> None:
    table = Table("board", "fits")
    for name in ("frames/s", "cycles", "latency, µs", "LUT", "of", "BRAM", "DSP"):
        table.add_column(name, justify="right")
    table.add_column("limiting")
    for board in boards:
        fits = "[green]yes[/]" if board.fits else "[red]no[/]"
        if board.estimate is None:
            table.add_row(board.board, fits, *[_NONE] * 7, escape(board.problem))
            continue
        total = board.estimate.total
        by_name = {share.name: share for share in board.shares}
        lut, dsp = by_name["LUT"], by_name["DSP"]
        scarce = by_name[board.limiting]
        table.add_row(
            board.board,
            fits,
            f"{board.frames:,.0f}",
            f"{board.interval:,.10g}",
            f"{board.latency_frame / board.clock_mhz:,.4g}",
            f"{total.lut:,} ({total.low:,} to {total.high:,})",
            f"{lut.available:,}",
            f"{total.bram36:g}",
            f"{dsp.used:g}",
            f"{board.limiting}, {scarce.fraction:.0%}",
        )
    console.print(table)
