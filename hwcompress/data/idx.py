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

__all__ = ["is_idx", "partner", "read_idx"]

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"


def _content(path: Path, limit: int = -1) -> bytes:
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


def read_idx(path: Path) -> np.ndarray:
    """The array of an IDX file, in the machine's byte order.

    Raises:
        InputError: the file is damaged, cut off, too long or not IDX.
    """
    try:
        content = _content(path)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            "the file is damaged or cut off", where=str(path), why=str(error)
        ) from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise InputError(
            "not an IDX file",
            where=str(path),
            why=f"it starts with {content[:4].hex() or 'nothing'}",
            remedy="give an .npz file or MNIST-style IDX files",
        )
    kind, axes = np.dtype(_TYPES[content[2]]), content[3]
    start = 4 + 4 * axes
    if len(content) < start:
        raise InputError("cut off within its header", where=str(path))
    shape = struct.unpack(f">{axes}I", content[4:start])
    expected = math.prod(shape) * kind.itemsize
    if len(content) - start != expected:
        short = len(content) - start < expected
        raise InputError(
            "the file is cut off" if short else "the file is longer than its header says",
            where=str(path),
            why=f"shape {shape} needs {expected} bytes, it has {len(content) - start}",
        )
    array = np.frombuffer(content, kind, offset=start).reshape(shape)
    return np.ascontiguousarray(array, kind.newbyteorder("="))


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
