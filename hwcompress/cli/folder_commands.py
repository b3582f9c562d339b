"""Commands that work on a build folder: ``verify``, ``synth``, ``report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwcompress.cli.guard import guarded

__all__ = ["register"]

Folder = Annotated[Path, typer.Argument(help="Build folder, made by `hwcompress build`.")]
Force = Annotated[bool, typer.Option("--force", help="Run again although nothing has changed.")]


@guarded
def verify(
    folder: Folder,
    frames: Annotated[
        int | None, typer.Option(help="Frames of the cocotb bench, at least 20.")
    ] = None,
    simulator: Annotated[
        str | None, typer.Option(help="Of the cocotb bench: verilator or icarus.")
    ] = None,
    force: Force = False,
) -> None:
    """Compare the Verilog with the simulator: all test samples, then cocotb with random stalls.

    Example: `hwcompress verify hwc-build/digits-pynq-z2 --simulator icarus`
    """
    from dataclasses import replace

    from hwcompress.cli.session import run_targets
    from hwcompress.flow.build import open_build

    settings = open_build(folder).settings
    settings = replace(
        settings,
        frames=settings.frames if frames is None else frames,
        simulator=settings.simulator if simulator is None else simulator,
    )
    run_targets(
        folder,
        ["verify", "bench"],
        settings=settings,
        force=force,
        sections=["checks", "performance"],
    )


@guarded
def synth(folder: Folder, force: Force = False) -> None:
    """Synthesize the Verilog for the board's part and count what it takes.

    Example: `hwcompress synth hwc-build/digits-pynq-z2`
    """
    from hwcompress.cli.session import run_targets

    run_targets(folder, ["synthesize"], force=force, sections=["resources"])


@guarded
def report(folder: Folder) -> None:
    """Write report.json and report.html anew from what the build folder holds.

    Steps that did not run are shown as such; nothing is run for them.

    Example: `hwcompress report hwc-build/digits-pynq-z2`
    """
    from hwcompress.cli.screen import show_report
    from hwcompress.flow.build import refresh_report

    refresh_report(folder)
    show_report(folder, None)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("verify")(verify)
    app.command("synth")(synth)
    app.command("report")(report)
