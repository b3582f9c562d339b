"""Parameters from a file into a module, without unpickling anything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hwcompress.errors import InputError
from hwcompress.files import read_regular
from hwcompress.models.torch_files import load_torch
from hwcompress.npz import read_npz

__all__ = ["load_weights", "read_weights"]

# Under which keys training scripts keep the parameters beside other things.
_INSIDE = ("state_dict", "model_state_dict", "model", "net")
_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U8": "|u1",
    "BOOL": "|b1",
}
_LONGEST_HEADER = 1 << 24  # parsing it takes up to thirty times as much
_LISTED = 4
_COUNTS = "num_batches_tracked"
_REMEDY = "give the function that builds the network these weights were trained in"


def load_weights(module: nn.Module, path: Path) -> None:
    """Fill a module in place with the parameters and buffers of a file.

    Raises:
        InputError: the file cannot be read without pickle, or its names and
            shapes are not the module's.
    """
    wanted = module.state_dict()
    given = _unwrapped(read_weights(path), set(wanted))
    problems = []
    for name, tensor in given.items():
        if name in wanted and tensor.shape != wanted[name].shape:
            # Scalars are often kept with one axis.
            if tensor.numel() == wanted[name].numel() == 1:
                given[name] = tensor.reshape(wanted[name].shape)
                continue
            problems.append(
                f"{name} is {tuple(tensor.shape)}, the module's is {tuple(wanted[name].shape)}"
            )
    if problems:
        raise InputError(
            f"{len(problems)} shape(s) do not fit the module",
            where=str(path),
            why="; ".join(problems[:_LISTED]),
            remedy=_REMEDY,
        )
    broken = [name for name, tensor in given.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise InputError(
            f"{_listed(broken)} {'holds' if len(broken) == 1 else 'hold'} numbers that are not"
            " finite (NaN or infinity)",
            where=str(path),
            remedy="train again; a loss that diverged leaves such weights",
        )
    result = module.load_state_dict(given, strict=False)
    # Counts of batches matter to training with a cumulative mean only.
    missing = [name for name in result.missing_keys if not name.endswith(_COUNTS)]
    other = [name for name in result.unexpected_keys if not name.endswith(_COUNTS)]
    why = f"not in the module: {_listed(other)}" if other else ""
    if missing:
        count = sum(not name.endswith(_COUNTS) for name in wanted)
        raise InputError(
            f"{len(missing)} of {count} parameters of the module are missing in the file",
            where=str(path),
            why="; ".join(filter(None, (f"missing {_listed(missing)}", why))),
            remedy=_REMEDY,
        )
    if other:
        raise InputError(
            f"{len(other)} name(s) of the file are none of the module's",
            where=str(path),
            why=why,
            remedy=_REMEDY,
        )


def _listed(names: list[str]) -> str:
    """The first names, and how many more."""
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _unwrapped(given: dict[str, torch.Tensor], wanted: set[str]) -> dict[str, torch.Tensor]:
    """By the module's names, where all names of the file or of the module have a prefix more.

    Wrappers put one before every name: ``module.`` of DataParallel, ``_orig_mod.`` of
    torch.compile, ``model.`` of a training loop's class.
    """
    needed = {name for name in wanted if not name.endswith(_COUNTS)}
    for prefix in _prefixes(given):
        if needed <= {name[len(prefix) :] for name in given}:
            return {name[len(prefix) :]: item for name, item in given.items()}
    for prefix in _prefixes(wanted):
        if needed <= {prefix + name for name in given}:
            return {prefix + name: item for name, item in given.items()}
    return given


def _prefixes(names: Iterable[str]) -> list[str]:
    """What all names begin with, up to a dot; the empty prefix first."""
    found = [""]
    for level in zip(*(name.split(".")[:-1] for name in names), strict=False):
        if len(set(level)) > 1:
            break
        found.append(f"{found[-1]}{level[0]}.")
    return found


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Name -> tensor, of an ``.npz``, a ``.safetensors`` or a file of ``torch.save``.

    Raises:
        InputError: the file is missing, damaged, larger than the limits, or needs pickle.
    """
    if not path.is_file():
        raise InputError(f"there is no file of weights {str(path)!r}")
    try:
        match path.suffix.lower():
            case ".npz":
                return _from_npz(path)
            case ".safetensors":
                return _from_safetensors(path)
            case ".pth" | ".pt" | ".ckpt":
                return _from_torch(path)
    except OSError as error:
        raise InputError(f"cannot be read: {error}", where=str(path)) from error
    raise InputError(
        f"weights in a file {path.suffix!r}",
        where=str(path),
        remedy="give .npz, .safetensors or .pth",
    )


def _from_npz(path: Path) -> dict[str, torch.Tensor]:
    try:
        arrays = read_npz(path, option="memory_mb")
    except InputError as error:
        raise InputError(
            f"the .npz cannot be read: {error.what}",
            where=str(path),
            why=error.why,
            remedy=error.remedy
            if "--limits" in error.remedy
            else "save plain numeric arrays: numpy.savez(file, **arrays)",
        ) from error
    wrong = [name for name, array in arrays.items() if array.dtype.kind not in "biuf"]
    if wrong:
        raise InputError(
            f"{wrong[0]!r} holds {arrays[wrong[0]].dtype}, not numbers", where=str(path)
        )
    return {name: torch.as_tensor(np.array(array)) for name, array in arrays.items()}


def _from_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """The format is a length (8 bytes), a JSON header and raw little-endian data."""

    def damaged(why: str) -> InputError:
        return InputError(f"damaged .safetensors file: {why}", where=str(path))

    data = read_regular(path, "the file of weights")
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(len(data) - 8, _LONGEST_HEADER):
        raise damaged("its header is longer than the file")
    try:
        header = json.loads(data[8 : 8 + length])
        body = memoryview(data)[8 + length :]
        found: dict[str, torch.Tensor] = {}
        left = len(body)
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            kind, shape = _TYPES[entry["dtype"]], tuple(int(size) for size in entry["shape"])
            start, stop = (int(item) for item in entry["data_offsets"])
            if not 0 <= start <= stop <= len(body) or min(shape, default=0) < 0:
                raise damaged(f"{name!r} lies outside of it")
            # Tensors that share bytes could together be a thousand times the file.
            left -= stop - start
            if left < 0:
                raise damaged(f"{name!r} overlaps with others")
            array = np.frombuffer(body[start:stop], np.dtype(kind)).reshape(shape)
            found[name] = _tensor(array, entry["dtype"])
    except (
        KeyError,
        TypeError,
        ValueError,
        ArithmeticError,
        AttributeError,
        RecursionError,
    ) as error:
        raise damaged(f"{type(error).__name__}: {error}") from error
    return found


def _tensor(array: np.ndarray, kind: str) -> torch.Tensor:
    if kind == "BF16":  # the upper half of a float32
        return torch.as_tensor((array.astype(np.uint32) << 16).view(np.float32))
    return torch.as_tensor(array.astype(array.dtype.newbyteorder("=")))


def _from_torch(path: Path) -> dict[str, torch.Tensor]:
    loaded = load_torch(path)
    for key in _INSIDE:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
            break
    if not isinstance(loaded, Mapping):
        raise InputError(
            f"the file holds a {type(loaded).__name__}, not a state dict",
            where=str(path),
            remedy="save module.state_dict()",
        )
    return {str(name): item for name, item in loaded.items() if isinstance(item, torch.Tensor)}
