"""``hwcompress edge``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwcompress.cli.guard import guarded
from hwcompress.cli.options import (
    MODEL,
    FloatEpochs,
    InputScale,
    Seed,
    Weights,
)

if TYPE_CHECKING:
    from rich.console import Console

    from hwcompress.flow.compressing.edge import EdgeFacts

__all__ = ["register"]


@guarded
def edge(
    model: Annotated[
        str | None,
        typer.Argument(
            help="A float model, as of `hwcompress compress`. Default: the digits network.",
        ),
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            help="float16: weights and arithmetic in half precision. dynamic-range: weights of"
            " 8 bits, activations quantized at run time.",
        ),
    ] = "dynamic-range",
    out: Annotated[Path, typer.Option(help="The file that is written.")] = Path("edge.onnx"),
    data: Annotated[
        str | None,
        typer.Option(
            help="As of `hwcompress compress`; its test samples are run.", rich_help_panel=MODEL
        ),
    ] = None,
    weights: Weights = "",
    epochs: FloatEpochs = None,
    seed: Seed = 0,
    input_scale: InputScale = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Write a float model for a CPU or GPU; of no use to an FPGA, and marked so.

    `hwcompress build` refuses the file. The table says what it gains, and which operators
    really run in integers.

    Examples:

    `hwcompress edge --kind float16 --out digits16.onnx`

    `hwcompress edge net.py:make --weights net.npz --data test.npz --kind dynamic-range`
    """
    from hwcompress.flow.compressing.edge import write_edge

    facts = write_edge(
        out,
        kind,  # type: ignore[arg-type]  # write_edge refuses other words
        lambda text: None if as_json else typer.echo(text),
        model=model or "",
        data=data or "",
        weights=weights,
        epochs=epochs,
        seed=seed,
        input_scale=input_scale,
    )
    if as_json:
        typer.echo(json.dumps({"file": str(out)} | asdict(facts), indent=1))
        return
    from hwcompress.cli.console import make_console

    _show(make_console(), facts, out)


def _show(console: Console, facts: EdgeFacts, out: Path) -> None:
    from rich.table import Table

    table = Table(title=f"{facts.model}, {facts.kind}")
    table.add_column("")
    table.add_column("float32", justify="right")
    table.add_column(facts.kind, justify="right")
    share = f"({facts.size / facts.float_size:.3f})"
    table.add_row("bytes", f"{facts.float_size:,}", f"{facts.size:,} {share}")
    if facts.accuracy is not None and facts.float_accuracy is not None:
        table.add_row("accuracy", f"{facts.float_accuracy:.2%}", f"{facts.accuracy:.2%}")
    for arithmetic, count in facts.operators.items():
        table.add_row(f"operators: {arithmetic}", "", str(count))
    console.print(table)
    for line in (*facts.notes, f"Of no use to an FPGA: {facts.fpga}.", f"Written: {out}"):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("edge")(edge)
