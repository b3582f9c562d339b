"""``diff``: where two levels of a run first differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

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

__all__ = ["register"]

_SIDE = (
    "pytorch, runtime (onnxruntime or the qonnx executor), float64, graph, simulator, hls4ml,"
    " rtl, or an .npz with the integers of each tensor, samples first."
)


@guarded
def diff(
    a: Annotated[str, typer.Argument(metavar="A", help=_SIDE)],
    b: Annotated[str, typer.Argument(metavar="B", help="Likewise.")],
    model: Annotated[
        str,
        typer.Option(help="What levels run: FILE.onnx, FILE.pt2, FILE.py:FUNCTION or zoo:NAME."),
    ] = "",
    build: Annotated[
        Path | None,
        typer.Option(help="Instead of a model: a build folder, its Verilog as it is there."),
    ] = None,
    data: Data = "",
    random: Annotated[
        int | None, typer.Option("--random", help="Draw this many samples instead.")
    ] = None,
    integers: Annotated[
        Path | None,
        typer.Option(help="Instead: .npz with integers of the graph's inputs, by tensor."),
    ] = None,
    samples: Annotated[int | None, typer.Option(help="Compare the first samples only.")] = None,
    seed: Annotated[int, typer.Option(help="Of random samples.")] = 0,
    save_a: Annotated[
        Path | None, typer.Option(help="Write the integers of level A to this .npz.")
    ] = None,
    save_b: Annotated[Path | None, typer.Option(help="Those of level B.")] = None,
    input_type: InputType = "",
    input_scale: InputScale = None,
    shape: Shape = None,
    weights: Weights = "",
    weight_bits: WeightBits = None,
    act_bits: ActBits = None,
    as_json: Json = False,
) -> None:
    """Find the first tensor, sample, pixel and channel in which two levels differ.

    Samples of a build folder are its test samples, if no others are given. Exits with 1 if
    something differs that is no rounding tie of the source in floating point.

    Examples:

    `hwcompress diff simulator rtl --build hwc-build/digits-pynq-z2`

    `hwcompress diff board.npz simulator --build hwc-build/digits-pynq-z2 --samples 20`

    `hwcompress diff runtime simulator --model model.onnx --random 1000`
    """
    from hwcompress.levels.request import DiffRequest, diff_request

    of_model = {
        "--input-type": input_type,
        "--input-scale": input_scale,
        "--shape": shape,
        "--weights": weights,
        "--weight-bits": weight_bits,
        "--act-bits": act_bits,
    }
    given = [option for option, value in of_model.items() if value]
    if given and not model:
        raise InputError(f"{given[0]} without --model", remedy="name the model")
    if data and not model and build is None:
        raise InputError("--data without --model or --build", remedy="name what runs on them")
    request = DiffRequest(
        a,
        b,
        model=model_request(
            model,
            data=data,
            input_type=input_type,
            input_scale=input_scale,
            shape=shape,
            weights=weights,
            weight_bits=weight_bits,
            act_bits=act_bits,
            seed=seed,
        )
        if model
        else None,
        build=build,
        data="" if model else data,
        random=random,
        integers=integers,
        samples=samples,
        seed=seed,
        save_a=save_a,
        save_b=save_b,
    )
    from hwcompress.cli.bar import progress_bar
    from hwcompress.cli.console import make_console
    from hwcompress.cli.diff_screen import show_difference

    with progress_bar() as say:
        report = diff_request(request, say)
    if as_json:
        typer.echo(json.dumps(report.to_json(), indent=1))
    else:
        show_difference(make_console(), report)
    if not report.equal:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("diff")(diff)
