"""Checks a generated design under cocotb: stream protocol, stalls, reset, integers."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from hwcompress.errors import CheckFailed, InputError, MissingToolError
from hwcompress.hls.cosim.findings import BenchResult, PortFacts, read_findings
from hwcompress.hls.cosim.frames import Frames, by_tensor, frame_count
from hwcompress.hls.cosim.library import OPTIMIZE, fingerprint
from hwcompress.hls.rtl.design import Design, write_file
from hwcompress.hls.rtl.stream import StreamSpec
from hwcompress.tools import COCOTB_VERILATOR, Tool, need, package_version, run

__all__ = ["BenchResult", "PortFacts", "run_bench"]

_FREE_FRAMES = 8
_RESET_FRAMES = 2
_WATCHDOG = 20_000


def run_bench(
    design_folder: Path,
    integers: Frames,
    expected: Frames,
    build_folder: Path,
    *,
    simulator: Literal["verilator", "icarus"] = "verilator",
    frames: int = 24,
    seed: int = 1,
    watchdog: int | None = None,
) -> BenchResult:
    """Simulates the design under cocotb and compares every output beat.

    Every port has random pauses of its own.

    Args:
        design_folder: a generated design.
        integers: samples ``(n, *shape)`` of every input tensor, or of the only
            one; used in a circle if the bench needs more.
        expected: integers ``(n, *shape)`` of every output tensor, or of the
            only one, for them.
        build_folder: for the compiled simulation, job, log and JUnit file.
        simulator: which one.
        frames: frames with random pauses, at least 1.
        seed: of the pauses and of the content of the data signal without valid.
        watchdog: cycles without a transfer that mean a deadlock; default ten
            times the design's interval, at least 20,000.

    Returns:
        What was seen; a wrong design is not an exception, see ``check()``.

    Raises:
        InputError: no samples, wrong shapes or values, an unknown simulator.
        MissingToolError: the simulator is not installed or too old.
        CheckFailed: the simulator refuses the design or ends abnormally.
    """
    design = Design.load(design_folder)
    given, wanted = _checked(design, integers, expected, frames, simulator)
    shims, label, environment = _simulator(simulator)
    build_folder.mkdir(parents=True, exist_ok=True)
    key = fingerprint(
        simulator, label, package_version("cocotb") or "", *shims.values(), design.top,
        *((design.folder / name).read_bytes() for name in design.files),
    )  # fmt: skip
    folder = build_folder.absolute()
    free = min(frames, _FREE_FRAMES)
    place = np.arange(free + frames) % frame_count(given)
    job = {
        "simulator": simulator,
        "build": str(folder / f"cocotb-{simulator}-{key}"),
        "design": str(design.folder.absolute()),
        "files": list(design.files),
        "top": design.top,
        "junit": str(folder / f"cocotb-{simulator}.xml"),
        "result": str(folder / f"cocotb-{simulator}-result.json"),
        "inputs": [_port(spec, given[spec.tensor][place]) for spec in design.inputs],
        "outputs": [_port(spec, wanted[spec.tensor][place]) for spec in design.outputs],
        "idle": list(design.idle_inputs),
        "free_frames": free,
        "stalled_frames": frames,
        "reset_frames": min(frames, _RESET_FRAMES),
        "seed": seed,
        "watchdog": watchdog or max(_WATCHDOG, 10 * design.interval),
    }
    job_file = folder / f"cocotb-{simulator}-job.json"
    write_file(job_file, json.dumps(job))
    result = Path(str(job["result"]))
    result.unlink(missing_ok=True)
    log = folder / f"cocotb-{simulator}.log"
    path = os.pathsep.join([_write_shims(folder / "bin", shims), os.environ.get("PATH", "")])
    cocotb = Tool("cocotb", (sys.executable, "-m", "hwcompress.hls.cosim.cocotb_run"), "Python")
    try:
        # The runner behaves differently when it believes to be called by pytest.
        run(
            cocotb,
            [job_file],
            cwd=folder,
            log=log,
            env={**environment, "PATH": path, "PYTEST_CURRENT_TEST": ""},
        )
    except CheckFailed:
        # A failed check has left its findings; anything else is abnormal.
        if not result.is_file():
            raise
    if not result.is_file():
        raise CheckFailed("the simulation ended without a result", where=str(log))
    return read_findings(json.loads(result.read_text()), design, label, log)


def _checked(
    design: Design, integers: Frames, expected: Frames, frames: int, simulator: str
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    if simulator not in ("verilator", "icarus"):
        raise InputError(f"unknown simulator {simulator!r}", remedy="verilator or icarus")
    if frames < 1:
        raise InputError(f"frames is {frames}", why="expected at least 1")
    given = by_tensor(integers, design.inputs, "input")
    wanted = by_tensor(expected, design.outputs, "output")
    if frame_count(given) != frame_count(wanted):
        raise InputError(
            f"{frame_count(given)} samples and {frame_count(wanted)} expected results",
            why="the bench needs at least one sample, and a result for each",
        )
    return given, wanted


def _port(spec: StreamSpec, values: np.ndarray) -> dict[str, str | int | list[str]]:
    # Without valid, and above its elements, an input's data signal holds anything.
    return {
        "port": spec.port,
        "bits": spec.data_bits,
        "frame_beats": spec.beats_per_frame,
        "beats": [row[::-1].tobytes().hex() for row in spec.pack(values)],
    }


def _simulator(name: str) -> tuple[dict[str, str], str, dict[str, str]]:
    """Commands of a simulator (name to absolute path), its version, its environment."""
    if name == "icarus":
        purpose = "cocotb bench on Icarus Verilog"
        compiler, runtime = need("iverilog", purpose=purpose), need("vvp", purpose=purpose)
        return {"iverilog": compiler.argv[0], "vvp": runtime.argv[0]}, compiler.label, {}
    purpose = "cocotb bench on Verilator"
    need("perl", purpose=purpose)
    make = need("make", purpose=purpose)
    compiler = need("g++", purpose=purpose)
    verilator = need("verilator", at_least=COCOTB_VERILATOR, purpose=purpose)
    flags = " ".join([*OPTIMIZE, f"CXX={compiler.argv[0]}", f"LINK={compiler.argv[0]}"])
    makeflags = f"{verilator.env().get('MAKEFLAGS', '')} {flags}".strip()
    commands = {"verilator": verilator.argv[0], "make": make.argv[0]}
    return commands, verilator.label, {"MAKEFLAGS": makeflags}


def _write_shims(folder: Path, commands: Mapping[str, str]) -> str:
    """A folder with the commands under the names by which cocotb calls them."""
    if any(not Path(path).is_file() for path in commands.values()):  # pragma: no cover
        raise MissingToolError(f"one of {', '.join(commands.values())} is gone")
    folder.mkdir(exist_ok=True)
    for name, path in commands.items():
        shim = folder / name
        text = f'#!/bin/sh\nexec {shlex.quote(path)} "$@"\n'
        if not shim.is_file() or shim.read_text() != text:
            write_file(shim, text)
        shim.chmod(0o755)
    return str(folder)
