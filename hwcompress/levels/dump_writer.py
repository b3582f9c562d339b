"""Writing dumps block by block, so that any number of samples fits the memory."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

import numpy as np
from numpy.lib import format as npy

from hwcompress.errors import InputError
from hwcompress.ir import Graph, IntType

__all__ = ["DumpWriter"]


class DumpWriter:
    """Writes an ``.npz`` with the integers of each tensor, ``(samples, *shape)``.

    Each tensor takes the smallest NumPy type of its integers' type. The file appears under its
    name when it is whole; use it as a context manager, an error inside leaves no file.

    Args:
        path: the file to be made; one of this name is replaced.
        graph: whose tensors are written.

    Raises:
        InputError: the folder is missing or may not be written.
    """

    def __init__(self, path: Path, graph: Graph) -> None:
        self._path = path
        self._graph = graph
        self._streams: dict[str, tuple[IO[bytes], np.dtype, tuple[int, ...]]] = {}
        self._count: dict[str, int] = {}
        if path.is_dir():
            raise InputError(f"{str(path)!r} is a folder", remedy="name a file")
        try:
            folder = path.absolute().parent
            self._scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.part-", dir=folder))
        except OSError as error:
            raise InputError(
                f"cannot write {str(path)!r}",
                why=error.strerror or str(error),
                remedy="name a file in a folder that you may write",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        try:
            for stream, _, _ in self._streams.values():
                stream.close()
            if kind is None and self._streams:
                self._assemble()
        finally:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def add(self, values: Mapping[str, np.ndarray]) -> None:
        """The next samples of each tensor."""
        for name, array in values.items():
            if name not in self._streams:
                dtype = _narrowest(self._graph.tensors[name].dtype)
                file = self._scratch / str(len(self._streams))
                stream: IO[bytes] = file.open("w+b")
                self._streams[name] = (stream, dtype, array.shape[1:])
                self._count[name] = 0
            stream, dtype, _ = self._streams[name]
            # A level that is wrong may leave the type: its numbers are kept all the same.
            if not np.array_equal(array.astype(dtype), array):
                stream, dtype = self._widen(name)
            stream.write(np.ascontiguousarray(array, dtype).tobytes())
            self._count[name] += len(array)

    def _widen(self, name: str) -> tuple[IO[bytes], np.dtype]:
        """What was written, as int64."""
        stream, dtype, shape = self._streams[name]
        wide = np.dtype(np.int64)
        file = Path(stream.name).with_suffix(".wide")
        with file.open("wb") as target:
            stream.seek(0)
            while data := stream.read(dtype.itemsize << 16):
                target.write(np.frombuffer(data, dtype).astype(wide).tobytes())
        stream.close()
        again = file.open("r+b")
        again.seek(0, os.SEEK_END)
        self._streams[name] = (again, wide, shape)
        return again, wide

    def _assemble(self) -> None:
        partial = self._scratch / "dump.npz"
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            for name, (stream, dtype, shape) in self._streams.items():
                # ZipInfo has a fixed date: the same integers give the same bytes.
                entry = zipfile.ZipInfo(f"{name}.npy")
                with archive.open(entry, "w", force_zip64=True) as target:
                    header = {
                        "descr": npy.dtype_to_descr(dtype),
                        "fortran_order": False,
                        "shape": (self._count[name], *shape),
                    }
                    npy.write_array_header_1_0(target, header)
                    with Path(stream.name).open("rb") as source:
                        shutil.copyfileobj(source, target, 1 << 20)
                Path(stream.name).unlink()
        partial.replace(self._path)


def _narrowest(kind: IntType) -> np.dtype:
    """The smallest NumPy type that holds every integer of a type."""
    for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32"):
        limits = np.iinfo(name)
        if limits.min <= kind.lo and kind.hi <= limits.max:
            return np.dtype(name)
    return np.dtype(np.int64)
