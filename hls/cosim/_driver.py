"""``driver.cpp`` as Python sees it: its records, and a model's life."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from hwcompress.errors import CheckFailed

__all__ = [
    "DEADLOCK",
    "DONE",
    "PROTOCOL",
    "REFILL",
    "TAP_CYCLES",
    "TAP_VALUES",
    "Input",
    "Job",
    "Model",
    "Output",
    "Tap",
    "model",
]

DONE, DEADLOCK, PROTOCOL, REFILL = 0, 1, 2, 4
"""What a call ended with; anything else is fatal."""

TAP_VALUES, TAP_CYCLES = 1, 2
"""What to keep of observed tensors: values, the cycle of every beat."""


class Input(ctypes.Structure):
    """``HwcInput``."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("beats", ctypes.c_uint64),
        ("position", ctypes.c_uint64),
        ("done", ctypes.c_uint64),
        ("first", ctypes.c_void_p),
        ("last", ctypes.c_void_p),
        ("permille", ctypes.c_uint32),
        ("final", ctypes.c_uint32),
        ("pattern", ctypes.c_void_p),
        ("period", ctypes.c_uint64),
    )


class Output(ctypes.Structure):
    """``HwcOutput``."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("beats", ctypes.c_uint64),
        ("done", ctypes.c_uint64),
        ("first", ctypes.c_void_p),
        ("last", ctypes.c_void_p),
        ("permille", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("pattern", ctypes.c_void_p),
        ("period", ctypes.c_uint64),
    )


class Job(ctypes.Structure):
    """``HwcJob``."""

    _fields_ = (
        ("inputs", ctypes.c_void_p),
        ("outputs", ctypes.c_void_p),
        ("watchdog", ctypes.c_uint64),
        ("cycles", ctypes.c_uint64),
        ("burst", ctypes.c_uint32),
        ("record", ctypes.c_uint32),
    )


class _Tap(ctypes.Structure):
    """``HwcTap``."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("bytes", ctypes.c_uint64),
        ("beats", ctypes.c_uint64),
        ("moved", ctypes.c_uint64),
        ("cycles", ctypes.c_void_p),
        ("cycle_count", ctypes.c_uint64),
    )


class Tap:
    """What was seen of one tensor, copied out of the model.

    ``moved`` is one more than the cycle of its last beat, 0 if there was none.
    """

    def __init__(self, record: _Tap) -> None:
        self.beats = int(record.beats)
        self.moved = int(record.moved)
        self.values = _copy(record.data, int(record.bytes), np.dtype(np.uint8))
        self.cycles = _copy(record.cycles, 8 * int(record.cycle_count), np.dtype(np.uint64))


def _copy(address: int | None, size: int, dtype: np.dtype) -> np.ndarray:
    return np.frombuffer(ctypes.string_at(address, size) if address and size else b"", dtype)


class Model:
    """A verilated model after reset."""

    def __init__(self, library: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
        self._library = library
        self._handle = handle

    def run(self, job: Job) -> int:
        """Goes on until an input is used up, everything is done, or something is wrong."""
        return int(self._library.hwc_run(self._handle, ctypes.byref(job)))

    def error(self) -> str:
        """What was wrong."""
        return str(self._library.hwc_error(self._handle).decode())

    def tap(self, number: int) -> Tap:
        """What the observation port saw so far."""
        record = _Tap()
        self._library.hwc_tap(self._handle, number, ctypes.byref(record))
        return Tap(record)


@contextmanager
def model(library: Path, folder: Path, seed: int, where: str) -> Iterator[Model]:
    """A model of the design in ``folder``, whose memories are read from there.

    Raises:
        CheckFailed: a memory file is missing.
    """
    loaded = ctypes.CDLL(str(library.absolute()))
    loaded.hwc_create.restype = ctypes.c_void_p
    loaded.hwc_create.argtypes = (
        ctypes.c_char_p, ctypes.c_uint32, ctypes.c_char_p, ctypes.c_size_t,
    )  # fmt: skip
    loaded.hwc_run.argtypes = (ctypes.c_void_p, ctypes.POINTER(Job))
    loaded.hwc_error.restype = ctypes.c_char_p
    loaded.hwc_error.argtypes = (ctypes.c_void_p,)
    loaded.hwc_destroy.argtypes = (ctypes.c_void_p,)
    loaded.hwc_destroy.restype = None
    loaded.hwc_tap.restype = None
    loaded.hwc_tap.argtypes = (ctypes.c_void_p, ctypes.c_uint32, ctypes.POINTER(_Tap))
    message = ctypes.create_string_buffer(1024)
    name = str(folder.absolute()).encode()
    handle = loaded.hwc_create(name, seed & 0xFFFFFFFF, message, len(message))
    if not handle:
        raise CheckFailed(message.value.decode(), where=where)
    try:
        yield Model(loaded, ctypes.c_void_p(handle))
    finally:
        loaded.hwc_destroy(handle)
