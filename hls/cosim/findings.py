"""What the cocotb bench found, from its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hwcompress.errors import CheckFailed
from hwcompress.hls.cosim.cycles import steady_interval
from hwcompress.hls.rtl.design import Design
from hwcompress.hls.rtl.stream import StreamSpec

__all__ = ["BenchResult", "PortFacts", "read_findings"]


@dataclass(frozen=True, slots=True)
class PortFacts:
    """One port in the phase without pauses, and its pauses in the others.

    Cycles count from taking the first input beat on any port; None if nothing passed.
    """

    latency_first: int | None
    latency_frame: int | None
    interval: float | None
    pauses: int


@dataclass(frozen=True)
class BenchResult:
    """What the bench saw. Cycles are clock cycles.

    Args:
        simulator: its name, and ``version`` in its own words.
        frames_free: frames compared in the phase without pauses, on every output.
        frames_stalled: frames compared in the phases with random pauses
            (after a reset in the middle of a frame included).
        mismatches: output beats that differ from what was expected.
        first_mismatch: phase, sample, element and both values, or empty.
        latency_first: from taking the first input beat to taking the first
            output beat, on any port; None if none came.
        latency_frame: from taking the first input beat to taking the first
            frame's last output beat on all ports; None if one did not come.
        interval: mean cycles between frame ends without pauses, None if fewer
            than four frames were seen.
        input_pauses: cycles in which the next input beat was withheld, over all ports.
        output_pauses: cycles in which a sink was not ready, over all ports.
        violations: breaches of the stream protocol, the first ones in full.
        violation_count: how many there were.
        deadlock: where the streams stopped, or empty.
        log: the simulator's log.
        ports: every port on its own, by name.
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
    ports: Mapping[str, PortFacts] = field(default_factory=dict)

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


def read_findings(found: Mapping[str, Any], design: Design, label: str, log: Path) -> BenchResult:
    """The result of a bench.

    Args:
        found: what the bench wrote.
        design: the design it ran.
        label: the simulator's version, if the simulator does not tell.
        log: its log.
    """
    phases = {phase["name"]: phase for phase in found["phases"]}
    none: dict[str, dict[str, Any]] = {"inputs": {}, "outputs": {}}
    free = phases.get("free", none)
    compared = [phase for name, phase in phases.items() if name in ("stalled", "reset")]
    starts = [port["first"] for port in free["inputs"].values() if port["first"] >= 0]
    start = min(starts, default=0)
    ports = {
        name: _facts(
            port, start, sum(phase[side].get(name, {"pauses": 0})["pauses"] for phase in compared)
        )
        for side in ("inputs", "outputs")
        for name, port in free[side].items()
    }
    outputs = list(free["outputs"].values())
    firsts = [port["first"] for port in outputs if port["first"] >= 0]
    # A frame has ended when its last beat has left on every port.
    ends = [max(cycles) for cycles in zip(*(port["frame_ends"] for port in outputs), strict=False)]
    return BenchResult(
        simulator=found["simulator"],
        version=found["version"].strip() or label,
        frames_free=len(ends),
        frames_stalled=sum(_frames(phase) for phase in compared),
        mismatches=found["mismatch_count"],
        first_mismatch=_describe(found["mismatches"], design),
        latency_first=min(firsts) - start if firsts else None,
        latency_frame=ends[0] - start if ends else None,
        interval=steady_interval(ends),
        input_pauses=sum(_pauses(phase["inputs"]) for phase in compared),
        output_pauses=sum(_pauses(phase["outputs"]) for phase in compared),
        violations=tuple(found["violations"]),
        violation_count=found["violation_count"],
        deadlock=found["deadlock"],
        log=log,
        ports=ports,
    )


def _facts(port: Mapping[str, Any], start: int, pauses: int) -> PortFacts:
    ends = port["frame_ends"]
    return PortFacts(
        port["first"] - start if port["first"] >= 0 else None,
        ends[0] - start if ends else None,
        steady_interval(ends),
        pauses,
    )


def _frames(phase: Mapping[str, Any]) -> int:
    return min(len(port["frame_ends"]) for port in phase["outputs"].values())


def _pauses(ports: Mapping[str, Any]) -> int:
    return sum(port["pauses"] for port in ports.values())


def _describe(mismatches: list[dict[str, Any]], design: Design) -> str:
    """The first wrong beat in words: phase, frame, element and both values."""
    if not mismatches:
        return ""
    first = mismatches[0]
    sink = next(port for port in design.outputs if port.port == first["port"])
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
