"""The cocotb bench of any generated top; it runs inside the simulator.

What to do comes from the JSON file named by ``HWC_BENCH_JOB`` (written by
:mod:`hwcompress.hls.cosim.bench`), what was seen goes to the JSON file named
in it. Beats are little-endian integers here; only the caller knows what they
mean.

Three phases, of the same frames: ``free`` without pauses, for the latency and
the interval; ``stalled`` with random pauses on both sides; ``reset``, which
breaks off a frame in the middle, resets, and expects right answers again.
"""

from __future__ import annotations

import json
import os
import random
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

__all__ = ["JOB_VARIABLE", "bench"]

JOB_VARIABLE = "HWC_BENCH_JOB"

_RESET_CYCLES = 8
_SURPLUS_CYCLES = 64
_KEPT = 20  # problems of each kind that are written down in full
# Chances in a thousand of a pause; a new pair is drawn every now and then, so
# that long starvation, long back-pressure and free flow follow each other.
_RATES = (0, 0, 100, 300, 500, 900, 970)


@dataclass
class _Phase:
    """What was seen in a phase. Cycles count from its first clock edge."""

    name: str
    frames: int
    cycles: int = 0
    first_input: int = -1
    first_output: int = -1
    frame_ends: list[int] = field(default_factory=list)
    input_pauses: int = 0
    output_pauses: int = 0


class _StopError(Exception):
    """Nothing more can be learnt from this design."""


class _Pauses:
    """Random pauses on one side, asked every cycle; none if ``active`` is False."""

    def __init__(self, active: bool, rng: random.Random) -> None:
        self.active = active
        self.rng = rng
        self.rate = 0
        self.left = 0

    def __call__(self) -> bool:
        if not self.active:
            return False
        if self.left == 0:
            self.rate = self.rng.choice(_RATES)
            self.left = self.rng.randrange(4, 80)
        self.left -= 1
        return self.rng.randrange(1000) < self.rate


class _Bench:
    def __init__(self, dut: Any, job: dict[str, Any]) -> None:
        self.dut = dut
        self.job = job
        self.rng = random.Random(job["seed"])  # noqa: S311  (reproducible pauses)
        self.mask = (1 << job["data_bits"]) - 1
        self.phases: list[_Phase] = []
        self.violations: list[str] = []
        self.violation_count = 0
        self.mismatches: list[dict[str, Any]] = []
        self.mismatch_count = 0
        self.held: tuple[int, int] | None = None
        self.ready = False  # what m_axis_tready is driven to
        self.deadlock = ""

    def violation(self, text: str) -> None:
        self.violation_count += 1
        if len(self.violations) < _KEPT:
            self.violations.append(text)

    async def reset(self) -> None:
        dut = self.dut
        dut.aresetn.value = 0
        dut.s_axis_tvalid.value = 0
        dut.m_axis_tready.value = 0
        for _ in range(_RESET_CYCLES):
            await RisingEdge(dut.aclk)
        dut.aresetn.value = 1
        self.held = None
        self.ready = False

    def bit(self, name: str, phase: _Phase) -> bool:
        """A control signal; neither 0 nor 1 is a violation."""
        value = getattr(self.dut, name).value
        text = str(value)
        if text not in "01":
            self.violation(f"{phase.name} phase, cycle {phase.cycles}: {name} is {text}")
        return text == "1"

    def data(self, phase: _Phase) -> int:
        value = self.dut.m_axis_tdata.value
        if not value.is_resolvable:
            self.violation(
                f"{phase.name} phase, cycle {phase.cycles}: m_axis_tdata has undefined bits"
                f" in a valid beat: {value}"
            )
            return int(str(value).translate(str.maketrans("XZUWLH-xzuwlh", "0000000000000")), 2)
        return int(value.to_unsigned())

    async def phase(
        self, name: str, beats: list[int], expected: list[int], *, stalls: bool, cut: bool = False
    ) -> None:
        """Feeds ``beats``, compares with ``expected``.

        With ``cut`` it leaves as soon as the last input beat is taken and
        compares only what has come until then.
        """
        dut, job = self.dut, self.job
        frame = job["output_frame_beats"]
        seen = _Phase(name, len(expected) // frame)
        self.phases.append(seen)
        pause_input = _Pauses(stalls, self.rng)
        pause_output = _Pauses(stalls, self.rng)
        offering = False
        position, received, idle, surplus = 0, 0, 0, 0
        while True:
            # Drive what the next edge will see.
            withhold = pause_input()
            if not offering and position < len(beats):
                if withhold:
                    seen.input_pauses += 1
                else:
                    offering = True
                dut.s_axis_tvalid.value = int(offering)
                # Data without valid means nothing: a design must not look at it.
                dut.s_axis_tdata.value = (
                    beats[position] if offering else self.rng.getrandbits(job["input_bits"])
                )
            elif not offering:
                dut.s_axis_tvalid.value = 0
            paused = pause_output()
            seen.output_pauses += paused
            if paused == self.ready:
                self.ready = not paused
                dut.m_axis_tready.value = int(self.ready)
            await RisingEdge(dut.aclk)
            # Sampled at the edge, before the design's registers change.
            taken = self.bit("s_axis_tready", seen) and offering
            given = self.output(seen, received, frame, expected, cut)
            if given:
                received += 1
            if taken:
                if position == 0:
                    seen.first_input = seen.cycles
                position += 1
                offering = False
            seen.cycles += 1
            idle = 0 if taken or given else idle + 1
            if position == len(beats) and (received >= len(expected) or cut):
                surplus += 1
                if cut or surplus > _SURPLUS_CYCLES:
                    return
            elif idle > job["watchdog"]:
                self.deadlock = self.stand(seen, position, received)
                raise _StopError

    def output(
        self,
        seen: _Phase,
        received: int,
        frame: int,
        expected: list[int],
        cut: bool,
    ) -> bool:
        """Checks the output port at a clock edge; whether a beat was transferred."""
        here = f"{seen.name} phase, cycle {seen.cycles}, frame {received // frame}, beat"
        here = f"{here} {received % frame}"
        valid = self.bit("m_axis_tvalid", seen)
        if not valid:
            if self.held is not None:
                self.violation(f"{here}: m_axis_tvalid was withdrawn before the beat was taken")
                self.held = None
            return False
        data = self.data(seen)
        last = int(self.bit("m_axis_tlast", seen))
        if self.held is not None and self.held != (data, last):
            signal = "tdata" if self.held[0] != data else "tlast"
            self.violation(f"{here}: m_axis_{signal} changed while waiting for m_axis_tready")
        self.held = None if self.ready else (data, last)
        if not self.ready:
            return False
        due = received % frame == frame - 1
        if last != due:
            what = "missing on the last beat" if due else "in the middle"
            self.violation(f"{here}: m_axis_tlast {what} of a frame")
        if received >= len(expected):
            if not cut:
                self.violation(f"{here}: more output beats than the frames have")
                raise _StopError
            return True
        if (data & self.mask) != expected[received]:
            self.mismatch_count += 1
            if len(self.mismatches) < _KEPT:
                self.mismatches.append(
                    {
                        "phase": seen.name,
                        "frame": received // frame,
                        "beat": received % frame,
                        "got": hex(data & self.mask),
                        "expected": hex(expected[received]),
                    }
                )
        if seen.first_output < 0:
            seen.first_output = seen.cycles
        if due:
            seen.frame_ends.append(seen.cycles)
        return True

    def stand(self, seen: _Phase, position: int, received: int) -> str:
        in_frame, in_beat = divmod(position, self.job["input_frame_beats"])
        out_frame, out_beat = divmod(received, self.job["output_frame_beats"])
        return (
            f"deadlock: {seen.name} phase, no transfer for {self.job['watchdog']} cycles at cycle"
            f" {seen.cycles}; input stands at frame {in_frame}, beat {in_beat}; output at frame"
            f" {out_frame}, beat {out_beat}"
        )

    def report(self) -> dict[str, Any]:
        return {
            "simulator": cocotb.SIM_NAME,
            "version": cocotb.SIM_VERSION,
            "phases": [asdict(phase) for phase in self.phases],
            "violations": self.violations,
            "violation_count": self.violation_count,
            "mismatches": self.mismatches,
            "mismatch_count": self.mismatch_count,
            "deadlock": self.deadlock,
        }


@cocotb.test()  # type: ignore[untyped-decorator]  # cocotb is not followed by the checker
async def bench(dut: Any) -> None:
    """Every phase; the test fails if anything was wrong."""
    job = json.loads(Path(os.environ[JOB_VARIABLE]).read_text())
    beats = [int(text, 16) for text in job["input"]]
    expected = [int(text, 16) for text in job["expected"]]
    run = _Bench(dut, job)
    Clock(dut.aclk, 10, unit="ns").start()
    dut.s_axis_tdata.value = 0
    await run.reset()
    step_in, step_out = job["input_frame_beats"], job["output_frame_beats"]

    def frames(first: int, count: int) -> tuple[list[int], list[int]]:
        return (
            beats[first * step_in : (first + count) * step_in],
            expected[first * step_out : (first + count) * step_out],
        )

    free, stalled, again = job["free_frames"], job["stalled_frames"], job["reset_frames"]
    try:
        await run.phase("free", *frames(0, free), stalls=False)
        await run.phase("stalled", *frames(free, stalled), stalls=True)
        if again:
            # Two frames and a half, so that something is everywhere on the way.
            part = beats[: 2 * step_in + (step_in + 1) // 2]
            await run.phase("cut", part, expected[: 3 * step_out], stalls=False, cut=True)
            await run.reset()
            await run.phase("reset", *frames(0, again), stalls=True)
    except _StopError:
        pass
    Path(job["result"]).write_text(json.dumps(run.report(), indent=1))
    assert not run.deadlock, run.deadlock
    assert run.violation_count == 0, run.violations[0]
    assert run.mismatch_count == 0, run.mismatches[0]
