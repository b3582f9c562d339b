"""One model of a folder: inspected, compared and perhaps built by the command line."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.model_samples import recipe_for

__all__ = ["Built", "Record", "measure", "run_command"]

_REFERENCE = 50
"""Samples that the source in float64 sees of a model that its runtime cannot run."""


@dataclass
class Built:
    """A build for one board; ``exact`` frames of the Verilog, ``failure`` if there was one."""

    board: str
    interval: int | None = None
    lut: int | None = None
    bram: float | None = None
    dsp: int | None = None
    frames: int = 0
    mismatches: int = 0
    seconds: float = 0.0
    failure: str = ""


@dataclass
class Record:
    """What was found about one model.

    ``inspection`` and ``comparison`` are what the commands print with
    ``--json``, without the nodes; ``failure`` is what a command said instead.
    """

    name: str
    samples: str
    seconds: float = 0.0
    inspection: dict[str, Any] = field(default_factory=dict)
    comparison: dict[str, Any] = field(default_factory=dict)
    failure: str = ""
    built: Built | None = None

    def save(self, path: Path) -> None:
        """As JSON; a half-written record is never left behind."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Record:
        """What :meth:`save` wrote."""
        stored = json.loads(path.read_text(encoding="utf-8"))
        built = stored.pop("built")
        return cls(**stored, built=None if built is None else Built(**built))


def run_command(*words: str, limit: float) -> tuple[int, str, str]:
    """Exit code, output and what went wrong, of the command line; 124 when the time is up."""
    command = [sys.executable, "-m", "hwcompress.cli.main", *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit)
    except subprocess.TimeoutExpired:
        return 124, "", f"not done after {limit:.0f} s"
    return done.returncode, done.stdout, done.stderr.strip().removeprefix("error: ")


def measure(
    model: Path, name: str, data: Path, folder: Path, *, samples: int, limit: float
) -> Record:
    """Inspect a model and compare it with its runtime.

    Args:
        model: the file.
        name: its path within the folder of models.
        data: folder of the data sets.
        folder: takes the samples.
        samples: how many.
        limit: seconds for each command.
    """
    recipe = recipe_for(name)
    started = time.monotonic()
    title = recipe.title if recipe else "random"
    record = Record(name, title)
    given, fed = _arguments(name, data, folder, samples)
    code, out, error = run_command("inspect", str(model), *given, "--json", limit=limit)
    if out.startswith("{"):
        record.inspection = json.loads(out)
        record.inspection.pop("nodes")
        record.inspection["model"] = name
    else:
        record.failure = error
    if code == 0:
        words = ["compare", str(model), *given, *fed, "--json"]
        code, out, error = run_command(*words, limit=limit)
        if out.startswith("{") and not _ran(json.loads(out)):
            # Float64 is all there is to compare with, so let it see more.
            words += ["--reference", str(min(samples, _REFERENCE))]
            code, out, error = run_command(*words, limit=limit)
        if out.startswith("{"):
            record.comparison = json.loads(out)
            record.comparison["model"] = name
            for item in record.comparison["first"]:
                item.pop("tensors")
        else:
            record.failure = error
    record.seconds = time.monotonic() - started
    # Messages name files; where these lie on this machine is of no interest.
    record.failure = record.failure.replace(str(model), name)
    for problem in record.inspection.get("problems", []):
        problem["message"] = problem["message"].replace(str(model), name)
    return record


def _ran(comparison: dict[str, Any]) -> bool:
    """Whether the source's own runtime could run it."""
    return any(row["scope"] == "outputs" for row in comparison["agreements"])


def _arguments(name: str, data: Path, folder: Path, samples: int) -> tuple[list[str], list[str]]:
    """Options of both commands, and of ``compare`` alone."""
    recipe = recipe_for(name)
    if recipe is None:
        return [], ["--random", str(samples)]
    path = folder / "samples" / f"{Path(name).stem}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    x, y = recipe.make(data, samples)
    np.savez(path, allow_pickle=False, x=x, y=y)
    return ["--data", str(path)], []
