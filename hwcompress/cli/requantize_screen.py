"""What ``requantize`` shows."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hwcompress.cli.console import make_console
from hwcompress.flow.compressing.facts import HardwareFacts
from hwcompress.flow.packed import PACKED_FILE
from hwcompress.running.output_change import OutputChange
from hwcompress.running.requantizing import RequantizeFacts

__all__ = ["show_requantized"]

_NONE = "-"


def show_requantized(facts: RequantizeFacts, out: Path, *, as_json: bool) -> None:
    """The layers, the table before and after, the change of the outputs."""
    if as_json:
        typer.echo(json.dumps({"folder": str(out)} | asdict(facts), indent=1))
        return
    console = make_console()
    balanced = "balanced" if facts.balanced else "nearest"
    console.print(
        f"\n[bold]{escape(facts.model)}[/], weights of at most {facts.bits} bits"
        f" ({facts.scales} scales, {balanced} rounding)",
        highlight=False,
    )
    _layers(console, facts)
    _before_after(console, facts)
    if facts.change is not None:
        _change(console, facts.change)
    problems = (facts.hardware_before.problem, facts.hardware_after.problem)
    for note in dict.fromkeys((*facts.notes, *filter(None, problems))):
        console.print(f"- {note}", style="dim", markup=False, highlight=False)
    console.print(f"Result: {out}", markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"Next: hwcompress build {out / PACKED_FILE} --data FILE",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _layers(console: Console, facts: RequantizeFacts) -> None:
    table = Table("layer")
    for name in ("weights", "type before", "after", "squared error", "zeros"):
        table.add_column(name, justify="right")
    table.add_column("multipliers went into")
    for item in facts.layers:
        table.add_row(
            escape(item.name),
            f"{item.weights:,}",
            escape(item.before),
            escape(item.after),
            f"{item.error:.2%}",
            f"{item.zeros:.1%}",
            item.taken_in if item.taken_in != "-" else "(kept)",
        )
    console.print(table)


def _before_after(console: Console, facts: RequantizeFacts) -> None:
    table = Table("")
    table.add_column("before", justify="right")
    table.add_column("requantized", justify="right")
    table.add_column("by")
    before, after = facts.before, facts.after
    table.add_row("weight bits", f"{before.weight_bits:.3g}", f"{after.weight_bits:.3g}", "mean")
    table.add_row("packed, bytes", f"{before.size:,}", f"{after.size:,}", "the .hwc file")
    table.add_row("MACs", f"{before.macs:,}", f"{after.macs:,}", "integer graph")
    names = {"lut": "LUT", "ff": "flip-flops", "bram36": "BRAM36", "dsp": "DSP"}
    one, two = facts.hardware_before, facts.hardware_after
    for key, name in names.items():
        cells = [_figure(item.resources, key) for item in (one, two)]
        if cells != [_NONE, _NONE]:
            table.add_row(name, *cells, f"measured: {two.by or one.by}")
    for key in ("interval", "latency"):
        cells = [_figure(item, key) for item in (one, two)]
        if cells != [_NONE, _NONE]:
            said = f"cycle model, equal to the Verilog; {facts.board}"
            table.add_row(f"{key}, cycles", *cells, said)
    console.print(table)


def _figure(facts: HardwareFacts | object | None, name: str) -> str:
    value = getattr(facts, name, None)
    return _NONE if value is None else f"{value:,.10g}"


def _change(console: Console, change: OutputChange) -> None:
    table = Table(
        title=f"Change of output {escape(change.name)!r} on {change.samples:,} samples of"
        f" {escape(change.data)}",
        title_justify="left",
    )
    table.add_column("")
    table.add_column("largest", justify="right")
    table.add_column("mean", justify="right")
    if change.step is not None:
        steps = (f"{item / change.step:,.1f}" for item in (change.largest, change.mean))
        table.add_row("steps of the output", *steps)
    table.add_row("real", f"{change.largest:.4g}", f"{change.mean:.4g}")
    if change.spread:
        shares = (f"{item / change.spread:.1%}" for item in (change.largest, change.mean))
        table.add_row("of the output's deviation", *shares)
    console.print(table)
    if change.changed is not None and change.samples:
        console.print(
            f"Another decision in {change.changed:,} of {change.samples:,} samples"
            f" ({change.changed / change.samples:.1%})",
            highlight=False,
        )
    if change.labelled:
        before, after = (
            item / change.labelled for item in (change.right_before, change.right_after)
        )
        console.print(f"Accuracy {before:.2%} before, {after:.2%} after", highlight=False)
