"""The IDX file format of MNIST, plain or gzipped.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of
handwritten digits", section "file formats": two zero bytes, a type byte, the
number of axes, each axis as a big-endian 32-bit integer, the elements.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from hwcompress.errors import InputError
from hwcompress.limits import MB, current_limits, limit_remedy

__all__ = ["idx_header", "is_idx", "partner", "read_idx"]

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"
_MOST_AXES = 8


def _content(path: Path, limit: int) -> bytes:
    with path.open("rb") as stream:
        packed = stream.read(2) == _GZIP
    with gzip.open(path) if packed else path.open("rb") as stream:
        return stream.read(limit)


def is_idx(path: Path) -> bool:
    """Whether a file starts as an IDX file does."""
    try:
        head = _content(path, 4)
    except (OSError, EOFError, zlib.error):
        return False
    return len(head) == 4 and head[:2] == b"\0\0" and head[2] in _TYPES


def read_idx(path: Path, *, limit: int | None = None) -> np.ndarray:
    """The array of an IDX file, in the machine's byte order.

    Raises:
        InputError: the file is damaged, cut off, too long, not IDX, or larger than
            ``limit`` bytes (by default that of the process) when it is unpacked.
    """
    where, limit = str(path), current_limits().data_bytes if limit is None else limit
    shape, kind, start, _ = idx_header(path)
    expected = math.prod(shape) * kind.itemsize
    memory = math.prod(shape) * 8
    if memory > limit:
        raise InputError(
            f"shape {shape} takes {memory / MB:,.0f} MB in computations",
            where=where,
            why=f"the limit is {limit / MB:,.0f} MB",
            remedy=limit_remedy("data_mb"),
        )
    # A byte more than announced shows that there is too much, however much it unpacks to.
    content = _content_of(path, start + expected + 1)
    present = len(content) - start
    if present != expected:
        short = present < expected
        raise InputError(
            "the file is cut off" if short else "the file is longer than its header says",
            where=where,
            why=f"shape {shape} needs {expected} bytes, it has {present if short else 'more'}",
        )
    array = np.frombuffer(content, kind, offset=start).reshape(shape)
    return np.ascontiguousarray(array, kind.newbyteorder("="))


def idx_header(path: Path) -> tuple[tuple[int, ...], np.dtype, int, bool]:
    """Shape and dtype of an IDX file, where its elements start, and whether it is gzipped.

    Raises:
        InputError: the file is damaged, cut off or not IDX.
    """
    where = str(path)
    head = _content_of(path, 4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES:
        raise InputError(
            "not an IDX file",
            where=where,
            why=f"it starts with {head.hex() or 'nothing'}",
            remedy="give an .npz file or MNIST-style IDX files",
        )
    kind, axes = np.dtype(_TYPES[head[2]]), head[3]
    start = 4 + 4 * axes
    head = _content_of(path, start)
    if len(head) < start:
        raise InputError("cut off within its header", where=where)
    if axes > _MOST_AXES:
        raise InputError(f"an array of {axes} axes", where=where)
    with path.open("rb") as stream:
        packed = stream.read(2) == _GZIP
    return struct.unpack(f">{axes}I", head[4:]), kind, start, packed


def _content_of(path: Path, limit: int) -> bytes:
    try:
        return _content(path, limit)
    except (OSError, EOFError, zlib.error, MemoryError) as error:
        raise InputError(
            "the file is damaged or cut off", where=str(path), why=str(error)
        ) from error


def partner(images: Path) -> Path | None:
    """The label file that MNIST's naming convention puts beside an image file.

    ``train-images-idx3-ubyte[.gz]`` has ``train-labels-idx1-ubyte[.gz]``.
    """
    name = images.name
    if "images" not in name:
        return None
    wanted = name.replace("images", "labels").replace("idx3", "idx1")
    plain = wanted.removesuffix(".gz")
    for candidate in (wanted, plain, f"{plain}.gz"):
        path = images.with_name(candidate)
        if path.is_file() and path != images:
            return path
    return None
