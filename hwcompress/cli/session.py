"""Runs a build for a command: display, log file, final screen."""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path

from hwcompress.cli.guard import captured
from hwcompress.cli.progress import show_progress
from hwcompress.cli.screen import show_report, show_sections
from hwcompress.flow.build import build, refresh_report
from hwcompress.flow.folder import start_folder
from hwcompress.flow.manifest import MANIFEST, Manifest
from hwcompress.flow.runner import WORK
from hwcompress.flow.settings import BuildSettings

__all__ = ["run_build", "run_targets"]

LOG = f"{WORK}/build.log"
"""What libraries and tools printed during the last run."""


def run_build(
    folder: Path, settings: BuildSettings, *, jobs: int | None = None, force: bool = False
) -> None:
    """The whole pipeline, then the final screen."""
    start_folder(folder, settings)
    started = time.monotonic()
    _run(folder, settings, None, None if force else (), jobs)
    show_report(folder, time.monotonic() - started)


def run_targets(
    folder: Path,
    targets: Collection[str],
    *,
    settings: BuildSettings | None = None,
    force: bool = False,
    sections: Collection[str],
) -> None:
    """Some steps of an existing build and what they need, then their part of the final screen.

    The report files are written anew, so that they say what the screen says.
    """
    Manifest.load(folder.absolute() / MANIFEST)
    _run(folder, settings, targets, targets if force else (), None)
    refresh_report(folder)
    show_sections(folder, sections)


def _run(
    folder: Path,
    settings: BuildSettings | None,
    targets: Collection[str] | None,
    force: Collection[str] | None,
    jobs: int | None,
) -> None:
    # The display ends before the descriptors are put back.
    with captured(folder / LOG) as screen, show_progress(screen) as progress:
        build(folder, settings, targets=targets, force=force, jobs=jobs, progress=progress)
