"""Integers of a tensor to the beats of a stream, and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hwcompress.errors import InputError
from hwcompress.ir.types import IntType

__all__ = ["StreamSpec"]

_CHUNK = 1 << 20  # elements whose single bits are in memory at once


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """How the frames of one tensor travel over one port of a design.

    The elements of a sample, last axis fastest, are cut into beats of
    ``elements_per_beat``. Element ``i`` of a beat occupies the bits
    ``[i * bits +: bits]`` in the stored form of its type; bits above the
    last element, up to whole bytes, are zero.

    Args:
        tensor: name of the tensor.
        port: prefix of the port's signals (``s_axis``, ``m_axis``,
            ``tap_3``).
        shape: shape of one sample, channels last.
        dtype: type of the elements.
        elements_per_beat: a divisor of the sample's size.
    """

    tensor: str
    port: str
    shape: tuple[int, ...]
    dtype: IntType
    elements_per_beat: int

    def __post_init__(self) -> None:
        if self.elements_per_beat < 1 or self.size % self.elements_per_beat:
            raise InputError(
                f"{self.elements_per_beat} elements per beat do not divide a sample"
                f" of {self.size} elements",
                where=f"port {self.port!r}",
            )

    @property
    def size(self) -> int:
        """Elements of one sample."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def bits(self) -> int:
        """Width of one element."""
        return self.dtype.bits

    @property
    def data_bits(self) -> int:
        """Bits of a beat that carry elements."""
        return self.elements_per_beat * self.bits

    @property
    def tdata_bytes(self) -> int:
        """Width of the data signal in bytes."""
        return (self.data_bits + 7) // 8

    @property
    def tdata_bits(self) -> int:
        """Width of the data signal, whole bytes."""
        return 8 * self.tdata_bytes

    @property
    def beats_per_frame(self) -> int:
        """Beats of one sample."""
        return self.size // self.elements_per_beat

    def pack(self, values: np.ndarray) -> np.ndarray:
        """Samples ``(n, *shape)`` to beats, uint8 ``(n * beats, tdata_bytes)``, little endian.

        Raises:
            InputError: wrong shape, not integers, or values outside the type.
        """
        values = np.asarray(values)
        if values.dtype.kind not in "iub" or values.shape[1:] != self.shape:
            raise InputError(
                f"{values.dtype} samples of shape {values.shape[1:]}, expected integers of"
                f" shape {self.shape}",
                where=f"port {self.port!r}",
            )
        values = values.astype(np.int64, copy=False)
        if not self.dtype.contains(values):
            raise InputError(
                f"values {values.min()}..{values.max()} are not all of type {self.dtype}",
                where=f"port {self.port!r}",
            )
        flat = values.reshape(-1, self.elements_per_beat)
        beats = np.empty((flat.shape[0], self.tdata_bytes), np.uint8)
        place = np.arange(self.bits, dtype=np.int64)
        for rows in self._chunks(flat.shape[0]):
            raw = self.dtype.to_raw(flat[rows])
            single = ((raw[..., None] >> place) & 1).astype(np.uint8)
            single = single.reshape(raw.shape[0], self.data_bits)
            beats[rows] = np.packbits(single, axis=1, bitorder="little")
        return beats

    def unpack(self, beats: np.ndarray) -> np.ndarray:
        """Beats, uint8 ``(n * beats, tdata_bytes)``, to int64 samples ``(n, *shape)``.

        Raises:
            InputError: not whole frames of this port's width.
        """
        beats = np.asarray(beats)
        if (
            beats.dtype != np.uint8
            or beats.ndim != 2
            or beats.shape[1] != self.tdata_bytes
            or beats.shape[0] % self.beats_per_frame
        ):
            raise InputError(
                f"{beats.dtype} {beats.shape} is not uint8 (k * {self.beats_per_frame},"
                f" {self.tdata_bytes})",
                where=f"port {self.port!r}",
            )
        flat = np.empty((beats.shape[0], self.elements_per_beat), np.int64)
        weight = np.left_shift(np.int64(1), np.arange(self.bits, dtype=np.int64))
        for rows in self._chunks(beats.shape[0]):
            single = np.unpackbits(beats[rows], axis=1, count=self.data_bits, bitorder="little")
            single = single.reshape(-1, self.elements_per_beat, self.bits)
            flat[rows] = self.dtype.from_raw(single.astype(np.int64) @ weight)
        return flat.reshape(-1, *self.shape)

    def _chunks(self, rows: int) -> Iterator[slice]:
        step = max(1, _CHUNK // self.elements_per_beat)
        for start in range(0, rows, step):
            yield slice(start, start + step)
