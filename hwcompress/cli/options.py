"""Options that several commands have, alike in name, type and help."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = [
    "HARDWARE",
    "MODEL",
    "RUN",
    "TRAINING",
    "BoardName",
    "FloatEpochs",
    "Force",
    "InputScale",
    "Jobs",
    "Memory",
    "Multiplier",
    "Seed",
    "Synthesis",
    "Weights",
]

MODEL, TRAINING, HARDWARE, RUN = "Model and data", "Training", "Hardware", "Run"
"""Panels of the help."""

Weights = Annotated[
    str,
    typer.Option(
        help="State dict for the module of FILE.py:FUNCTION: .npz, .safetensors or .pth"
        " (nothing is unpickled).",
        rich_help_panel=MODEL,
    ),
]
InputScale = Annotated[
    float | None,
    typer.Option(
        help="Real value of one step of integer data. Default: 1/255 for uint8.",
        rich_help_panel=MODEL,
    ),
]
Seed = Annotated[int, typer.Option(help="Of all that is random.", rich_help_panel=TRAINING)]
Jobs = Annotated[
    int | None,
    typer.Option(help="Steps that may run at once. Default: 2.", min=1, rich_help_panel=RUN),
]
Force = Annotated[bool, typer.Option("--force", help="Run every step again.", rich_help_panel=RUN)]
BoardName = Annotated[
    str,
    typer.Option(help="Board name (see `boards`), or a .toml file.", rich_help_panel=HARDWARE),
]
FloatEpochs = Annotated[
    int | None,
    typer.Option(
        help="Training epochs of the float model, as of `hwcompress compress`.",
        rich_help_panel=TRAINING,
    ),
]
Multiplier = Annotated[
    str,
    typer.Option(
        help="How multiplications are made: auto (the synthesis tool chooses), lut, dsp, or"
        " packed.",
        rich_help_panel=HARDWARE,
    ),
]
Memory = Annotated[
    str,
    typer.Option(
        help="Where weights are kept: auto, logic, distributed or block.",
        rich_help_panel=HARDWARE,
    ),
]
Synthesis = Annotated[
    bool,
    typer.Option(
        "--synthesis/--no-synthesis",
        help="Count LUTs, BRAMs and DSPs with Yosys; large networks take minutes.",
        rich_help_panel=HARDWARE,
    ),
]
