"""The build folder: made or refused, and held by one build at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hwcompress.errors import InputError
from hwcompress.flow.manifest import MANIFEST, Manifest
from hwcompress.flow.settings import BuildSettings

__all__ = ["LOCK", "TEMPORARY", "held", "open_folder", "prepare_folder", "start_folder"]

LOCK = "build.lock"
TEMPORARY = ".tmp-"
"""Prefix of the folders in which steps write before their outputs are moved into place."""


def prepare_folder(folder: Path) -> None:
    """Make a folder fit to be built in.

    Raises:
        InputError: it is a file, cannot be written, or holds something that
            is not a build.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(
            f"output {str(folder)!r} is a file", remedy="give the name of a folder with --out"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        present = {entry.name for entry in folder.iterdir()}
        probe = folder / f"{TEMPORARY}probe-{os.getpid()}"
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        raise InputError(
            f"output folder {str(folder)!r} cannot be written",
            why=error.strerror or str(error),
            remedy="choose a folder you may write with --out, or change its permissions",
        ) from error
    strangers = {name for name in present if name != LOCK and not name.startswith(TEMPORARY)}
    if strangers and MANIFEST not in present:
        raise InputError(
            f"output folder {str(folder)!r} is not empty and is not a build folder",
            why=f"it holds {min(strangers)!r} and no {MANIFEST}",
            remedy="choose a new or empty folder with --out",
        )


def open_folder(folder: Path, settings: BuildSettings | None = None) -> Manifest:
    """The manifest of a build folder, with new settings if some are given.

    Call it while the folder is :func:`held`.

    Raises:
        InputError: not a build folder (and no settings to start one), or a
            damaged manifest.
    """
    path = folder / MANIFEST
    if settings is None:
        return Manifest.load(path)
    if path.exists():
        manifest = Manifest.load(path, type(settings))
        if manifest.settings == settings:
            return manifest
        manifest.settings = settings
    else:
        manifest = Manifest(path, settings)
    manifest.save()
    return manifest


def start_folder(folder: Path, settings: BuildSettings) -> None:
    """Make a folder a build folder, before anything else is written into it.

    Raises:
        InputError: as :func:`prepare_folder`, :func:`held` and :func:`open_folder`.
    """
    prepare_folder(folder)
    with held(folder):
        open_folder(folder, settings)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other builds out of the folder; left-overs of a killed one are removed.

    The kernel frees the lock when its process ends, however it ends, so a
    lock file of a dead process stands in nobody's way.

    Raises:
        InputError: another process is building in the folder, or it cannot be
            written.
    """
    path = folder / LOCK
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise InputError(
            f"build folder {str(folder)!r} cannot be written",
            why=error.strerror or str(error),
            remedy="change its permissions, or copy it to a place of your own",
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
            raise InputError(
                f"another build is working in {str(folder)!r}",
                why=f"process {owner} holds {LOCK}",
                remedy="wait until it ends, stop it, or choose another folder with --out",
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        for rest in folder.glob(f"{TEMPORARY}*"):
            shutil.rmtree(rest, ignore_errors=True)
        for rest in folder.glob(f".{MANIFEST}.*"):
            rest.unlink(missing_ok=True)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)
