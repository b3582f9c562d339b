"""``hwcompress estimate``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hwcompress.cli.guard import guarded
from hwcompress.cli.model_commands import ActBits, InputType, Json, Shape, WeightBits, model_request
from hwcompress.cli.options import (
    HARDWARE,
    MODEL,
    RUN,
    BoardName,
    Fit,
    FoldingFile,
    InputScale,
    MaxLut,
    Memory,
    Multiplier,
    Share,
    TargetCycles,
    TargetFps,
    TargetLatency,
    Weights,
)
from hwcompress.errors import InputError

__all__ = ["register"]


@guarded
def estimate(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|FOLDER",
            help="FILE.onnx, FILE.pt2, FILE.py:FUNCTION returning an nn.Module, FILE.hwc,"
            " zoo:NAME, or a build folder.",
        ),
    ],
    board: BoardName = "pynq",
    all_boards: Annotated[
        bool,
        typer.Option(
            "--all-boards",
            help="Every board that comes with hwcompress, each filled as by --fit unless a goal"
            " is named.",
            rich_help_panel=HARDWARE,
        ),
    ] = False,
    fit: Fit = False,
    target_fps: TargetFps = None,
    target_cycles: TargetCycles = None,
    target_latency: TargetLatency = "",
    max_lut: MaxLut = None,
    share: Share = None,
    folding: FoldingFile = "",
    multiplier: Multiplier = "auto",
    memory: Memory = "auto",
    save_folding: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json",
            help="Write the parallelism here, to be edited and given to --folding.",
            rich_help_panel=RUN,
        ),
    ] = None,
    data: Annotated[
        str,
        typer.Option(
            help="Samples that calibrate a float model: .npz with x, .npy, IDX.",
            rich_help_panel=MODEL,
        ),
    ] = "",
    input_type: InputType = "",
    input_scale: InputScale = None,
    shape: Shape = None,
    weights: Weights = "",
    weight_bits: WeightBits = None,
    act_bits: ActBits = None,
    as_json: Json = False,
) -> None:
    """Say what a design would take and how fast it would be; nothing is generated.

    Cycles are exact. LUTs come with the interval in which nine of ten designs lie, see
    docs/estimates.md. Without a goal the parallelism is what `hwcompress build` takes.

    Examples:

    `hwcompress estimate tfc.onnx --board pynq --target-fps 100000`

    `hwcompress estimate zoo:ds_cnn --all-boards`

    `hwcompress estimate net.onnx --fit --share 0.5 --save-folding net.json`
    """
    from hwcompress.flow.request import checked_goals
    from hwcompress.running.estimating import EstimateRequest, estimate_model

    if save_folding is not None and all_boards:
        raise InputError(
            "both --save-folding and --all-boards are given",
            why="every board has a folding of its own",
            remedy="name one with --board",
        )
    request = EstimateRequest(
        model_request(
            model,
            data=data,
            input_type=input_type,
            input_scale=input_scale,
            shape=shape,
            weights=weights,
            weight_bits=weight_bits,
            act_bits=act_bits,
        ),
        checked_goals(
            board=board,
            fit=fit,
            target_fps=target_fps,
            target_cycles=target_cycles,
            target_latency=target_latency,
            max_lut=max_lut,
            share=share,
            folding=folding,
            multiplier=multiplier,
            memory=memory,
        ),
        all_boards,
    )
    from hwcompress.cli.bar import progress_bar
    from hwcompress.cli.estimate_screen import show_estimate
    from hwcompress.flow.manifest import write_text

    with progress_bar() as say:
        facts = estimate_model(request, say)
    if save_folding is not None:
        try:
            write_text(save_folding, facts.boards[0].folding)
        except OSError as error:
            raise InputError(
                f"--save-folding {str(save_folding)!r} cannot be written", why=str(error.strerror)
            ) from None
    if as_json:
        typer.echo(json.dumps(asdict(facts), indent=1))
    else:
        show_estimate(facts, save_folding)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("estimate")(estimate)
