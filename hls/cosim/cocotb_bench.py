"""The cocotb bench of any generated top; it runs inside the simulator.

What to do comes from the JSON file named by ``HWC_BENCH_JOB`` (written by
:mod:`hwcompress.hls.cosim.bench`), what was seen goes to the JSON file named
in it. Beats are little-endian integers here; only the caller knows what they
mean.

Four phases, of the same frames: ``free`` without pauses, for the latency and
the interval; ``stalled`` with random pauses on every port, each on its own;
``late``, whose sinks wait for valid before they are ready; ``reset``, which
breaks off a frame in the middle, resets, and expects right answers again.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from hwcompress.hls.cosim.cocotb_ports import Findings, Sink, Source, StopBench

__all__ = ["JOB_VARIABLE", "bench"]

JOB_VARIABLE = "HWC_BENCH_JOB"

_RESET_CYCLES = 8
_SURPLUS_CYCLES = 64
# A cut phase ends when its inputs have been taken. Where one input waits for
# more of another one than the cut left, it ends after so many idle cycles.
_CUT_IDLE = 1000


class _Bench:
    def __init__(self, dut: Any, job: dict[str, Any]) -> None:
        self.dut = dut
        self.watchdog = job["watchdog"]
        self.findings = Findings()
        self.phases: list[dict[str, Any]] = []
        seed = job["seed"]
        self.sources = [
            Source(dut, port, f"{seed} in {number}", self.findings)
            for number, port in enumerate(job["inputs"])
        ]
        self.sinks = [
            Sink(dut, port, f"{seed} out {number}", self.findings)
            for number, port in enumerate(job["outputs"])
        ]
        self.ports: list[Source | Sink] = [*self.sources, *self.sinks]
        for signal in job["idle"]:
            getattr(dut, signal).value = 0

    async def reset(self) -> None:
        self.dut.aresetn.value = 0
        for port in self.ports:
            port.reset()
        for _ in range(_RESET_CYCLES):
            await RisingEdge(self.dut.aclk)
        self.dut.aresetn.value = 1

    async def phase(
        self, name: str, first: int, count: int, *, stalls: bool, late: bool = False
    ) -> None:
        """Frames ``first ... first + count - 1``, compared."""
        for source in self.sources:
            source.begin(first * source.frame, count * source.frame, stalls=stalls)
        for sink in self.sinks:
            sink.begin(first * sink.frame, count * sink.frame, stalls=stalls, late=late)
        try:
            await self._cycles(name, cut=False)
        finally:
            self._note(name)

    async def cut(self, frames: int) -> None:
        """``frames`` frames and a half, left as soon as the last beats are taken.

        Compared is only what has come until then.
        """
        for source in self.sources:
            part = frames * source.frame + (source.frame + 1) // 2
            source.begin(0, part, stalls=False)
        for sink in self.sinks:
            sink.begin(0, (frames + 1) * sink.frame, stalls=False)
        await self._cycles("cut", cut=True)
        self._note("cut")

    async def _cycles(self, name: str, *, cut: bool) -> None:
        cycle, idle, surplus = 0, 0, 0
        edge = RisingEdge(self.dut.aclk)
        while True:
            for port in self.ports:
                port.drive()
            await edge
            # Sampled at the edge, before the design's registers change.
            moved = False
            for sink in self.sinks:
                moved |= sink.sample(name, cycle, cut=cut)
            for source in self.sources:
                moved |= source.sample(name, cycle)
            cycle += 1
            idle = 0 if moved else idle + 1
            if all(source.done for source in self.sources) and (
                cut or all(sink.done for sink in self.sinks)
            ):
                surplus += 1
                if cut or surplus > _SURPLUS_CYCLES:
                    return
            elif cut and idle > _CUT_IDLE:
                return
            elif idle > self.watchdog:
                self.findings.deadlock = self._stand(name, cycle)
                raise StopBench

    def _stand(self, name: str, cycle: int) -> str:
        def places(kind: str, ports: list[Any]) -> str:
            if len(ports) == 1:
                return f"{kind} {'stands ' if kind == 'input' else ''}at {ports[0].place()}"
            return "; ".join(f"{kind} {port.name} at {port.place()}" for port in ports)

        return (
            f"deadlock: {name} phase, no transfer for {self.watchdog} cycles at cycle {cycle};"
            f" {places('input', self.sources)}; {places('output', self.sinks)}"
        )

    def _note(self, name: str) -> None:
        self.phases.append(
            {
                "name": name,
                "inputs": {port.name: asdict(port.seen) for port in self.sources},
                "outputs": {port.name: asdict(port.seen) for port in self.sinks},
            }
        )

    def report(self) -> dict[str, Any]:
        return {
            "simulator": cocotb.SIM_NAME,
            "version": cocotb.SIM_VERSION,
            "phases": self.phases,
            **self.findings.report(),
        }


@cocotb.test()  # type: ignore[untyped-decorator]  # cocotb is not followed by the checker
async def bench(dut: Any) -> None:
    """Every phase; the test fails if anything was wrong."""
    job = json.loads(Path(os.environ[JOB_VARIABLE]).read_text())
    run = _Bench(dut, job)
    Clock(dut.aclk, 10, unit="ns").start()
    await run.reset()
    free, stalled, again = job["free_frames"], job["stalled_frames"], job["reset_frames"]
    try:
        await run.phase("free", 0, free, stalls=False)
        await run.phase("stalled", free, stalled, stalls=True)
        await run.phase("late", 0, again, stalls=False, late=True)
        if again:
            # Two frames and a half, so that something is everywhere on the way.
            await run.cut(2)
            await run.reset()
            await run.phase("reset", 0, again, stalls=True)
    except StopBench:
        pass
    found = run.findings
    Path(job["result"]).write_text(json.dumps(run.report(), indent=1))
    assert not found.deadlock, found.deadlock
    assert found.violation_count == 0, found.violations[0]
    assert found.mismatch_count == 0, found.mismatches[0]
