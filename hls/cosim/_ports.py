"""The memory behind the ports of a verilated design."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np

from hwcompress.hls.cosim._driver import Input, Output
from hwcompress.hls.cosim.record import PortCycles
from hwcompress.hls.cosim.stalls import Pauses
from hwcompress.hls.rtl.stream import StreamSpec

__all__ = ["Feed", "Sink", "progress"]


class Feed:
    """An input port: samples, packed piece by piece, and the cycles of its frames."""

    def __init__(
        self, spec: StreamSpec, samples: np.ndarray, pauses: Pauses, chunk_bytes: int
    ) -> None:
        self.spec = spec
        self._samples = samples
        self._next = 0
        self._step = max(1, chunk_bytes // (spec.beats_per_frame * spec.tdata_bytes))
        self._chunk = np.empty((0, spec.tdata_bytes), np.uint8)
        self._first, self._last = np.zeros((2, len(samples)), np.uint64)
        self._pattern = pauses.pattern(spec.port, offers=True)
        self.record = Input(
            first=self._first.ctypes.data,
            last=self._last.ctypes.data,
            permille=pauses.input_permille,
            pattern=self._pattern.ctypes.data,
            period=len(self._pattern),
        )
        self.refill(self.record)

    def refill(self, record: Input) -> None:
        """Puts the next samples into ``record``."""
        end = self._next + self._step
        self._chunk = np.ascontiguousarray(self.spec.pack(self._samples[self._next : end]))
        self._next = end
        record.data = self._chunk.ctypes.data
        record.beats = len(self._chunk)
        record.position = 0
        record.final = end >= len(self._samples)

    def cycles(self, beats: int) -> PortCycles:
        """Cycles of the frames, of which ``beats`` beats have passed."""
        return _cycles(self.spec, self._first, self._last, beats)


class Sink:
    """An output port: room for all beats, and the cycles of its frames."""

    def __init__(self, spec: StreamSpec, count: int, pauses: Pauses) -> None:
        self.spec = spec
        self._beats = np.zeros((count * spec.beats_per_frame, spec.tdata_bytes), np.uint8)
        self._first, self._last = np.zeros((2, count), np.uint64)
        self._pattern = pauses.pattern(spec.port, offers=False)
        self.record = Output(
            data=self._beats.ctypes.data,
            beats=len(self._beats),
            first=self._first.ctypes.data,
            last=self._last.ctypes.data,
            permille=pauses.output_permille,
            pattern=self._pattern.ctypes.data,
            period=len(self._pattern),
        )

    def values(self) -> np.ndarray:
        """Integers ``(n, *shape)``."""
        return self.spec.unpack(self._beats)

    def cycles(self, beats: int) -> PortCycles:
        """Cycles of the frames, of which ``beats`` beats have passed."""
        return _cycles(self.spec, self._first, self._last, beats)


def _cycles(spec: StreamSpec, first: np.ndarray, last: np.ndarray, beats: int) -> PortCycles:
    whole, part = divmod(beats, spec.beats_per_frame)
    begun = whole + (part > 0)
    return PortCycles(spec.tensor, first[:begun].astype(np.int64), last[:whole].astype(np.int64))


def progress(
    feeds: Sequence[Feed],
    inputs: ctypes.Array[Input],
    sinks: Sequence[Sink],
    outputs: ctypes.Array[Output],
) -> str:
    """Where every port stands, and which inputs have nothing left to give."""
    places = []
    for feed, taken in zip(feeds, inputs, strict=True):
        name = "input" if len(feeds) == 1 else f"input {feed.spec.port} ({feed.spec.tensor})"
        over = ", all taken" if taken.final and taken.position == taken.beats else ""
        places.append(f"{name} stands at {_place(feed.spec, taken.done)}{over}")
    for sink, given in zip(sinks, outputs, strict=True):
        name = "output" if len(sinks) == 1 else f"output {sink.spec.port} ({sink.spec.tensor})"
        over = ", complete" if given.done == given.beats else ""
        places.append(f"{name} at {_place(sink.spec, given.done)}{over}")
    return "; ".join(places)


def _place(spec: StreamSpec, beats: int) -> str:
    frame, beat = divmod(int(beats), spec.beats_per_frame)
    return f"frame {frame}, beat {beat} of {spec.beats_per_frame}"
