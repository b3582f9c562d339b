"""What ``estimate --style hls4ml`` shows."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from hwcompress.boards import Board
from hwcompress.cli.console import make_console
from hwcompress.hls.estimate.hls4ml import Hls4mlEstimate

__all__ = ["show_hls4ml"]


def show_hls4ml(model: str, board: Board, facts: Hls4mlEstimate, notes: Sequence[str]) -> None:
    """The layers as C synthesis would report them, and the whole after logic synthesis."""
    console = make_console()
    console.print(f"\n[bold]{escape(model)}[/] through hls4ml, {facts.io_type}", highlight=False)
    table = Table("layer", "class", "strategy")
    for name in ("reuse", "products a cycle", "cycles", "LUT", "FF", "BRAM18", "DSP"):
        table.add_column(name, justify="right")
    for layer in facts.layers:
        counts = layer.counts
        table.add_row(
            escape(layer.name),
            layer.kind,
            layer.strategy,
            f"{layer.reuse}",
            f"{layer.multiplications:,}" if layer.multiplications else "",
            f"{layer.interval:,}",
            *(f"{value:,.0f}" for value in (counts.lut, counts.ff, counts.bram18, counts.dsp)),
        )
    console.print(table)
    total = Table(escape(board.title))
    for name in ("C synthesis", "logic synthesis", "9 of 10 take more", "9 of 10 take less", "of"):
        total.add_column(name, justify="right")
    held = board.capacity
    for name, key, available in (
        ("LUT", "lut", held.lut),
        ("FF", "ff", held.ff),
        ("BRAM18", "bram18", 2 * held.bram),
        ("DSP", "dsp", held.dsp),
    ):
        figures = (
            getattr(item, key)
            for item in (facts.compiled, facts.synthesized, facts.low, facts.high)
        )
        total.add_row(name, *(f"{value:,.0f}" for value in figures), f"{available:,}")
    console.print(total)
    console.print(
        f"About {facts.interval:,} cycles a frame, {facts.latency:,} from the first input to the"
        f" last output, at {1000 / facts.clock_ns:g} MHz",
        highlight=False,
    )
    for note in dict.fromkeys((*notes, *facts.notes)):
        console.print(f"- {note}", style="dim", markup=False, highlight=False)
