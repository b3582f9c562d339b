"""``hwcompress sensitivity``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwcompress.cli.guard import guarded
from hwcompress.cli.options import (
    MODEL,
    RUN,
    BoardName,
    FloatEpochs,
    Force,
    InputScale,
    Memory,
    Multiplier,
    Seed,
    Weights,
)

__all__ = ["register"]

_CHOICE = "Choice of bits"


@guarded
def sensitivity(
    model: Annotated[
        str | None,
        typer.Argument(
            help="A float model, as of `hwcompress compress`. Default: the digits network.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="With labels, as of `hwcompress compress`.", rich_help_panel=MODEL),
    ] = None,
    bits: Annotated[
        str, typer.Option(help="What is tried, from 1 to 8.", rich_help_panel=_CHOICE)
    ] = "2,3,4,6,8",
    lut_budget: Annotated[
        int | None,
        typer.Option(
            help="Choose bits for each layer so that the design takes at most so many LUTs."
            " Yosys is run once for each number of bits, and for the choice.",
            rich_help_panel=_CHOICE,
        ),
    ] = None,
    bram_budget: Annotated[
        float | None,
        typer.Option(help="BRAMs of 36 kbit, likewise.", rich_help_panel=_CHOICE),
    ] = None,
    mixed_epochs: Annotated[
        int,
        typer.Option(
            help="Training epochs in the recipe that is written.", rich_help_panel=_CHOICE
        ),
    ] = 30,
    out: Annotated[
        Path | None,
        typer.Option(help="Result folder. Default: ./hwc-sensitivity/MODEL.", rich_help_panel=RUN),
    ] = None,
    weights: Weights = "",
    epochs: FloatEpochs = None,
    seed: Seed = 0,
    input_type: Annotated[
        str,
        typer.Option(
            help="Type of the model's input, as of `hwcompress build`.", rich_help_panel=MODEL
        ),
    ] = "",
    input_scale: InputScale = None,
    board: BoardName = "pynq",
    target_cycles: Annotated[
        int | None,
        typer.Option(help="Clock cycles between frames.", rich_help_panel=_CHOICE),
    ] = None,
    multiplier: Multiplier = "lut",
    memory: Memory = "auto",
    force: Force = False,
) -> None:
    """Ask how much each layer minds having few bits, and choose bits under a budget.

    The result folder holds sensitivity.csv, .json and .html (with a plot), and, with a budget,
    mixed.toml: a recipe for `hwcompress compress`.

    Examples:

    `hwcompress sensitivity net.py:make --weights net.safetensors --data train.npz`

    `hwcompress sensitivity --lut-budget 4000 --out s && hwcompress compress --recipe s/mixed.toml`
    """
    from hwcompress.flow.compressing.exploring import sensitivity_folder, sensitivity_settings

    settings = sensitivity_settings(
        board=board,
        model=model or "",
        data=data or "",
        weights=weights,
        epochs=epochs,
        seed=seed,
        input_type=input_type,
        input_scale=input_scale,
        target_cycles=target_cycles,
        multiplier=multiplier,
        memory=memory,
        bits=bits,
        lut_budget=lut_budget,
        bram_budget=bram_budget,
        mixed_epochs=mixed_epochs,
    )
    # After the cheap checks: this one loads PyTorch.
    from hwcompress.cli.sensitivity_screen import run_exploration

    run_exploration(sensitivity_folder(settings, out), settings, force=force)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sensitivity")(sensitivity)
