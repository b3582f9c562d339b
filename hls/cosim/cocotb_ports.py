"""The ports of a design as the cocotb bench drives and watches them."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Findings", "Sink", "Source", "StopBench", "SurplusError"]

_KEPT = 20  # problems of each kind that are written down in full
# Chances in a thousand of a pause; a new one is drawn every now and then, so
# that long starvation, long back-pressure and free flow follow each other.
_RATES = (0, 0, 100, 300, 500, 900, 970)
_UNKNOWN = str.maketrans("XZUWLH-xzuwlh", "0000000000000")


class StopBench(Exception):
    """Nothing more can be learnt from this design."""


class SurplusError(StopBench):
    """A port gave more beats than the frames have."""


@dataclass
class Findings:
    """What is wrong, over all phases and ports."""

    violations: list[str] = field(default_factory=list)
    violation_count: int = 0
    mismatches: list[dict[str, Any]] = field(default_factory=list)
    mismatch_count: int = 0
    deadlock: str = ""

    def violation(self, text: str) -> None:
        """Notes a breach of the stream protocol."""
        self.violation_count += 1
        if len(self.violations) < _KEPT:
            self.violations.append(text)

    def mismatch(self, **facts: str | int) -> None:
        """Notes a wrong beat."""
        self.mismatch_count += 1
        if len(self.mismatches) < _KEPT:
            self.mismatches.append(facts)

    def report(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class _Pauses:
    """Random pauses of one port, asked every cycle; none unless ``active``."""

    def __init__(self, rng: random.Random) -> None:
        self.active = False
        self._rng = rng
        self._rate = 0
        self._left = 0

    def __call__(self) -> bool:
        if not self.active:
            return False
        if self._left == 0:
            self._rate = self._rng.choice(_RATES)
            self._left = self._rng.randrange(4, 80)
        self._left -= 1
        return self._rng.randrange(1000) < self._rate


@dataclass
class _Port:
    """One port in one phase. Cycles count from the phase's first clock edge."""

    first: int = -1
    frame_ends: list[int] = field(default_factory=list)
    pauses: int = 0
    beats: int = 0


class _Signal:
    """A control signal; neither 0 nor 1 is a violation."""

    def __init__(self, dut: Any, name: str, findings: Findings) -> None:
        self.name = name
        self._handle = getattr(dut, name)
        self._findings = findings

    def high(self, here: str) -> bool:
        value = self._handle.value
        if value == 1:
            return True
        if value != 0:
            self._findings.violation(f"{here}: {self.name} is {value}")
        return False


class Source:
    """Drives an input port."""

    def __init__(self, dut: Any, job: dict[str, Any], seed: str, findings: Findings) -> None:
        name = job["port"]
        self.name = name
        self.frame = job["frame_beats"]
        self.beats = [int(text, 16) for text in job["beats"]]
        self._bits = job["bits"]
        self._valid = getattr(dut, f"{name}_tvalid")
        self._data = getattr(dut, f"{name}_tdata")
        self._ready = _Signal(dut, f"{name}_tready", findings)
        self._rng = random.Random(seed)  # noqa: S311  (reproducible pauses)
        self._pause = _Pauses(self._rng)
        self.reset()

    def reset(self) -> None:
        """The state during reset."""
        self._valid.value = 0
        self._data.value = 0
        self._offering = False
        self._driven = False
        self._queue: list[int] = []
        self.seen = _Port()

    def begin(self, first: int, count: int, *, stalls: bool) -> None:
        """A new phase: ``count`` beats from beat ``first`` on."""
        self._queue = self.beats[first : first + count]
        self._pause.active = stalls
        self.seen = _Port()

    @property
    def done(self) -> bool:
        """Everything has been taken."""
        return self.seen.beats == len(self._queue)

    def drive(self) -> None:
        """Before a clock edge."""
        withhold = self._pause()
        if self._offering:
            return
        if self.done:
            if self._driven:
                self._valid.value = 0
                self._driven = False
            return
        self._driven = True
        if withhold:
            self.seen.pauses += 1
        else:
            self._offering = True
        self._valid.value = int(self._offering)
        # Data without valid means nothing: a design must not look at it.
        self._data.value = (
            self._queue[self.seen.beats] if self._offering else self._rng.getrandbits(self._bits)
        )

    def sample(self, phase: str, cycle: int) -> bool:
        """At a clock edge, before registers change; whether a beat was taken."""
        if not self._offering and self.done:
            return False
        if not self._ready.high(f"{phase} phase, cycle {cycle}") or not self._offering:
            return False
        if self.seen.first < 0:
            self.seen.first = cycle
        self.seen.beats += 1
        if self.seen.beats % self.frame == 0:
            self.seen.frame_ends.append(cycle)
        self._offering = False
        return True

    def place(self) -> str:
        """How far it is."""
        frame, beat = divmod(self.seen.beats, self.frame)
        over = ", all taken" if self.done else ""
        return f"frame {frame}, beat {beat}{over}"


class Sink:
    """Takes from an output port and compares."""

    def __init__(self, dut: Any, job: dict[str, Any], seed: str, findings: Findings) -> None:
        name = job["port"]
        self.name = name
        self.frame = job["frame_beats"]
        self.beats = [int(text, 16) for text in job["beats"]]
        self._mask = (1 << job["bits"]) - 1
        self._valid = _Signal(dut, f"{name}_tvalid", findings)
        self._last = _Signal(dut, f"{name}_tlast", findings)
        self._data = getattr(dut, f"{name}_tdata")
        self._drive_ready = getattr(dut, f"{name}_tready")
        self._pause = _Pauses(random.Random(seed))  # noqa: S311  (reproducible pauses)
        self._findings = findings
        self.reset()

    def reset(self) -> None:
        """The state during reset."""
        self._drive_ready.value = 0
        self._is_ready = False
        self._late = False
        self._held: tuple[int, int] | None = None
        self._queue: list[int] = []
        self.seen = _Port()

    def begin(self, first: int, count: int, *, stalls: bool, late: bool = False) -> None:
        """A new phase that expects ``count`` beats from beat ``first`` on.

        A ``late`` sink is ready only for a beat that it has seen waiting, so that a
        design whose valid waits for ready stops.
        """
        self._queue = self.beats[first : first + count]
        self._pause.active = stalls
        self._late = late
        self.seen = _Port()

    @property
    def done(self) -> bool:
        """Everything has come."""
        return self.seen.beats >= len(self._queue)

    def drive(self) -> None:
        """Before a clock edge."""
        paused = self._pause() or (self._late and self._held is None)
        self.seen.pauses += paused
        if paused == self._is_ready:
            self._is_ready = not paused
            self._drive_ready.value = int(self._is_ready)

    def sample(self, phase: str, cycle: int, *, cut: bool) -> bool:
        """Checks the port at a clock edge; whether a beat was transferred.

        With ``cut`` surplus beats are let through: the phase ends early.
        """
        seen, name = self.seen, self.name
        frame, beat = divmod(seen.beats, self.frame)
        here = f"{phase} phase, cycle {cycle}, frame {frame}, beat {beat}"
        if not self._valid.high(here):
            if self._held is not None:
                self._findings.violation(
                    f"{here}: {name}_tvalid was withdrawn before the beat was taken"
                )
                self._held = None
            return False
        data = self._sampled(here)
        last = int(self._last.high(here))
        if self._held is not None and self._held != (data, last):
            signal = "tdata" if self._held[0] != data else "tlast"
            self._findings.violation(
                f"{here}: {name}_{signal} changed while waiting for {name}_tready"
            )
        self._held = None if self._is_ready else (data, last)
        if not self._is_ready:
            return False
        due = beat == self.frame - 1
        if last != due:
            what = "missing on the last beat" if due else "in the middle"
            self._findings.violation(f"{here}: {name}_tlast {what} of a frame")
        if self.done:
            if not cut:
                self._findings.violation(f"{here}: more output beats than the frames have")
                raise SurplusError
            return True
        wanted = self._queue[seen.beats]
        if (data & self._mask) != wanted:
            self._findings.mismatch(
                phase=phase,
                port=name,
                frame=frame,
                beat=beat,
                got=hex(data & self._mask),
                expected=hex(wanted),
            )
        if seen.first < 0:
            seen.first = cycle
        if due:
            seen.frame_ends.append(cycle)
        seen.beats += 1
        return True

    def _sampled(self, here: str) -> int:
        value = self._data.value
        if not value.is_resolvable:
            self._findings.violation(
                f"{here}: {self.name}_tdata has undefined bits in a valid beat: {value}"
            )
            return int(str(value).translate(_UNKNOWN), 2)
        return int(value.to_unsigned())

    def place(self) -> str:
        """How far it is."""
        frame, beat = divmod(self.seen.beats, self.frame)
        over = ", complete" if self.done else ""
        return f"frame {frame}, beat {beat}{over}"
