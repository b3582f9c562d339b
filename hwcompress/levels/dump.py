"""Dumps: ``.npz`` files with the integers of each tensor, ``(samples, ...)``, read in blocks."""

from __future__ import annotations

import math
import struct
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

import numpy as np
from numpy.lib import format as npy

from hwcompress.errors import InputError
from hwcompress.ir import Graph
from hwcompress.levels.integers import as_integers, sample_shape
from hwcompress.limits import current_limits, limit_remedy

__all__ = ["Dump"]

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MOST_ARRAYS = 100_000
# What zipfile, zlib and numpy raise on damaged files.
_DAMAGED = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    struct.error,
    tokenize.TokenError,
    zlib.error,
    zipfile.BadZipFile,
)


@dataclass(eq=False)
class _Array:
    """An array of the file, read from its first sample on."""

    entry: zipfile.ZipInfo
    shape: tuple[int, ...]
    dtype: np.dtype
    columns_first: bool
    stream: IO[bytes] | None = None
    whole: np.ndarray | None = None


class Dump:
    """The arrays of an ``.npz``, a block of samples at a time, in order.

    Args:
        path: the file. Python objects in it are never loaded.
        graph: whose tensors the arrays are; flat samples take their shapes from it.

    Raises:
        InputError: the file is missing, damaged, holds Python objects, arrays of different
            numbers of samples, or shapes that the graph's tensors do not have.
    """

    def __init__(self, path: Path, graph: Graph | None = None) -> None:
        self.path = path
        self._where = str(path)
        self._at = 0
        try:
            if not path.is_file():
                raise InputError(f"there is no file {self._where!r}")
            self._archive = zipfile.ZipFile(path)
            self._arrays = self._headers()
        except _DAMAGED as error:
            raise self._damaged(error) from error
        # Arrays that are none of the graph's tensors may hold anything.
        known = {} if graph is None else graph.tensors
        if any(name in known for name in self._arrays):
            self._arrays = {name: item for name, item in self._arrays.items() if name in known}
        self.shapes = {
            name: sample_shape(array.shape, name, graph, self._where)
            for name, array in self._arrays.items()
        }
        self.count = self._count()
        self._check_size()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._archive.close()

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the arrays, in the order of the file; of those the graph has, if it has any."""
        return tuple(self._arrays)

    def read(self, tensors: list[str], count: int) -> dict[str, np.ndarray]:
        """The next samples of some tensors, int64 ``(count, *shape)``; always the same ones.

        Raises:
            InputError: the file is damaged there, or holds something else than integers.
        """
        try:
            parts = {name: self._next(self._arrays[name], count) for name in tensors}
        except _DAMAGED as error:
            raise self._damaged(error) from error
        found = {
            name: as_integers(part, f"{self._where}, tensor {name!r}", self._at)
            for name, part in parts.items()
        }
        self._at += count
        return {name: item.reshape(count, *self.shapes[name]) for name, item in found.items()}

    def _headers(self) -> dict[str, _Array]:
        entries = self._archive.infolist()
        if len(entries) > _MOST_ARRAYS:
            raise InputError(f"the file holds {len(entries):,} arrays", where=self._where)
        if not entries:
            raise InputError("the file holds no array", where=self._where)
        return {entry.filename.removesuffix(".npy"): self._header(entry) for entry in entries}

    def _header(self, entry: zipfile.ZipInfo) -> _Array:
        if entry.compress_type not in _METHODS:
            raise ValueError(f"compression method {entry.compress_type}")
        with self._archive.open(entry) as stream:
            shape, columns_first, dtype = _read_header(stream)
            left = entry.file_size - stream.tell()
        if dtype.hasobject:
            raise InputError(
                f"{entry.filename!r} holds Python objects, which are not loaded",
                where=self._where,
                remedy="save plain integer arrays",
            )
        if any(length < 0 for length in shape):
            raise ValueError(f"shape {shape}")
        if math.prod(shape) * dtype.itemsize != left:
            raise ValueError(f"the header of {entry.filename!r} announces another size")
        return _Array(entry, shape, dtype, columns_first)

    def _count(self) -> int:
        counts: dict[int, str] = {}
        for name, array in self._arrays.items():
            counts.setdefault(array.shape[0], name)
        if len(counts) > 1:
            (first, one), (second, other) = list(counts.items())[:2]
            raise InputError(
                f"tensor {one!r} has {first:,} samples, tensor {other!r} {second:,}",
                where=self._where,
                why="samples lie along the first axis of every array",
            )
        (count,) = counts
        if not count:
            raise InputError("the file holds no sample", where=self._where)
        return count

    def _check_size(self) -> None:
        """A sample must fit the memory; more than a block of them is never loaded."""
        limits = current_limits()
        for name, array in self._arrays.items():
            held = math.prod(array.shape if array.columns_first else array.shape[1:])
            if 8 * held > limits.data_bytes:
                raise InputError(
                    f"tensor {name!r} has {held:,} elements to be loaded at once",
                    where=self._where,
                    remedy=limit_remedy("data_mb"),
                )

    def _next(self, array: _Array, count: int) -> np.ndarray:
        """The bytes of the next samples as an array."""
        if array.columns_first:
            if array.whole is None:
                with self._archive.open(array.entry) as stream:
                    array.whole = npy.read_array(stream, allow_pickle=False)
            return np.ascontiguousarray(array.whole[self._at : self._at + count])
        if array.stream is None:
            array.stream = self._archive.open(array.entry)
            _read_header(array.stream)
            self._skip(array)
        size = count * array.dtype.itemsize * math.prod(array.shape[1:])
        data = array.stream.read(size)
        if len(data) != size:
            raise EOFError(f"{array.entry.filename!r} ends early")
        if self._at + count == self.count:
            array.stream.read(1)  # behind the last byte the checksum is looked at
        return np.frombuffer(data, array.dtype).reshape(count, *array.shape[1:])

    def _skip(self, array: _Array) -> None:
        """Up to the present sample, for a tensor that is asked for later than others."""
        assert array.stream is not None
        array.stream.seek(self._at * array.dtype.itemsize * math.prod(array.shape[1:]), 1)

    def _damaged(self, error: BaseException) -> InputError:
        if isinstance(error, InputError):
            return error
        return InputError(
            "the file is damaged or cut off, or no .npz",
            where=self._where,
            why=" ".join(str(error).split())[:200],
            remedy="give an .npz with an array (samples, ...) named after each tensor",
        )


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy.read_magic(stream)
    if version == (1, 0):
        return npy.read_array_header_1_0(stream)
    if version == (2, 0):
        return npy.read_array_header_2_0(stream)
    raise ValueError(f".npy version {version}")
