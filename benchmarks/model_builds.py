"""Models of others as designs: ``hwcompress build``, and what its report says."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.model_records import Built, run_command
from benchmarks.model_samples import recipe_for
from hwcompress.errors import HwcompressError, InputError
from hwcompress.flow.model_inputs import onnx_inputs
from hwcompress.frontend.float_models import is_float_model
from hwcompress.frontend.onnx_model import read_onnx
from hwcompress.inspect.assume import attempt_import
from hwcompress.inspect.draw import Drawn
from hwcompress.inspect.header import parse_onnx, source_format
from hwcompress.report.model import read

__all__ = ["build"]

_BOARD = "pynq"


def build(model: Path, name: str, data: Path, folder: Path, *, frames: int, limit: float) -> Built:
    """Build a model for the PYNQ-Z2 with the Verilog compared on some frames.

    Args:
        model: the file.
        name: its path within the folder of models.
        data: folder of the data sets.
        folder: takes samples and build folder.
        frames: samples that pass through the verilated design.
        limit: seconds for all.
    """
    started = time.monotonic()
    built = Built(_BOARD)
    out = folder / "builds" / Path(name).stem
    try:
        samples = _samples(model, name, data, folder, frames)
    except HwcompressError as error:
        built.failure = str(error)
        return built
    words = ["build", str(model), "--data", str(samples), "--board", _BOARD, "--out", str(out)]
    code, _, error = run_command(*words, limit=limit)
    built.seconds = time.monotonic() - started
    if code:
        built.failure = error
    try:
        report = read(out)
    except HwcompressError as error:
        built.failure = built.failure or str(error)
        return built
    if report.design is not None:
        built.interval = report.design.interval
    used = {share.name: share.used for share in report.resources}
    built.lut = int(used["LUT"]) if "LUT" in used else None
    built.dsp = int(used["DSP"]) if "DSP" in used else None
    built.bram = next((used[key] for key in used if key.startswith("BRAM")), None)
    rows = [row for row in report.checks if row.level.startswith("Verilog")]
    built.frames = max((row.samples for row in rows), default=0)
    built.mismatches = sum(row.mismatches for row in rows)
    return built


def _samples(model: Path, name: str, data: Path, folder: Path, count: int) -> Path:
    """A data file for the build."""
    path = folder / "samples" / f"{Path(name).stem}-build.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    recipe = recipe_for(name)
    if recipe is not None:
        x, y = recipe.make(data, count)
        np.savez(path, allow_pickle=False, x=x, y=y)
        return path
    if is_float_model(read_onnx(model)):  # calibrated by them, as compare does
        rng = np.random.default_rng(0)
        drawn = {}
        for port, shape in onnx_inputs(model).shapes.items():
            if shape is None:
                raise InputError(f"input {port!r} leaves lengths open", where=name)
            drawn[port] = rng.normal(0, 1, (count, *shape))
        arrays = drawn if len(drawn) > 1 else {"x": next(iter(drawn.values()))}
        np.savez(path, allow_pickle=False, **arrays)
        return path
    ports = source_format(parse_onnx(model)).inputs
    attempt = attempt_import(model, ports, samples=None, input_type=None)
    drawn = Drawn(attempt.imported, 0, normal=attempt.unknown).block(0, count)
    arrays = dict(drawn) if isinstance(drawn, Mapping) else {"x": drawn}
    np.savez(path, allow_pickle=False, **arrays)
    return path
