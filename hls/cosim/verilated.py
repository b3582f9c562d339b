"""Runs whole data sets through a verilated design, millions of cycles per second."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from hwcompress.errors import CheckFailed
from hwcompress.hls.cosim import _driver
from hwcompress.hls.cosim._ports import Feed, Sink, progress
from hwcompress.hls.cosim.frames import Frames, by_tensor, frame_count
from hwcompress.hls.cosim.library import Toolchain, build_library
from hwcompress.hls.cosim.record import PortCycles, Run
from hwcompress.hls.cosim.stalls import Patterns, Pauses, Stalls
from hwcompress.hls.rtl.design import Design

__all__ = ["DEFAULT_WATCHDOG", "Patterns", "Run", "Stalls", "VerilatedDesign"]

DEFAULT_WATCHDOG = 1_000_000
"""Cycles without a transfer on any port that count as a deadlock, at least.

A design may work on a frame for long without touching its ports, so the limit
is raised to ten times its initiation interval where that is more."""

# Packed input bytes of a port that are in memory at once.
_CHUNK_BYTES = 1 << 24


@dataclass(frozen=True)
class VerilatedDesign:
    """A generated design as a shared library.

    Args:
        design: the design; its memories are read from its folder at each run.
        library: the shared library.
        tapped: whether it was built with observation ports.
    """

    design: Design
    library: Path
    tapped: bool

    @classmethod
    def build(
        cls,
        design_folder: Path,
        build_folder: Path,
        *,
        taps: bool = False,
        tools: Toolchain | None = None,
    ) -> VerilatedDesign:
        """Compiles the design in ``design_folder``, or takes the library that is there.

        Raises:
            InputError: there is no generated design.
            MissingToolError: verilator, make, g++ or perl is missing.
            CheckFailed: a tool refuses the design.
        """
        design = Design.load(design_folder)
        return cls(design, build_library(design, build_folder, taps=taps, tools=tools), taps)

    def run(
        self,
        integers: Frames,
        *,
        stalls: Pauses | None = None,
        watchdog: int | None = None,
        seed: int = 1,
        cycles: Literal["frames", "beats"] = "frames",
        values: bool = True,
    ) -> Run:
        """Feeds all samples back to back and collects the outputs.

        The samples are packed and fed in pieces, without a pause between
        them, so that memory stays bounded by the outputs (and the taps).

        Args:
            integers: samples ``(n, *shape)`` of every input tensor, or of the only one.
            stalls: random pauses, or a pattern of pauses for each port; default none.
            watchdog: cycles without a transfer that mean a deadlock.
            seed: of the random content of registers and memories before reset,
                unless ``stalls`` have one.
            cycles: what to note of observed tensors: the cycles of each frame's
                first and last beat, or of every beat.
            values: keep the integers of observed tensors.

        Raises:
            InputError: no sample, a wrong shape, or values outside an input's type.
            CheckFailed: a deadlock, a violation of the stream protocol, a
                missing memory file; the message says in which frame and beat.
        """
        run, failure = self.observe(
            integers, stalls=stalls, watchdog=watchdog, seed=seed, cycles=cycles, values=values
        )
        if failure is not None:
            raise failure
        return run

    def observe(
        self,
        integers: Frames,
        *,
        stalls: Pauses | None = None,
        watchdog: int | None = None,
        seed: int = 1,
        cycles: Literal["frames", "beats"] = "frames",
        values: bool = True,
    ) -> tuple[Run, CheckFailed | None]:
        """As :meth:`run`, but a failure of the design comes with what was seen until then.

        After a failure the arrays hold whole frames only, each tensor as many as passed.
        """
        design = self.design
        arrays = by_tensor(integers, design.inputs, "input")
        count = frame_count(arrays)
        pauses: Pauses = Patterns() if stalls is None else stalls
        if isinstance(pauses, Patterns):
            pauses.check(design)
        feeds = [Feed(spec, arrays[spec.tensor], pauses, _CHUNK_BYTES) for spec in design.inputs]
        sinks = [Sink(spec, count, pauses) for spec in design.outputs]
        inputs = (_driver.Input * len(feeds))(*(feed.record for feed in feeds))
        outputs = (_driver.Output * len(sinks))(*(sink.record for sink in sinks))
        job = _driver.Job(
            inputs=ctypes.addressof(inputs),
            outputs=ctypes.addressof(outputs),
            watchdog=watchdog or max(DEFAULT_WATCHDOG, 10 * design.interval),
            burst=pauses.burst,
            record=_driver.TAP_VALUES * values + _driver.TAP_CYCLES * (cycles == "beats"),
        )
        where = f"RTL of {design.graph}"
        failure = None
        begin = pauses.seed if isinstance(pauses, Stalls) else seed
        with _driver.model(self.library, design.folder, begin, where) as model:
            while (status := model.run(job)) == _driver.REFILL:
                for feed, record in zip(feeds, inputs, strict=True):
                    if record.position == record.beats:
                        feed.refill(record)
            taps = [model.tap(number) for number in range(len(design.taps) * self.tapped)]
            if status != _driver.DONE:
                place = f"cycle {job.cycles}; {progress(feeds, inputs, sinks, outputs)}"
                failure = self._failure(status, model.error(), job, place, taps)
        found = Run(
            _agreeing(sinks, outputs, where) if failure is None else {},
            int(job.cycles),
            {f.spec.port: f.cycles(int(r.done)) for f, r in zip(feeds, inputs, strict=True)},
            {s.spec.port: s.cycles(int(r.done)) for s, r in zip(sinks, outputs, strict=True)},
            self._tap_values(taps, count) if values else {},
            self._tap_cycles(taps, cycles == "beats"),
        )
        return found, failure

    def _failure(
        self, status: int, message: str, job: _driver.Job, place: str, taps: list[_driver.Tap]
    ) -> CheckFailed:
        where = f"RTL of {self.design.graph}"
        if status == _driver.DEADLOCK:
            return CheckFailed(
                f"deadlock: no transfer for {job.watchdog} cycles",
                where=where,
                why=place + self._stand(taps),
            )
        if status == _driver.PROTOCOL:
            return CheckFailed(f"stream protocol: {message}", where=where, why=place)
        return CheckFailed(message, where=where, why=place)

    def _stand(self, taps: list[_driver.Tap]) -> str:
        """Which layer moved last and where every other one stands, if there are taps."""
        if not taps:
            return ""
        if not any(tap.moved for tap in taps):
            return "; no layer has given anything"
        # Of those that stopped in the same cycle, the one nearest to the output.
        number = max(range(len(taps)), key=lambda number: (taps[number].moved, number))
        layer = self.design.taps[number]
        frame, beat = divmod(taps[number].beats, layer.stream.beats_per_frame)
        places = [
            f"{spec.op} {'.'.join(map(str, divmod(tap.beats, spec.stream.beats_per_frame)))}"
            for spec, tap in zip(self.design.taps, taps, strict=True)
        ]
        return (
            f"; the last layer that gave something is {layer.op!r}, in cycle"
            f" {taps[number].moved - 1}: it stands at frame {frame}, beat {beat} of"
            f" {layer.stream.beats_per_frame}; frame and beat of every layer:"
            f" {', '.join(places)}"
        )

    def _tap_values(self, taps: list[_driver.Tap], count: int) -> dict[str, np.ndarray]:
        found = {}
        for tap, seen in zip(self.design.taps, taps, strict=False):
            spec = tap.stream
            beats = seen.values.reshape(-1, spec.tdata_bytes)
            whole = min(count, len(beats) // spec.beats_per_frame) * spec.beats_per_frame
            found[spec.tensor] = spec.unpack(beats[:whole])
        return found

    def _tap_cycles(self, taps: list[_driver.Tap], every: bool) -> dict[str, PortCycles]:
        found = {}
        for tap, seen in zip(self.design.taps, taps, strict=False):
            frame = tap.stream.beats_per_frame
            noted = seen.cycles.astype(np.int64)
            if every:
                whole = noted[: len(noted) // frame * frame].reshape(-1, frame)
                first, last = noted[::frame], noted[frame - 1 :: frame]
                found[tap.stream.tensor] = PortCycles(tap.stream.tensor, first, last, whole)
            else:
                found[tap.stream.tensor] = PortCycles(tap.stream.tensor, noted[::2], noted[1::2])
        return found


def _agreeing(
    sinks: list[Sink], outputs: ctypes.Array[_driver.Output], where: str
) -> dict[str, np.ndarray]:
    """Integers by tensor. A tensor may leave on several ports, which must agree."""
    found: dict[str, np.ndarray] = {}
    for sink in sinks:
        values = sink.values()
        other = found.setdefault(sink.spec.tensor, values)
        if not np.array_equal(other, values):
            raise CheckFailed(
                f"port {sink.spec.port} gives other integers of tensor {sink.spec.tensor!r} than"
                " the port before it",
                where=where,
            )
    return found
