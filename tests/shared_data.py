"""Where the real data and the models of others lie (never part of this repository)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

__all__ = ["shared_file"]


def shared_file(name: str) -> Path:
    """A file below ``HWCOMPRESS_DATA`` (default ``../shared`` beside the repository).

    The test fails, naming the file, if it is absent.
    """
    root = os.environ.get("HWCOMPRESS_DATA") or Path(__file__).resolve().parents[2] / "shared"
    path = Path(root) / name
    if not path.exists():
        pytest.fail(f"this test needs {name} in the folder HWCOMPRESS_DATA (now {root})")
    return path
