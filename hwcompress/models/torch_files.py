"""Files of ``torch.save``, read by torch without unpickling anything but tensors.

``torch.load(weights_only=True)`` runs no code of the file, but takes as much memory as the
file wants: its entries may be packed, and every byte of its pickle may make an object. Both
are counted first, and torch gets an archive that was unpacked here.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
import zlib
from pathlib import Path

import torch

from hwcompress.errors import InputError
from hwcompress.files import read_regular
from hwcompress.limits import MB, current_limits, limit_remedy

__all__ = ["MOST_OPERATIONS", "load_torch"]

MOST_OPERATIONS = 1_000_000
"""Operations of the pickles of a file; a state dict takes some thirty for each tensor."""
_ZIP = b"PK\3\4"  # as torch tells them apart
_OLD_PICKLES = 5  # at the start of a file that is no archive; raw numbers follow
# What zipfile raises on damaged archives.
_DAMAGED = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)


def load_torch(path: Path) -> object:
    """What a file holds, if that is nothing but tensors in lists and dicts.

    Raises:
        InputError: the file cannot be read, is too large, or needs pickle.
    """
    data = read_regular(path, "the file of weights")
    plain = _unpacked(data, path) if data[:4] == _ZIP else data
    if plain is data:
        _count_old(data, path)
    try:
        result: object = torch.load(io.BytesIO(plain), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types for damaged and for refused files
        refused = "weights_only" in str(error) or "WeightsUnpickler" in str(error)
        raise InputError(
            "the file holds Python objects besides tensors, which are not loaded"
            if refused
            else "the file is damaged, or none that torch.save wrote",
            where=str(path),
            why="unpickling them could run any code"
            if refused
            else f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}",
            remedy="where you trust the file, convert it once: numpy.savez('weights.npz',"
            " **{name: tensor.numpy() for name, tensor in state_dict.items()})"
            if refused
            else "save it again: torch.save(module.state_dict(), 'weights.pth')",
        ) from error
    return result


def _unpacked(data: bytes, path: Path) -> bytes:
    """The same archive without compression: torch's own reader never sees the original."""
    made = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(made, "w") as target:
            entries = source.infolist()
            total = sum(entry.file_size for entry in entries)
            if total > current_limits().model_bytes:
                raise InputError(
                    f"the weights take {total / MB:,.0f} MB",
                    where=str(path),
                    why=f"the limit is {current_limits().model_mb} MB",
                    remedy=limit_remedy("model_mb"),
                )
            if len({entry.filename for entry in entries}) < len(entries):
                raise ValueError("entries of the same name")
            for entry in entries:
                content = source.read(entry)
                if entry.filename.endswith(".pkl"):
                    _count(io.BytesIO(content), MOST_OPERATIONS, path)
                target.writestr(zipfile.ZipInfo(entry.filename), content)
    except _DAMAGED as error:
        raise InputError(
            "the file is damaged or cut off", where=str(path), why=str(error)[:200]
        ) from error
    return made.getvalue()


def _count_old(data: bytes, path: Path) -> None:
    """Count the pickles at the start of a file as torch wrote them before 1.6."""
    stream, left = io.BytesIO(data), MOST_OPERATIONS
    for _ in range(_OLD_PICKLES):
        left -= _count(stream, left, path)


def _count(stream: io.BytesIO, most: int, path: Path) -> int:
    """Operations of the pickle that starts here."""
    count = 0
    try:
        for _ in pickletools.genops(stream):
            count += 1
            if count > most:
                raise InputError(
                    f"the file has more than {MOST_OPERATIONS:,} pickle operations",
                    where=str(path),
                    remedy="save module.state_dict() alone, or as .npz",
                )
    except (ValueError, OverflowError, MemoryError):
        pass  # torch says what is wrong with it
    return count
