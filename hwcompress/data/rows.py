"""Arrays in files, read some rows at a time: never whole, whatever their size."""

from __future__ import annotations

import gzip
import math
import struct
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np

from hwcompress.data.idx import idx_header
from hwcompress.errors import InputError
from hwcompress.limits import MB, current_limits, limit_remedy
from hwcompress.npz import DAMAGED, array_header, checked_method, damaged, npz_entries

__all__ = ["RowReader", "StoredArray", "idx_array", "npy_array", "npz_arrays"]

_PIECE = 1 << 20
_LOCAL_HEADER = 30  # bytes of a zip entry's own header, before its name


@dataclass(frozen=True, eq=False)
class StoredArray:
    """An array in a file: what its header says.

    Attributes:
        path: the file.
        where: how messages name the array.
        shape, dtype: as stored, the rows along the first axis.
        start: bytes before the elements: in the file, or in the member or unpacked file.
        member: entry of a zip file that holds it, or ``""``.
        gzipped: whether the file is gzipped.
        columns: whether it is stored column by column (Fortran's order).
    """

    path: Path
    where: str
    shape: tuple[int, ...]
    dtype: np.dtype
    start: int
    member: str = ""
    gzipped: bool = False
    columns: bool = False

    @property
    def count(self) -> int:
        """Number of rows."""
        return self.shape[0]

    @property
    def row_bytes(self) -> int:
        """Bytes of a row, as stored."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize


def npy_array(path: Path) -> StoredArray:
    """The array of an ``.npy``.

    Raises:
        InputError: damaged, cut off, with Python objects, or of rows beyond the limit.
    """
    where = str(path)
    try:
        with path.open("rb") as stream:
            shape, columns, dtype = array_header(stream, where)
            start = stream.tell()
        present = path.stat().st_size - start
        _check_size(shape, dtype, present)
    except DAMAGED as error:
        raise damaged(where, error, ".npy") from error
    return _checked(StoredArray(path, where, shape, dtype, start, columns=columns))


def npz_arrays(path: Path, names: Sequence[str]) -> dict[str, StoredArray]:
    """Some arrays of an ``.npz`` by name; names that are missing are left out.

    Raises:
        InputError: as of :func:`npy_array`; or an array that is stored column by column and
            compressed, of which no row can be read without all of it.
    """
    where, found = str(path), {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name, entry in npz_entries(archive, names, where).items():
                with archive.open(checked_method(entry)) as stream:
                    shape, columns, dtype = array_header(stream, f"{where}: {name}")
                    start = stream.tell()
                _check_size(shape, dtype, entry.file_size - start)
                if columns and entry.compress_type != zipfile.ZIP_STORED:
                    raise InputError(
                        "the array is stored column by column (Fortran's order) and compressed",
                        where=f"{where}: {name}",
                        why="no sample can be read without unpacking all of them",
                        remedy="save np.ascontiguousarray(array), or use np.savez",
                    )
                found[name] = StoredArray(
                    path,
                    f"{where}: {name}",
                    shape,
                    dtype,
                    start,
                    member=entry.filename,
                    columns=columns,
                )
    except DAMAGED as error:
        raise damaged(where, error) from error
    return {name: _checked(item) for name, item in found.items()}


def idx_array(path: Path) -> StoredArray:
    """The array of an IDX file, plain or gzipped.

    Raises:
        InputError: damaged, cut off, or of rows beyond the limit.
    """
    shape, dtype, start, gzipped = idx_header(path)
    array = StoredArray(path, str(path), shape, dtype, start, gzipped=gzipped)
    if not gzipped:
        wanted, present = math.prod(shape) * dtype.itemsize, path.stat().st_size - start
        if present != wanted:
            short = present < wanted
            raise InputError(
                "the file is cut off" if short else "the file is longer than its header says",
                where=str(path),
                why=f"shape {shape} needs {wanted} bytes, it has {present}",
            )
    return _checked(array)


def _check_size(shape: tuple[int, ...], dtype: np.dtype, present: int) -> None:
    wanted = math.prod(shape) * dtype.itemsize
    if present != wanted:
        raise ValueError(f"its header announces {wanted} bytes, it has {present}")


def _checked(array: StoredArray) -> StoredArray:
    """The array, if its rows are numbers and one of them may be loaded."""
    if array.dtype.kind not in "biuf":
        raise InputError(f"samples of dtype {array.dtype} are no numbers", where=array.where)
    memory, limit = math.prod(array.shape[1:]) * 8, current_limits().data_bytes
    if memory > limit:
        raise InputError(
            f"a row of shape {array.shape[1:]} takes {memory / MB:,.0f} MB in computations",
            where=array.where,
            why=f"the limit is {limit / MB:,.0f} MB",
            remedy=limit_remedy("data_mb"),
        )
    return array


class RowReader:
    """Reads arrays one behind the other, from their first row on; a file is open while it
    is read.

    Args:
        arrays: of one dtype and one shape but for their numbers of rows.
    """

    def __init__(self, arrays: Sequence[StoredArray]) -> None:
        self._waiting = list(arrays)
        self._dtype = arrays[0].dtype
        self._row = arrays[0].shape[1:]
        self._array: StoredArray | None = None
        self._stream: IO[bytes] | None = None
        self._done = 0
        self._files = ExitStack()

    def read(self, count: int) -> np.ndarray:
        """The next rows in C order and the machine's byte order; fewer at the end only.

        Raises:
            InputError: the file is damaged or cut off there.
        """
        rows = np.empty((count, *self._row), self._dtype)
        filled = 0
        while filled < count and (self._array is not None or self._waiting):
            array = self._array or self._open(self._waiting.pop(0))
            take = min(count - filled, array.count - self._done)
            try:
                self._fill(array, rows[filled : filled + take])
                filled += take
                self._done += take
                if self._done == array.count:
                    self._end(array)
            except DAMAGED as error:
                raise self._damaged(array, error) from error
        return rows[:filled].astype(self._dtype.newbyteorder("="), copy=False)

    def close(self) -> None:
        """Close what is open; nothing can be read then."""
        self._waiting.clear()
        self._array = self._stream = None
        self._files.close()

    def _open(self, array: StoredArray) -> StoredArray:
        self._array, self._done = array, 0
        try:
            if array.columns:
                return array
            stream: IO[bytes]
            if array.member:
                archive = self._files.enter_context(zipfile.ZipFile(array.path))
                stream = self._files.enter_context(archive.open(array.member))
            elif array.gzipped:
                stream = self._files.enter_context(cast(IO[bytes], gzip.GzipFile(array.path)))
            else:
                stream = self._files.enter_context(array.path.open("rb"))
            stream.read(array.start)
            self._stream = stream
        except DAMAGED as error:
            raise self._damaged(array, error) from error
        return array

    def _fill(self, array: StoredArray, rows: np.ndarray) -> None:
        if rows.size == 0:
            return
        if array.columns:
            offset = array.start + (_data_offset(array) if array.member else 0)
            # Mapped anew each time, so that pages already read do not stay in memory.
            mapped = np.memmap(array.path, array.dtype, "r", offset, array.shape, "F")
            rows[:] = mapped[self._done : self._done + len(rows)]
            return
        assert self._stream is not None
        room = rows.reshape(-1).view(np.uint8).data
        filled = 0
        while filled < len(room):
            got = self._stream.readinto(room[filled : filled + _PIECE])  # type: ignore[attr-defined]
            if not got:
                raise EOFError(f"it ends in row {self._done + filled // array.row_bytes}")
            filled += got

    def _end(self, array: StoredArray) -> None:
        """Behind the last row there must be nothing; a checksum is compared there, too."""
        if self._stream is not None and self._stream.read(1):
            raise ValueError(f"it goes on behind its {array.count} rows")
        self._array = self._stream = None
        self._files.close()

    @staticmethod
    def _damaged(array: StoredArray, error: BaseException) -> InputError:
        why = " ".join(str(error).split())[:200]
        return InputError("the file is damaged or cut off", where=array.where, why=why)


def _data_offset(array: StoredArray) -> int:
    """Where the bytes of a stored zip entry begin."""
    with zipfile.ZipFile(array.path) as archive:
        at = archive.getinfo(array.member).header_offset
    with array.path.open("rb") as stream:
        stream.seek(at)
        head = stream.read(_LOCAL_HEADER)
    name, extra = struct.unpack_from("<HH", head, 26)
    return at + _LOCAL_HEADER + int(name) + int(extra)
