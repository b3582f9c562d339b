"""``hwcompress estimate``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from hwcompress.flow.settings import BuildSettings
    from hwcompress.inspect.opening import ModelRequest

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
    style: Annotated[
        str,
        typer.Option(
            help="streaming (the Verilog), or hls4ml (its project; a far larger error).",
            rich_help_panel=HARDWARE,
        ),
    ] = "streaming",
    reuse: Annotated[
        int | None,
        typer.Option(
            help="Reuse factor of an hls4ml project's products. Default: hls4ml's own, 1.",
            rich_help_panel=HARDWARE,
        ),
    ] = None,
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

    `hwcompress estimate net.onnx --style hls4ml --reuse 4`
    """
    from hwcompress.flow.request import checked_goals

    source = model_request(
        model,
        data=data,
        input_type=input_type,
        input_scale=input_scale,
        shape=shape,
        weights=weights,
        weight_bits=weight_bits,
        act_bits=act_bits,
    )
    goals = checked_goals(
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
    )
    if style == "hls4ml":
        own = goals != checked_goals(board=board) or all_boards or save_folding is not None
        if own:
            raise InputError(
                "--style hls4ml with an option of the streaming design",
                remedy="give --board and --reuse alone; the others choose a folding",
            )
        _hls4ml(source, goals.board, reuse, as_json=as_json)
        return
    if style != "streaming":
        raise InputError(f"--style is {style!r}", remedy="give streaming or hls4ml")
    if reuse is not None:
        raise InputError("--reuse without --style hls4ml", remedy="give --target-cycles instead")
    if save_folding is not None and all_boards:
        raise InputError(
            "both --save-folding and --all-boards are given",
            why="every board has a folding of its own",
            remedy="name one with --board",
        )
    _streaming(source, goals, save_folding, all_boards=all_boards, as_json=as_json)


def _streaming(
    source: ModelRequest,
    goals: BuildSettings,
    saved: Path | None,
    *,
    all_boards: bool,
    as_json: bool,
) -> None:
    from hwcompress.cli.bar import progress_bar
    from hwcompress.cli.estimate_screen import show_estimate
    from hwcompress.flow.manifest import write_text
    from hwcompress.running.estimating import EstimateRequest, estimate_model

    with progress_bar() as say:
        facts = estimate_model(EstimateRequest(source, goals, all_boards), say)
    if saved is not None:
        try:
            write_text(saved, facts.boards[0].folding)
        except OSError as error:
            raise InputError(
                f"--save-folding {str(saved)!r} cannot be written", why=str(error.strerror)
            ) from None
    if as_json:
        typer.echo(json.dumps(asdict(facts), indent=1))
    else:
        show_estimate(facts, saved)


def _hls4ml(source: ModelRequest, board: str, reuse: int | None, *, as_json: bool) -> None:
    from hwcompress import boards
    from hwcompress.cli.bar import progress_bar
    from hwcompress.cli.estimate_hls4ml_screen import show_hls4ml
    from hwcompress.running.estimating import estimate_hls4ml_model

    where = boards.load(board)
    with progress_bar() as say:
        opened, facts = estimate_hls4ml_model(source, where, reuse, say)
    if as_json:
        typer.echo(json.dumps({"model": opened.label} | asdict(facts), indent=1))
    else:
        show_hls4ml(opened.label, where, facts, opened.notes)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("estimate")(estimate)
