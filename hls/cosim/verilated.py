"""Runs whole data sets through a verilated design, millions of cycles per second."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hwcompress.errors import CheckFailed, InputError, UnsupportedError
from hwcompress.hls.cosim.cycles import steady_interval
from hwcompress.hls.cosim.library import Toolchain, build_library
from hwcompress.hls.rtl.design import Design

__all__ = ["DEFAULT_WATCHDOG", "Run", "Stalls", "VerilatedDesign"]

DEFAULT_WATCHDOG = 1_000_000
"""Cycles without a transfer on either port that count as a deadlock, at least.

A design may work on a frame for long without touching its ports, so the limit
is raised to ten times its initiation interval where that is more."""

# Packed input bytes that are in memory at once.
_CHUNK_BYTES = 1 << 24

_DEADLOCK, _PROTOCOL, _FATAL = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Stalls:
    """Random pauses: chance in a thousand, per cycle, and the seed of both.

    ``input_permille`` is the chance to withhold the next input beat for a
    cycle, ``output_permille`` the chance of not being ready in a cycle.
    """

    input_permille: int
    output_permille: int
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("input_permille", "output_permille"):
            value = getattr(self, name)
            if not 0 <= value <= 990:
                raise InputError(f"{name} is {value}", why="expected 0 to 990")


@dataclass(frozen=True)
class Run:
    """What a run gave. Cycles are counted from the end of reset, from 0.

    Args:
        outputs: int64 ``(n, *shape)``.
        cycles: clock cycles until the last output beat, inclusive.
        first_input_cycle: cycle in which the first input beat was taken.
        first_output_cycle: cycle in which the first output beat was taken.
        frame_end_cycles: cycle of the last output beat of each frame, ``(n,)``.
        taps: integers ``(n, *shape)`` of every observed tensor, in graph order.
    """

    outputs: np.ndarray
    cycles: int
    first_input_cycle: int
    first_output_cycle: int
    frame_end_cycles: np.ndarray
    taps: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def latency_first_output(self) -> int:
        """Cycles from taking the first input beat to taking the first output beat."""
        return self.first_output_cycle - self.first_input_cycle

    @property
    def latency_frame(self) -> int:
        """Cycles from taking the first input beat to taking the first frame's last output beat."""
        return int(self.frame_end_cycles[0]) - self.first_input_cycle

    @property
    def interval(self) -> float | None:
        """Mean cycles between frame ends in the second half, None for fewer than four frames."""
        return steady_interval(self.frame_end_cycles)


class _Job(ctypes.Structure):
    """``HwcJob`` of driver.cpp."""

    _fields_ = (
        ("input", ctypes.c_void_p),
        ("input_beats", ctypes.c_uint64),
        ("output", ctypes.c_void_p),
        ("output_beats", ctypes.c_uint64),
        ("output_frame_beats", ctypes.c_uint64),
        ("frame_end", ctypes.c_void_p),
        ("watchdog", ctypes.c_uint64),
        ("input_permille", ctypes.c_uint32),
        ("output_permille", ctypes.c_uint32),
        ("last", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("cycles", ctypes.c_uint64),
        ("inputs_done", ctypes.c_uint64),
        ("outputs_done", ctypes.c_uint64),
        ("first_input_cycle", ctypes.c_uint64),
        ("first_output_cycle", ctypes.c_uint64),
    )


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
            UnsupportedError: it has not exactly one input and one output.
            MissingToolError: verilator, make, g++ or perl is missing.
            CheckFailed: a tool refuses the design.
        """
        design = Design.load(design_folder)
        if len(design.inputs) != 1 or len(design.outputs) != 1:
            raise UnsupportedError(
                f"a design with {len(design.inputs)} inputs and {len(design.outputs)} outputs",
                where=design.graph,
                why="the simulation driver has one source and one sink",
            )
        return cls(design, build_library(design, build_folder, taps=taps, tools=tools), taps)

    def run(
        self,
        integers: np.ndarray,
        *,
        stalls: Stalls | None = None,
        watchdog: int | None = None,
        seed: int = 1,
    ) -> Run:
        """Feeds all samples back to back and collects the outputs.

        The samples are packed and fed in pieces, without a pause between
        them, so that memory stays bounded by the outputs.

        Args:
            integers: samples ``(n, *shape)`` of the design's input type.
            stalls: random pauses; default none.
            watchdog: cycles without a transfer that mean a deadlock.
            seed: of the random content of registers and memories before reset.

        Raises:
            InputError: no sample, a wrong shape, or values outside the input's type.
            CheckFailed: a deadlock, a violation of the stream protocol, a
                missing memory file; the message says in which frame and beat.
        """
        source, sink = self.design.inputs[0], self.design.outputs[0]
        samples = np.asarray(integers)
        if samples.ndim == 0 or len(samples) == 0:
            raise InputError("no sample to simulate", where=self.design.graph)
        count = len(samples)
        beats = np.zeros((count * sink.beats_per_frame, sink.tdata_bytes), np.uint8)
        ends = np.zeros(count, np.uint64)
        limit = watchdog or max(DEFAULT_WATCHDOG, 10 * self.design.interval)
        pauses = stalls or Stalls(0, 0, seed)
        job = _Job(
            output=beats.ctypes.data,
            output_beats=len(beats),
            output_frame_beats=sink.beats_per_frame,
            frame_end=ends.ctypes.data,
            watchdog=limit,
            input_permille=pauses.input_permille,
            output_permille=pauses.output_permille,
        )
        step = max(1, _CHUNK_BYTES // (source.beats_per_frame * source.tdata_bytes))
        with self._model(pauses.seed) as (library, model):
            for start in range(0, count, step):
                chunk = np.ascontiguousarray(source.pack(samples[start : start + step]))
                job.input = chunk.ctypes.data
                job.input_beats = len(chunk)
                job.last = start + step >= count
                status = library.hwc_run(model, ctypes.byref(job))
                if status:
                    message = library.hwc_error(model).decode()
                    raise self._failure(status, message, job, self._stand(library, model))
            taps = self._taps(library, model, count)
        return Run(
            sink.unpack(beats),
            int(job.cycles),
            int(job.first_input_cycle),
            int(job.first_output_cycle),
            ends.astype(np.int64),
            taps,
        )

    @contextmanager
    def _model(self, seed: int) -> Iterator[tuple[ctypes.CDLL, ctypes.c_void_p]]:
        library = ctypes.CDLL(str(self.library.absolute()))
        library.hwc_create.restype = ctypes.c_void_p
        library.hwc_create.argtypes = (
            ctypes.c_char_p, ctypes.c_uint32, ctypes.c_char_p, ctypes.c_size_t,
        )  # fmt: skip
        library.hwc_run.argtypes = (ctypes.c_void_p, ctypes.POINTER(_Job))
        library.hwc_error.restype = ctypes.c_char_p
        library.hwc_error.argtypes = (ctypes.c_void_p,)
        library.hwc_destroy.argtypes = (ctypes.c_void_p,)
        library.hwc_destroy.restype = None
        library.hwc_tap.restype = ctypes.c_uint64
        library.hwc_tap.argtypes = (
            ctypes.c_void_p, ctypes.c_uint32, ctypes.POINTER(ctypes.c_void_p),
        )  # fmt: skip
        library.hwc_tap_moved.restype = ctypes.c_uint64
        library.hwc_tap_moved.argtypes = (ctypes.c_void_p, ctypes.c_uint32)
        message = ctypes.create_string_buffer(1024)
        folder = str(self.design.folder.absolute()).encode()
        model = library.hwc_create(folder, seed & 0xFFFFFFFF, message, len(message))
        if not model:
            raise CheckFailed(message.value.decode(), where=f"RTL of {self.design.graph}")
        try:
            yield library, ctypes.c_void_p(model)
        finally:
            library.hwc_destroy(model)

    def _stand(self, library: ctypes.CDLL, model: ctypes.c_void_p) -> str:
        """Which layer moved last, if the design has observation ports."""
        if not self.tapped or not self.design.taps:
            return ""
        moved = [library.hwc_tap_moved(model, number) for number in range(len(self.design.taps))]
        if not any(moved):
            return "; no layer has given anything"
        # Of those that stopped in the same cycle, the one nearest to the output.
        number = max(range(len(moved)), key=lambda number: (moved[number], number))
        tap = self.design.taps[number]
        size = library.hwc_tap(model, number, ctypes.byref(ctypes.c_void_p()))
        frame, beat = divmod(size // tap.stream.tdata_bytes, tap.stream.beats_per_frame)
        return (
            f"; the last layer that gave something is {tap.op!r}, in cycle {moved[number] - 1}:"
            f" it stands at frame {frame}, beat {beat} of {tap.stream.beats_per_frame}"
        )

    def _failure(self, status: int, message: str, job: _Job, stand: str) -> CheckFailed:
        source, sink = self.design.inputs[0], self.design.outputs[0]
        in_frame, in_beat = divmod(int(job.inputs_done), source.beats_per_frame)
        out_frame, out_beat = divmod(int(job.outputs_done), sink.beats_per_frame)
        where = f"RTL of {self.design.graph}"
        place = (
            f"cycle {job.cycles}; input stands at frame {in_frame}, beat {in_beat} of"
            f" {source.beats_per_frame}; output at frame {out_frame}, beat {out_beat} of"
            f" {sink.beats_per_frame}"
        )
        if status == _DEADLOCK:
            return CheckFailed(
                f"deadlock: no transfer for {job.watchdog} cycles", where=where, why=place + stand
            )
        if status == _PROTOCOL:
            return CheckFailed(f"stream protocol: {message}", where=where, why=place)
        return CheckFailed(message, where=where, why=place)

    def _taps(
        self, library: ctypes.CDLL, model: ctypes.c_void_p, count: int
    ) -> dict[str, np.ndarray]:
        if not self.tapped:
            return {}
        found: dict[str, np.ndarray] = {}
        for number, tap in enumerate(self.design.taps):
            spec = tap.stream
            data = ctypes.c_void_p()
            size = library.hwc_tap(model, number, ctypes.byref(data))
            # A copy: the memory goes with the model.
            raw = ctypes.string_at(data, size) if size else b""
            beats = np.frombuffer(raw, np.uint8).reshape(-1, spec.tdata_bytes)
            whole = min(count, len(beats) // spec.beats_per_frame) * spec.beats_per_frame
            found[spec.tensor] = spec.unpack(beats[:whole])
        return found
