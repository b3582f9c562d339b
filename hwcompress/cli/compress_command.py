"""``hwcompress compress`` and ``hwcompress recipes``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from hwcompress.cli.guard import guarded
from hwcompress.cli.options import (
    HARDWARE,
    MODEL,
    RUN,
    TRAINING,
    BoardName,
    Force,
    InputScale,
    Jobs,
    Memory,
    Multiplier,
    Seed,
    Synthesis,
    Weights,
)

__all__ = ["register"]


@guarded
def compress(
    model: Annotated[
        str | None,
        typer.Argument(
            help="A float model: FILE.py:FUNCTION returning an nn.Module, FILE.onnx, FILE.pt2 of"
            " torch.export, or zoo:NAME. Default: the embedded digits network.",
        ),
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(
            help="A name (see `hwcompress recipes`), or a file .toml.",
            rich_help_panel=TRAINING,
        ),
    ] = "w4a4",
    data: Annotated[
        str | None,
        typer.Option(
            help="As of `hwcompress build`: .npz with x, y (or x_train, y_train, x_test, y_test),"
            " .npy or IDX images, or a folder with the MNIST files.",
            rich_help_panel=MODEL,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Result folder. Default: ./hwc-compress/MODEL-RECIPE.", rich_help_panel=RUN
        ),
    ] = None,
    weights: Weights = "",
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Training epochs of the float model, before the recipe; 0 takes it as it is."
            " Default: 10 for FILE.py:FUNCTION with labels and no --weights, 30 for the embedded"
            " network, else 0. The recipe says how long it trains itself.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
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
        typer.Option(
            help="Clock cycles between frames, of the designs that are compared. Default: what"
            " the 8-bit twin gets.",
            rich_help_panel=HARDWARE,
        ),
    ] = None,
    target_fps: Annotated[
        float | None, typer.Option(help="Frames per second, likewise.", rich_help_panel=HARDWARE)
    ] = None,
    multiplier: Multiplier = "auto",
    memory: Memory = "auto",
    synthesis: Synthesis = True,
    jobs: Jobs = None,
    force: Force = False,
) -> None:
    """Compress a float model by a recipe, and compare it before and after.

    The result folder holds model.onnx for `hwcompress build`, model.hwc, result.json and
    result.txt. A stopped run goes on where it stopped, training after its last whole epoch.

    Examples:

    `hwcompress compress --recipe w4a4`

    `hwcompress compress net.py:make --recipe own.toml --data train.npz --out small`
    """
    from hwcompress.flow.compressing.settings import compress_folder, compress_settings

    settings = compress_settings(
        recipe,
        board=board,
        model=model or "",
        data=data or "",
        weights=weights,
        epochs=epochs,
        seed=seed,
        input_type=input_type,
        input_scale=input_scale,
        target_cycles=target_cycles,
        target_fps=target_fps,
        multiplier=multiplier,
        memory=memory,
        synthesize=synthesis,
    )
    # After the cheap checks: this one loads the simulator and the frontend.
    from hwcompress.cli.compress_screen import run_compression

    run_compression(compress_folder(settings, out), settings, jobs=jobs, force=force)


@guarded
def recipes(
    name: Annotated[
        str | None, typer.Argument(help="Print the file of this one, to start an own one with.")
    ] = None,
    steps: Annotated[
        bool, typer.Option("--steps", help="List the steps that recipes are made of.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """List the recipes that come with hwcompress, and the steps with their options.

    Examples:

    `hwcompress recipes`

    `hwcompress recipes w4a4 > own.toml`
    """
    from hwcompress.flow.compressing.listing import listing, recipe_text

    if name is not None:
        typer.echo(recipe_text(name), nl=False)
        return
    found = listing()
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    from hwcompress.cli.compress_screen import show_recipes, show_steps

    if steps:
        show_steps(found)
    else:
        show_recipes(found)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("compress")(compress)
    app.command("recipes")(recipes)
