"""``hwcompress requantize``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwcompress.cli.guard import guarded
from hwcompress.cli.model_commands import InputType, Json, Shape, model_request
from hwcompress.cli.options import (
    HARDWARE,
    MODEL,
    RUN,
    BoardName,
    InputScale,
    Multiplier,
    Synthesis,
    Weights,
)
from hwcompress.errors import InputError

__all__ = ["register"]

_ROUNDING = "Rounding"


@guarded
def requantize(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|FOLDER",
            help="A quantized model: FILE.onnx (QONNX, QDQ, FINN-ONNX), FILE.py:FUNCTION of a"
            " Brevitas module, FILE.hwc, or a build folder.",
        ),
    ],
    bits: Annotated[
        int, typer.Option(help="Of every layer's weights, 1 to 8.", rich_help_panel=_ROUNDING)
    ],
    layer: Annotated[
        list[str] | None,
        typer.Option(
            help="Other bits for some layers: PATTERN=BITS, or PATTERN=keep. Patterns are names"
            " with *, ?, [...], or @first and @last; later ones win. May be repeated.",
            rich_help_panel=_ROUNDING,
        ),
    ] = None,
    scales: Annotated[
        str,
        typer.Option(
            help="What stands for a step of the new weights: a multiplier for each output"
            " channel, one for a layer, or one that is a power-of-two (no multiplier in"
            " hardware).",
            rich_help_panel=_ROUNDING,
        ),
    ] = "channel",
    balanced: Annotated[
        bool,
        typer.Option(
            "--balanced/--nearest",
            help="Let the errors of a row add up to little where inputs are never negative, or"
            " take the nearest level for each weight.",
            rich_help_panel=_ROUNDING,
        ),
    ] = True,
    compare: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Samples to compare the outputs on: .npz with x and perhaps y, .npy, IDX.",
            rich_help_panel=MODEL,
        ),
    ] = "",
    labels: Annotated[
        str, typer.Option(help="File of labels beside .npy or IDX.", rich_help_panel=MODEL)
    ] = "",
    input_type: InputType = "",
    input_scale: InputScale = None,
    shape: Shape = None,
    weights: Weights = "",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Result folder, new or empty. Default: ./hwc-requantize/MODEL-wBITS.",
            rich_help_panel=RUN,
        ),
    ] = None,
    board: BoardName = "pynq",
    target_cycles: Annotated[
        int | None,
        typer.Option(
            help="Clock cycles between frames, of both designs. Default: what the model as it"
            " is gets.",
            rich_help_panel=HARDWARE,
        ),
    ] = None,
    multiplier: Multiplier = "lut",
    synthesis: Synthesis = True,
    as_json: Json = False,
) -> None:
    """Give the weights of a quantized model fewer bits, without data and training.

    What the new weights leave out goes into the thresholds and rescalings behind them, so
    that the result is an exact integer graph. The folder holds it as graph/ and as model.hwc,
    which `hwcompress build` takes.

    Examples:

    `hwcompress requantize jets.onnx --bits 4 --compare jets.io.npz`

    `hwcompress requantize net.onnx --bits 3 --layer @first=8 --layer "fc*=2" --out small`
    """
    from hwcompress.flow.request import file_name, named_model
    from hwcompress.flow.settings import BuildSettings
    from hwcompress.requantize import SCALES
    from hwcompress.running.requantizing import (
        RequantizeRequest,
        new_folder,
        parse_layer,
        requantize,
    )

    if scales not in SCALES:
        raise InputError(f"--scales is {scales!r}", remedy=f"give {', '.join(SCALES)}")
    request = RequantizeRequest(
        model=model_request(
            named_model(model),
            data=compare,
            input_type=input_type,
            input_scale=input_scale,
            shape=shape,
            weights=weights,
        ),
        bits=bits,
        hardware=BuildSettings(board=board, target_cycles=target_cycles, multiplier=multiplier),
        layers=tuple(parse_layer(text) for text in layer or ()),
        scales=scales,
        balanced=balanced,
        labels=labels,
        synthesize=synthesis,
    )
    if out is None:
        name = model.rpartition(":")[2] if ".py:" in model else Path(model).stem
        out = Path("hwc-requantize") / file_name(f"{name}-w{bits}")
    new_folder(out)
    from hwcompress.cli.bar import progress_bar
    from hwcompress.cli.requantize_screen import show_requantized

    with progress_bar() as say:
        facts = requantize(request, out.absolute(), say)
    show_requantized(facts, out, as_json=as_json)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("requantize")(requantize)
