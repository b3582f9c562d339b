"""Reading ``.npz`` and ``.npy`` files that somebody else made.

An entry's header says how much memory it wants, and a kilobyte may unpack to a megabyte:
both are compared with a limit first, as the eight bytes that computing with an element takes.
Python objects are never loaded.
"""

from __future__ import annotations

import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from hwcompress.errors import InputError
from hwcompress.limits import MB, current_limits, limit_remedy

__all__ = [
    "DAMAGED",
    "array_header",
    "checked_method",
    "damaged",
    "is_npz",
    "npz_entries",
    "npz_names",
    "read_npy",
    "read_npz",
]

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MOST_ENTRIES = 100_000
DAMAGED = (
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
"""What zipfile and numpy raise on damaged files."""


def read_npz(
    path: Path,
    names: Collection[str] | None = None,
    *,
    limit: int | None = None,
    option: str = "data_mb",
) -> dict[str, np.ndarray]:
    """Arrays of an ``.npz`` by name.

    Args:
        path: the file.
        names: which arrays, all by default; names that are missing are left out.
        limit: bytes of all of them together; that of the process by default.
        option: which limit of the process that is.

    Raises:
        InputError: damaged, cut off, with Python objects, or larger than the limit.
    """
    where, limit = str(path), _limit(option) if limit is None else limit
    try:
        with zipfile.ZipFile(path) as archive:
            entries = npz_entries(archive, names, where)
            arrays, left = {}, limit
            for name, entry in entries.items():
                size = _announced(archive, entry, f"{where}: {name}")
                _check_room(size, left, limit, option, where)
                left -= size
                with archive.open(entry) as stream:
                    arrays[name] = npy.read_array(stream, allow_pickle=False)
            return arrays
    except DAMAGED as error:
        raise damaged(where, error) from error


def is_npz(path: Path) -> bool:
    """Whether a file is a zip archive, perhaps a damaged one: reading it tells."""
    try:
        return path.is_file() and zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # it has the end of one
        return True
    except ValueError:  # a NUL in the path
        return False


def npz_names(path: Path) -> list[str]:
    """Names of the arrays of an ``.npz``.

    Raises:
        InputError: damaged, or no ``.npz``.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return list(npz_entries(archive, None, str(path)))
    except DAMAGED as error:
        raise damaged(str(path), error) from error


def read_npy(path: Path, *, limit: int | None = None) -> np.ndarray:
    """The array of an ``.npy``.

    Raises:
        InputError: as of :func:`read_npz`.
    """
    where, limit = str(path), _limit("data_mb") if limit is None else limit
    try:
        with path.open("rb") as stream:
            shape, _, dtype = array_header(stream, where)
            size, memory = _bytes_of(shape, dtype)
            _check_room(memory, limit, limit, "data_mb", where)
            present = path.stat().st_size - stream.tell()
            if present != size:
                raise ValueError(f"its header announces {size} bytes, it has {present}")
            stream.seek(0)
            return np.asarray(npy.read_array(stream, allow_pickle=False))
    except DAMAGED as error:
        raise damaged(where, error, ".npy") from error


def damaged(where: str, error: BaseException, kind: str = ".npz") -> InputError:
    """The message about what one of :data:`DAMAGED` says of a file."""
    return InputError(
        f"the file is damaged or cut off, or no {kind}",
        where=where,
        why=" ".join(str(error).split())[:200],
    )


def npz_entries(
    archive: zipfile.ZipFile, names: Collection[str] | None, where: str
) -> dict[str, zipfile.ZipInfo]:
    """The entries of some arrays, or of all, by the arrays' names.

    Raises:
        InputError: there are too many.
    """
    found = archive.infolist()
    if len(found) > _MOST_ENTRIES:
        raise InputError(f"the file holds {len(found)} arrays", where=where)
    by_name = {entry.filename.removesuffix(".npy"): entry for entry in found}
    return {key: entry for key, entry in by_name.items() if names is None or key in names}


def _announced(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, where: str) -> int:
    """Memory for an entry's array; the entry must have as many bytes as its header says."""
    with archive.open(checked_method(entry)) as stream:
        shape, _, dtype = array_header(stream, where)
        size, memory = _bytes_of(shape, dtype)
        present = entry.file_size - stream.tell()
    if present != size:
        raise ValueError(f"the header of {entry.filename!r} announces {size} bytes, not {present}")
    return memory


def checked_method(entry: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """The entry, if it is stored or deflated; else a ``ValueError``."""
    if entry.compress_type not in _METHODS:
        raise ValueError(f"compression method {entry.compress_type}")
    return entry


def array_header(stream: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether column by column, and dtype of the array that a stream starts with.

    Raises:
        InputError: it holds Python objects.
        ValueError: or another of :data:`DAMAGED`.
    """
    version = npy.read_magic(stream)
    if version == (1, 0):
        shape, columns, dtype = npy.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, columns, dtype = npy.read_array_header_2_0(stream)
    else:
        raise ValueError(f".npy version {version}")
    if dtype.hasobject:
        raise InputError(
            "holds Python objects, which are not loaded",
            where=where,
            remedy="save plain numeric arrays",
        )
    if any(length < 0 for length in shape):
        raise ValueError(f"shape {shape}")
    return shape, columns, dtype


def _bytes_of(shape: tuple[int, ...], dtype: np.dtype) -> tuple[int, int]:
    """Bytes that an array has in a file, and takes to compute."""
    count = math.prod(shape)
    return count * dtype.itemsize, count * max(8, dtype.itemsize)


def _limit(option: str) -> int:
    megabytes: int = getattr(current_limits(), option)
    return megabytes * MB


def _check_room(size: int, left: int, limit: int, option: str, where: str) -> None:
    if size > left:
        raise InputError(
            f"its arrays take {size / MB:,.0f} MB and more in computations",
            where=where,
            why=f"the limit is {limit / MB:,.0f} MB",
            remedy=limit_remedy(option),
        )
