"""Builds: the pipeline, run on a folder."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from hwcompress.flow.folder import held, open_folder, start_folder
from hwcompress.flow.manifest import MANIFEST, Manifest
from hwcompress.flow.pipeline import PIPELINE
from hwcompress.flow.runner import fresh_records, run_steps, select
from hwcompress.flow.settings import BuildSettings
from hwcompress.flow.step import Progress, Silent, Step
from hwcompress.flow.steps.reporting import make_report, write_report
from hwcompress.report.model import Report

__all__ = ["build", "build_report", "default_jobs", "open_build", "refresh_report"]


def default_jobs() -> int:
    """Two steps at once where there are two cores: compilers and Yosys use one each."""
    return min(2, os.cpu_count() or 1)


def build(
    folder: Path,
    settings: BuildSettings | None = None,
    *,
    targets: Collection[str] | None = None,
    force: Collection[str] | None = (),
    jobs: int | None = None,
    progress: Progress | None = None,
    steps: tuple[Step, ...] = PIPELINE,
) -> Manifest:
    """Bring a build folder up to date.

    Args:
        folder: made if it does not exist and settings are given.
        settings: of the build; ``None`` to keep those of the folder.
        targets: names of the wanted steps; all by default.
        force: names of steps to run again; ``None`` for all.
        jobs: steps that may run at once.
        progress: told how it goes.
        steps: the pipeline.

    Returns:
        The manifest, with the record of every step.

    Raises:
        HwcompressError: wrong input, or a failed check.
    """
    folder = folder.absolute()
    if settings is None:
        Manifest.load(folder / MANIFEST)
    else:
        start_folder(folder, settings)
    with held(folder):
        manifest = open_folder(folder, settings)
        chosen = steps if targets is None else select(steps, targets)
        run_steps(
            chosen,
            manifest,
            progress or Silent(),
            jobs=default_jobs() if jobs is None else jobs,
            force=[step.name for step in chosen] if force is None else force,
        )
    return manifest


def build_report(folder: Path) -> Report:
    """The report of what the folder holds now; results that are out of date are left out."""
    manifest = open_build(folder)
    return make_report(manifest.settings, fresh_records(PIPELINE, manifest))


def refresh_report(folder: Path) -> None:
    """Write both report files anew; no step is run.

    Raises:
        InputError: it is no build folder, or another build is working in it.
    """
    folder = folder.absolute()
    open_build(folder)
    with held(folder):
        manifest = open_folder(folder)
        # A report of a part of the steps is not the output of the report step.
        manifest.forget("report")
        write_report(folder, make_report(manifest.settings, fresh_records(PIPELINE, manifest)))


def open_build(folder: Path) -> Manifest:
    """The manifest of a build folder, for reading.

    Raises:
        InputError: it is no build folder.
    """
    return Manifest.load(folder.absolute() / MANIFEST)
