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
    "Fit",
    "FloatEpochs",
    "FoldingFile",
    "Force",
    "InputScale",
    "Jobs",
    "MaxLut",
    "Memory",
    "Multiplier",
    "Seed",
    "Share",
    "Synthesis",
    "TargetCycles",
    "TargetFps",
    "TargetLatency",
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
TargetCycles = Annotated[
    int | None,
    typer.Option(
        help="Clock cycles between frames, at most: the smallest design that is as fast.",
        rich_help_panel=HARDWARE,
    ),
]
TargetFps = Annotated[
    float | None,
    typer.Option(help="Frames per second, at least, likewise.", rich_help_panel=HARDWARE),
]
TargetLatency = Annotated[
    str,
    typer.Option(
        help="From a frame's first input beat to its last output beat, at most, likewise: 500ns,"
        " 10us, 1.5ms, 1200cycles.",
        rich_help_panel=HARDWARE,
    ),
]
Fit = Annotated[
    bool,
    typer.Option(
        "--fit",
        help="The design of the highest frame rate that fits the board.",
        rich_help_panel=HARDWARE,
    ),
]
MaxLut = Annotated[
    int | None,
    typer.Option(
        help="LUTs that the design may take; without a target, the fastest such design.",
        rich_help_panel=HARDWARE,
    ),
]
Share = Annotated[
    float | None,
    typer.Option(
        help="Share of the board's resources that such a design may take, at most 1. Default:"
        " 0.8 for the highest rate, 1 with a target.",
        rich_help_panel=HARDWARE,
    ),
]
FoldingFile = Annotated[
    str,
    typer.Option(
        help="JSON file with the parallelism of the layers (see docs/cnv.md)."
        " Layers that it leaves out follow, or are chosen for the goal that is given.",
        rich_help_panel=HARDWARE,
    ),
]
