"""Arrays of any number of samples, written piece by piece; the file appears when it is whole."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

import numpy as np
from numpy.lib import format as npy

from hwcompress.errors import InputError

__all__ = ["ArrayFile"]

_COPIED = 1 << 20


class ArrayFile:
    """An ``.npy`` with one array, or an ``.npz`` with several, ``(samples, ...)`` each.

    Use it as a context manager: what is added is written to a hidden folder beside the file,
    which is put in place at the end. An error or an interrupt leaves nothing behind.

    Args:
        path: the file; its ending says which kind.

    Raises:
        InputError: another ending, or the folder is missing or may not be written.
    """

    def __init__(self, path: Path, option: str) -> None:
        if path.suffix not in (".npy", ".npz"):
            raise InputError(f"{option} {str(path)!r} is neither .npy nor .npz")
        if path.is_dir():
            raise InputError(f"{option} {str(path)!r} is a folder", remedy="name a file")
        self.path = path
        self._option = option
        self._arrays: dict[str, tuple[IO[bytes], np.dtype, tuple[int, ...], int]] = {}

    def __enter__(self) -> Self:
        try:
            folder = self.path.absolute().parent
            self._scratch = Path(tempfile.mkdtemp(prefix=f".{self.path.name}.part-", dir=folder))
        except OSError as error:
            raise InputError(
                f"{self._option} {str(self.path)!r} cannot be written",
                why=error.strerror or str(error),
                remedy="name a file in a folder that you may write",
            ) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        try:
            for stream, dtype, shape, count in self._arrays.values():
                if kind is None:
                    stream.seek(0)
                    _write_header(stream, dtype, (count, *shape))
                stream.close()
            if kind is None:
                self._finish()
        finally:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def add(self, arrays: Mapping[str, np.ndarray]) -> None:
        """The next samples of each array; always the same names, dtypes and shapes."""
        for name, values in arrays.items():
            if name not in self._arrays:
                file = (self._scratch / f"{len(self._arrays)}.npy").open("w+b")
                # NumPy leaves room in a header for more rows.
                _write_header(file, values.dtype, (0, *values.shape[1:]))
                self._arrays[name] = (file, values.dtype, values.shape[1:], 0)
            stream, dtype, shape, count = self._arrays[name]
            assert (values.dtype, values.shape[1:]) == (dtype, shape)
            stream.write(np.ascontiguousarray(values).data)
            self._arrays[name] = (stream, dtype, shape, count + len(values))

    def _finish(self) -> None:
        files = [(name, Path(item[0].name)) for name, item in self._arrays.items()]
        if self.path.suffix == ".npy":
            ((_, whole),) = files
        else:
            whole = self._scratch / "whole.npz"
            with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
                for name, file in files:
                    # ZipInfo has a fixed date: the same arrays give the same bytes.
                    entry = zipfile.ZipInfo(f"{name}.npy")
                    with (
                        file.open("rb") as part,
                        archive.open(entry, "w", force_zip64=True) as target,
                    ):
                        shutil.copyfileobj(part, target, _COPIED)
                    file.unlink()
        whole.chmod(0o644)
        whole.replace(self.path)


def _write_header(stream: IO[bytes], dtype: np.dtype, shape: tuple[int, ...]) -> None:
    header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(stream, header)
