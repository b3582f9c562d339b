"""What the user names with ``--data``, opened to be read chunk by chunk."""

from __future__ import annotations

import glob
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hwcompress.data.idx import is_idx, partner
from hwcompress.data.rows import StoredArray, idx_array, npy_array, npz_arrays
from hwcompress.data.several import Shapes, several_keys, wanted_arrays
from hwcompress.data.stream import FileStream
from hwcompress.errors import InputError
from hwcompress.npz import is_npz, npz_names

__all__ = ["NoTrainingSet", "open_stream"]

Role = Literal["test", "train"]

_PATTERN = re.compile(r"[*?\[]")
_SHARDS = (".npz", ".npy")


class NoTrainingSet(InputError):
    """Training samples are asked for, and the file holds one set only."""


@dataclass(frozen=True, eq=False)
class _File:
    """The arrays of one file: samples of each input by name, and labels."""

    samples: dict[str, StoredArray]
    labels: StoredArray | None


def open_stream(
    source: str | Path,
    *,
    labels: str | Path | None = None,
    inputs: Shapes | None = None,
    unused: Collection[str] = (),
    scale: float | None = None,
    role: Role = "test",
) -> FileStream:
    """Samples that need not fit the memory: only headers are read here.

    Takes what :func:`hwcompress.data.load_dataset` takes, and several files: a folder of
    ``.npz`` or of ``.npy`` files, or a pattern such as ``'part-*.npz'``, in the order of their
    names with numbers as numbers. Of a file with two sets, those of the test are read.

    Args:
        source: file, folder or pattern; that of labels may follow after a comma.
        labels: file, folder or pattern of the labels of ``.npy`` or IDX files.
        inputs: the model's inputs, as for ``load_dataset``.
        unused: inputs of several whose arrays may be there and are ignored.
        scale: real value of one step of integer samples.
        role: which set of an ``.npz`` with two; samples that are not told apart are ``test``.

    Raises:
        InputError: a file is missing, damaged or empty, or the files are not alike.
        NoTrainingSet: there is no set of that role.
    """
    if labels is None and isinstance(source, str) and "," in source and not Path(source).exists():
        source, _, labels = source.partition(",")
    paths = _files(source)
    found = [_opened(path, inputs, unused, role) for path in paths]
    names = list(found[0].samples)
    for path, file in zip(paths, found, strict=True):
        if list(file.samples) != names:
            raise InputError(f"holds {', '.join(file.samples)}, not {names}", where=str(path))
    samples = {name: _alike([file.samples[name] for file in found]) for name in names}
    counts = {name: sum(item.count for item in arrays) for name, arrays in samples.items()}
    where = str(source)
    _check_counts(counts, found, where)
    given = _labels(found, labels, where)
    rows = sum(item.count for item in given)
    if given and rows != next(iter(counts.values())):
        raise InputError(f"{next(iter(counts.values()))} samples but {rows} labels", where=where)
    name = Path(str(source)).name.removesuffix(".gz").removesuffix(".npz")
    return FileStream(name, samples, given, scale)


def _files(source: str | Path) -> list[Path]:
    """The files that are meant, in order."""
    path, text = Path(source), str(source)
    if path.is_dir():
        standard = [path / f"t10k-images-idx3-ubyte{end}" for end in ("", ".gz")]
        for file in standard:
            if file.is_file():
                return [file]
        shards = [file for file in path.iterdir() if file.suffix in _SHARDS and file.is_file()]
        kinds = {file.suffix for file in shards}
        if len(kinds) != 1:
            raise InputError(
                "the folder holds both .npz and .npy files"
                if kinds
                else "the folder has no t10k-images-idx3-ubyte[.gz], no .npz and no .npy files",
                where=text,
                remedy="give a pattern, such as 'FOLDER/x-*.npy'",
            )
        return sorted(shards, key=_natural)
    if not path.exists() and _PATTERN.search(text):
        matches = [Path(item) for item in glob.glob(text)]  # noqa: PTH207 - absolute ones too
        if not matches:
            raise InputError(f"no file matches {text!r}", remedy="correct the path")
        found = sorted(matches, key=_natural)
    else:
        found = [path]
    for file in found:
        if not file.exists():
            raise InputError(f"there is no file {str(file)!r}", remedy="correct the path")
        if not file.is_file():
            raise InputError("no regular file", where=str(file), remedy="give a file")
    return found


def _natural(path: Path) -> tuple[tuple[int, str], ...]:
    """Sorts ``part-10`` behind ``part-9``."""
    parts = re.split(r"(\d+)", path.name)
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)


def _opened(path: Path, inputs: Shapes | None, unused: Collection[str], role: Role) -> _File:
    try:
        if inputs is not None and len(inputs) > 1:
            return _several(path, inputs, unused, role)
        if path.suffix == ".npz" or is_npz(path):
            return _npz(path, next(iter(inputs), "x") if inputs else "x", role)
        if role == "train":
            raise NoTrainingSet("no training samples", where=str(path))
        if path.suffix == ".npy":
            return _File({"": _samples(npy_array(path))}, None)
        if is_idx(path):
            beside = partner(path)
            labels = idx_array(beside) if beside is not None else None
            return _File({"": _samples(idx_array(path))}, labels)
    except PermissionError as error:
        raise InputError("the data cannot be read", where=str(path), why=str(error)) from error
    raise InputError(
        "neither an .npz, an .npy nor an IDX file",
        where=str(path),
        why="it is empty" if path.stat().st_size == 0 else "its first bytes are of none",
        remedy="give an .npz with x and perhaps y, an .npy of samples, or MNIST-style IDX files",
    )


def _npz(path: Path, own: str, role: Role) -> _File:
    end = "_train" if role == "train" else "_test"
    # As of load_dataset: plain names before those of a set, x before the input's own name.
    choices = [("x", "y"), ("x_test", "y_test"), (own, "y"), (f"{own}_test", "y_test")]
    if role == "train":
        choices = [(f"x{end}", f"y{end}"), (f"{own}{end}", f"y{end}")]
    present = npz_names(path)
    for samples, labels in choices:
        if samples in present:
            found = npz_arrays(path, (samples, labels))
            return _File({"": _samples(found[samples])}, found.get(labels))
    if role == "train":
        raise NoTrainingSet("no training samples", where=str(path))
    raise InputError(
        "no samples found",
        where=str(path),
        why=f"it holds {', '.join(present[:20]) or 'nothing'}",
        remedy="name them (x, y), (x_train, y_train, x_test, y_test) or only x",
    )


def _several(path: Path, inputs: Shapes, unused: Collection[str], role: Role) -> _File:
    if not is_npz(path):
        raise InputError(
            f"the model has {len(inputs)} inputs, and the data are no .npz",
            where=str(path),
            remedy=wanted_arrays(inputs),
        )
    keys, labels = several_keys(path, inputs, unused=unused)
    end = "_train" if role == "train" else next(item for item in keys if item != "_train")
    if end not in keys:
        raise NoTrainingSet("no training samples", where=str(path))
    found = npz_arrays(path, (*keys[end], labels[end]))
    samples = {
        name: _samples(found[key], named=True) for name, key in zip(inputs, keys[end], strict=True)
    }
    return _File(samples, found.get(labels[end]))


def _samples(array: StoredArray, named: bool = False) -> StoredArray:
    """The array, if it has samples."""
    if not array.shape:
        raise InputError(
            "a single number",
            where=array.where,
            remedy="the first axis counts samples, the others are the sample: (n, features)",
        )
    if array.count == 0:
        raise InputError(
            "the data set is empty", where=array.where, remedy="give at least one sample"
        )
    if (len(array.shape) == 1 and not named) or 0 in array.shape:
        raise InputError(
            f"samples of shape {array.shape}",
            where=array.where,
            remedy="the first axis counts samples, the others are the sample: (n, features)",
        )
    return array


def _alike(arrays: Sequence[StoredArray]) -> list[StoredArray]:
    """Arrays whose rows can follow each other."""
    first = arrays[0]
    for array in arrays[1:]:
        if (array.shape[1:], array.dtype) != (first.shape[1:], first.dtype):
            raise InputError(
                f"samples of shape {array.shape[1:]} and dtype {array.dtype}",
                where=array.where,
                why=f"{first.where} has {first.shape[1:]} and {first.dtype}",
                remedy="give files that are alike, by a pattern if the folder holds others, too",
            )
    return list(arrays)


def _check_counts(counts: dict[str, int], files: Sequence[_File], where: str) -> None:
    """Inputs, and the files of each, must have as many samples."""
    for file in files:
        own = {name: item.count for name, item in file.samples.items()}
        if len(set(own.values())) > 1:
            raise InputError(
                "the inputs have different numbers of samples",
                where=where,
                why=", ".join(f"{name}: {count}" for name, count in own.items()),
                remedy="give as many samples of each input; rows of the same number belong"
                " together",
            )
    assert len(set(counts.values())) == 1


def _labels(files: Sequence[_File], given: str | Path | None, where: str) -> list[StoredArray]:
    """The labels of all samples: of the files themselves, or of files of their own."""
    inside = [file.labels for file in files if file.labels is not None]
    if given is None:
        if inside and len(inside) < len(files):
            raise InputError(
                f"{len(inside)} of {len(files)} files hold labels",
                where=where,
                remedy="give labels for all samples, or none",
            )
        for file, labels in zip(files, inside, strict=False):
            count = next(iter(file.samples.values())).count
            if labels.shape[:1] != (count,):
                rows = labels.shape[0] if labels.shape else 0
                raise InputError(f"{count} samples but {rows} labels", where=labels.where)
        return _label_arrays(inside)
    if any(array.member for file in files for array in file.samples.values()):
        raise InputError("an .npz holds its own labels", where=str(given))
    arrays = [
        npy_array(path) if path.suffix == ".npy" else idx_array(path) for path in _files(given)
    ]
    return _label_arrays(arrays)


def _label_arrays(arrays: Sequence[StoredArray]) -> list[StoredArray]:
    for array in arrays:
        if len(array.shape) not in (1, 2) or (len(array.shape) == 2 and array.shape[1] != 1):
            raise InputError(
                f"labels of shape {array.shape}",
                where=array.where,
                remedy="give one class number per sample (argmax of one-hot labels)",
            )
    return _alike(arrays) if arrays else []
