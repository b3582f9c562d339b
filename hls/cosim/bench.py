"""Checks a generated design under cocotb: stream protocol, stalls, reset, integers."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hwcompress.errors import CheckFailed, InputError, MissingToolError, UnsupportedError
from hwcompress.hls.cosim.cycles import steady_interval
from hwcompress.hls.cosim.library import OPTIMIZE, fingerprint
from hwcompress.hls.rtl.design import Design, write_file
from hwcompress.hls.rtl.stream import StreamSpec
from hwcompress.tools import COCOTB_VERILATOR, Tool, need, package_version, run

__all__ = ["BenchResult", "run_bench"]

_FREE_FRAMES = 8
_RESET_FRAMES = 2
_WATCHDOG = 20_000


@dataclass(frozen=True)
class BenchResult:
    """What the bench saw. Cycles are clock cycles.

    Args:
        simulator: its name, and ``version`` in its own words.
        frames_free: frames compared in the phase without pauses.
        frames_stalled: frames compared in the phases with random pauses
            (after a reset in the middle of a frame included).
        mismatches: output beats that differ from what was expected.
        first_mismatch: phase, sample, element and both values, or empty.
        latency_first: from taking the first input beat to taking the first
            output beat; None if none came.
        latency_frame: from taking the first input beat to taking the first
            frame's last output beat; None if it did not come.
        interval: mean cycles between frame ends without pauses, None if fewer
            than four frames were seen.
        input_pauses: cycles in which the next input beat was withheld.
        output_pauses: cycles in which the sink was not ready.
        violations: breaches of the stream protocol, the first ones in full.
        violation_count: how many there were.
        deadlock: where the stream stopped, or empty.
        log: the simulator's log.
    """

    simulator: str
    version: str
    frames_free: int
    frames_stalled: int
    mismatches: int
    first_mismatch: str
    latency_first: int | None
    latency_frame: int | None
    interval: float | None
    input_pauses: int
    output_pauses: int
    violations: tuple[str, ...]
    violation_count: int
    deadlock: str
    log: Path

    @property
    def ok(self) -> bool:
        """Whether nothing was wrong."""
        return not (self.mismatches or self.violation_count or self.deadlock)

    def check(self) -> BenchResult:
        """Itself.

        Raises:
            CheckFailed: something was wrong; the most telling problem is named.
        """
        if self.ok:
            return self
        problems = [text for text in (self.deadlock, self.first_mismatch) if text]
        problems += [f"stream protocol: {self.violations[0]}"] if self.violations else []
        raise CheckFailed(
            problems[0],
            where=f"cocotb bench on {self.simulator}",
            why=f"{self.mismatches} wrong output beats, {self.violation_count} breaches of the"
            f" stream protocol in {self.frames_free + self.frames_stalled} frames",
            remedy=f"the log is {self.log}",
        )


def run_bench(
    design_folder: Path,
    integers: np.ndarray,
    expected: np.ndarray,
    build_folder: Path,
    *,
    simulator: Literal["verilator", "icarus"] = "verilator",
    frames: int = 24,
    seed: int = 1,
    watchdog: int | None = None,
) -> BenchResult:
    """Simulates the design under cocotb and compares every output beat.

    Args:
        design_folder: a generated design.
        integers: samples ``(n, *shape)`` of the input; used in a circle if the
            bench needs more.
        expected: the output's integers ``(n, *shape)`` for them.
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
    _check_input(design, integers, expected, frames, simulator)
    source, sink = design.inputs[0], design.outputs[0]
    shims, label, environment = _simulator(simulator)
    build_folder.mkdir(parents=True, exist_ok=True)
    key = fingerprint(
        simulator, label, package_version("cocotb") or "", *shims.values(), design.top,
        *((design.folder / name).read_bytes() for name in design.files),
    )  # fmt: skip
    folder = build_folder.absolute()
    build = folder / f"cocotb-{simulator}-{key}"
    free = min(frames, _FREE_FRAMES)
    again = min(frames, _RESET_FRAMES)
    place = np.arange(free + frames) % len(integers)
    job = {
        "simulator": simulator,
        "build": str(build),
        "design": str(design.folder.absolute()),
        "files": list(design.files),
        "top": design.top,
        "junit": str(folder / f"cocotb-{simulator}.xml"),
        "result": str(folder / f"cocotb-{simulator}-result.json"),
        "input": _hex(source.pack(np.asarray(integers)[place])),
        "expected": _hex(sink.pack(np.asarray(expected)[place])),
        "input_bits": source.data_bits,
        "data_bits": sink.data_bits,
        "input_frame_beats": source.beats_per_frame,
        "output_frame_beats": sink.beats_per_frame,
        "free_frames": free,
        "stalled_frames": frames,
        "reset_frames": again,
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
    return _read(json.loads(result.read_text()), sink, label, log)


def _check_input(
    design: Design, integers: np.ndarray, expected: np.ndarray, frames: int, simulator: str
) -> None:
    if len(design.inputs) != 1 or len(design.outputs) != 1:
        raise UnsupportedError(
            f"a design with {len(design.inputs)} inputs and {len(design.outputs)} outputs",
            where=design.graph,
            why="the bench has one source and one sink",
        )
    if simulator not in ("verilator", "icarus"):
        raise InputError(f"unknown simulator {simulator!r}", remedy="verilator or icarus")
    if len(integers) == 0 or len(integers) != len(expected):
        raise InputError(
            f"{len(integers)} samples and {len(expected)} expected results",
            why="the bench needs at least one sample, and a result for each",
        )
    if frames < 1:
        raise InputError(f"frames is {frames}", why="expected at least 1")


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


def _hex(beats: np.ndarray) -> list[str]:
    return [row[::-1].tobytes().hex() for row in beats]


def _read(found: dict[str, Any], sink: StreamSpec, label: str, log: Path) -> BenchResult:
    phases = {phase["name"]: phase for phase in found["phases"]}
    free = phases.get("free", {"frame_ends": [], "first_output": -1, "first_input": -1})
    ends, start = free["frame_ends"], free["first_input"]
    compared = [phase for name, phase in phases.items() if name in ("stalled", "reset")]
    said = found["version"].strip()
    return BenchResult(
        simulator=found["simulator"],
        version=said or label,
        frames_free=len(ends),
        frames_stalled=sum(len(phase["frame_ends"]) for phase in compared),
        mismatches=found["mismatch_count"],
        first_mismatch=_describe(found["mismatches"], sink),
        latency_first=free["first_output"] - start if free["first_output"] >= 0 else None,
        latency_frame=ends[0] - start if ends else None,
        interval=steady_interval(ends),
        input_pauses=sum(phase["input_pauses"] for phase in compared),
        output_pauses=sum(phase["output_pauses"] for phase in compared),
        violations=tuple(found["violations"]),
        violation_count=found["violation_count"],
        deadlock=found["deadlock"],
        log=log,
    )


def _describe(mismatches: list[dict[str, Any]], sink: StreamSpec) -> str:
    """The first wrong beat in words: phase, frame, element and both values."""
    if not mismatches:
        return ""
    first = mismatches[0]
    got, wanted = (_elements(int(first[key], 16), sink) for key in ("got", "expected"))
    offset = int(np.flatnonzero(got != wanted)[0])
    flat = first["beat"] * sink.elements_per_beat + offset
    place = tuple(int(index) for index in np.unravel_index(flat, sink.shape))
    return (
        f"{first['phase']} phase, frame {first['frame']}: {sink.tensor}{list(place)} is"
        f" {int(got[offset])}, expected {int(wanted[offset])}"
    )


def _elements(beat: int, sink: StreamSpec) -> np.ndarray:
    row = np.frombuffer(beat.to_bytes(sink.tdata_bytes, "little"), np.uint8)
    single = StreamSpec(
        sink.tensor, sink.port, (sink.elements_per_beat,), sink.dtype, sink.elements_per_beat
    )
    return single.unpack(row[None, :]).reshape(-1)
