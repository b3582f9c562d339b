"""``pack`` and ``unpack``: an integer graph as one small file."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwcompress.cli.guard import guarded
from hwcompress.cli.model_commands import (
    ActBits,
    Data,
    InputScale,
    InputType,
    Json,
    Shape,
    WeightBits,
    Weights,
    model_request,
)
from hwcompress.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from hwcompress.packing import PackedSize

__all__ = ["register"]


@guarded
def pack(
    model: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|MODEL",
            help="Build folder, or FILE.onnx, FILE.pt2, FILE.py:FUNCTION, zoo:NAME.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The file that is written, FILE.hwc.")],
    index_bits: Annotated[
        int | None,
        typer.Option(help="Width of relative indices, 2 to 8. Default: the best of each array."),
    ] = None,
    fixed_words: Annotated[
        bool,
        typer.Option("--fixed-words", help="Words of one length: what Huffman's code gains."),
    ] = False,
    data: Data = "",
    input_type: InputType = "",
    input_scale: InputScale = None,
    shape: Shape = None,
    weights: Weights = "",
    weight_bits: WeightBits = None,
    act_bits: ActBits = None,
    as_json: Json = False,
) -> None:
    """Write a model's integer graph as a packed file: Huffman's code, relative indices.

    The file is loaded again before the command ends, and gives the same integers. Every
    byte of it is in the table.

    Examples:

    `hwcompress pack hwc-build/digits-pynq-z2 --out digits.hwc`

    `hwcompress simulate digits.hwc --data test.npz`
    """
    from hwcompress.cli.console import make_console
    from hwcompress.packing import write_packed
    from hwcompress.running.models import open_runnable

    if out.is_dir():
        raise InputError(f"{str(out)!r} is a folder", remedy="give the name of a file, FILE.hwc")
    request = model_request(
        model,
        data=data,
        input_type=input_type,
        input_scale=input_scale,
        shape=shape,
        weights=weights,
        weight_bits=weight_bits,
        act_bits=act_bits,
    )
    with tempfile.TemporaryDirectory(prefix="hwcompress-") as place:
        opened, _ = open_runnable(request, "", Path(place), lambda text: None)
    size = write_packed(opened.graph, out, huffman=not fixed_words, index_bits=index_bits)
    if as_json:
        typer.echo(json.dumps({"file": str(out), "bytes": size.total} | asdict(size), indent=1))
    else:
        _show(make_console(), size, out, opened.notes)


@guarded
def unpack(
    file: Annotated[Path, typer.Argument(help="FILE.hwc, made by `hwcompress pack`.")],
    out: Annotated[Path, typer.Option(help="A new folder for graph.json and graph.npz.")],
) -> None:
    """Write the integer graph of a packed file into a folder, as builds hold it.

    Example: `hwcompress unpack digits.hwc --out digits && hwcompress inspect digits`
    """
    from hwcompress.ir import save
    from hwcompress.packing import read_packed

    graph = read_packed(file)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(
            f"{str(out)!r} is there already", remedy="give the name of a new or empty folder"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=".tmp-", dir=out.parent))
    try:
        save(graph, place)
        place.chmod(0o755)
        os.replace(place, out)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    typer.echo(f"Written: {out / 'graph.json'}, {out / 'graph.npz'} ({len(graph.layers)} layers)")


def _show(console: Console, size: PackedSize, path: Path, notes: tuple[str, ...]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(f"{path}: {size.total:,} bytes"), title_justify="left")
    for name in ("layer", "array", "coding"):
        table.add_column(name)
    for name in ("elements", "not zero", "values", "padding", "tables", "words", "bits each"):
        table.add_column(name, justify="right")
    for item in size.arrays:
        table.add_row(
            escape(item.op),
            item.field,
            item.way,
            f"{item.elements:,}",
            f"{item.nonzero:,}",
            f"{item.values:,}",
            f"{item.padding:,}" if item.padding else "",
            f"{item.table:,}",
            f"{item.words:,}",
            f"{8 * item.total / item.elements:.2f}" if item.elements else "",
        )
    console.print(table)
    console.print(
        f"{size.words:,} bytes of words, {size.tables:,} of tables, {size.facts:,} of operations,"
        f" types, scales and names, {size.header} of the header",
        highlight=False,
    )
    for note in notes:
        console.print(f"- {note}", style="dim", markup=False, highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("pack")(pack)
    app.command("unpack")(unpack)
