"""Loads what the user names with ``--data``."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcompress.data.dataset import (
    Dataset,
    check_labels,
    check_samples,
    stratified_split,
)
from hwcompress.data.idx import is_idx, partner, read_idx
from hwcompress.errors import InputError
from hwcompress.npz import npz_names, read_npy, read_npz

__all__ = ["load_dataset"]

_SPLIT_SHARE = 0.2
_KEYS = "(x, y), (x_train, y_train, x_test, y_test) or only x"


@dataclass(frozen=True, eq=False)
class _Part:
    """Samples with their labels, and the name to complain with."""

    x: np.ndarray
    y: np.ndarray | None
    where: str


def load_dataset(
    path: str | Path,
    *,
    labels: str | Path | None = None,
    training: bool = False,
    scale: float | None = None,
    seed: int = 0,
    limit: int | None = None,
) -> Dataset:
    """Load samples from a file, a pair of files or a folder.

    Args:
        path: an ``.npz`` with the keys ``x, y``, or ``x_train, y_train,
            x_test, y_test``, or only ``x``; an IDX file of images, whose
            labels lie beside it under MNIST's naming convention, or are named
            after a comma; or a folder with the standard MNIST files.
        labels: an IDX or ``.npy`` file of labels for IDX images.
        training: whether a training set is wanted. If there is only one
            set and it has labels, 20 % of each class become the test set;
            otherwise all samples are test samples.
        scale: real value of one step of integer samples. By default uint8
            samples are scaled by 1/255, everything else is taken as it is.
        seed: of the split.
        limit: most bytes of each file, unpacked; that of the process by default.

    Raises:
        InputError: the file is missing, damaged, empty, holds NaN or labels
            that do not fit.
    """
    if labels is None and isinstance(path, str) and "," in path and not Path(path).exists():
        path, _, labels = path.partition(",")
    path = Path(path)
    parts = _read(path, None if labels is None else Path(labels), limit)
    for part in parts.values():
        _check(part)
    shapes = {part.x.shape[1:] for part in parts.values()}
    if len(shapes) > 1:
        raise InputError(
            f"training samples of shape {parts['train'].x.shape[1:]},"
            f" test samples of shape {parts['test'].x.shape[1:]}",
            where=str(path),
        )
    real_scale, notes = _scale(parts["test"].x, scale, str(path))
    name = path.name.removesuffix(".gz").removesuffix(".npz")
    train, test = parts.get("train"), parts["test"]
    if training and train is None and test.y is not None:
        first, second = stratified_split(test.y, _SPLIT_SHARE, seed)
        if not second.size:
            raise InputError(
                "too few samples to set some aside for the test",
                where=str(path),
                why="no class has two samples",
            )
        note = f"split into {first.size} training and {second.size} test samples, seed {seed}"
        notes = (*notes, f"{note}; {_SPLIT_SHARE:.0%} of each class")
        train = _Part(test.x[first], test.y[first], test.where)
        test = _Part(test.x[second], test.y[second], test.where)
    if train is None:
        train = _Part(test.x[:0], None if test.y is None else test.y[:0], test.where)
    return Dataset(name, train.x, train.y, test.x, test.y, real_scale, notes)


def _check(part: _Part) -> None:
    object.__setattr__(part, "x", check_samples(part.x, part.where))
    if part.y is not None:
        object.__setattr__(part, "y", check_labels(part.y, part.x.shape[0], part.where))


def _scale(x: np.ndarray, scale: float | None, where: str) -> tuple[float, tuple[str, ...]]:
    if x.dtype.kind == "f":
        if scale is not None:
            raise InputError(
                f"--input-scale {scale:g} is given for samples of dtype {x.dtype}",
                where=where,
                why="a scale is the real value of one step of integer samples",
                remedy="leave it out",
            )
        return 1.0, ()
    if scale is not None:
        return scale, (f"{x.dtype} samples, scaled by {scale:g} (--input-scale)",)
    if x.dtype == np.uint8:
        return 1 / 255, ("uint8 samples, scaled by 1/255 (the default, see --input-scale)",)
    return 1.0, (f"{x.dtype} samples, not scaled (the default, see --input-scale)",)


def _read(path: Path, labels: Path | None, limit: int | None) -> dict[str, _Part]:
    for file in (path, labels):
        if file is not None and not file.exists():
            raise InputError(f"there is no file {str(file)!r}", remedy="correct --data")
    try:
        if path.is_dir():
            return _folder(path, limit)
        if path.suffix == ".npz" or zipfile.is_zipfile(path):
            if labels is not None:
                raise InputError("an .npz holds its own labels", where=str(labels))
            return _npz(path, limit)
        if is_idx(path):
            return {"test": _idx(path, labels, limit)}
    except PermissionError as error:
        raise InputError("the data cannot be read", where=str(path), why=str(error)) from error
    raise InputError(
        "neither an .npz nor an IDX file",
        where=str(path),
        why="it is empty" if path.stat().st_size == 0 else "its first bytes are of neither",
        remedy=f"give an .npz with {_KEYS}, or MNIST-style IDX files",
    )


def _npz(path: Path, limit: int | None) -> dict[str, _Part]:
    where = str(path)
    wanted = ("x", "y", "x_train", "y_train", "x_test", "y_test")
    found = read_npz(path, wanted, limit=limit)
    present = ", ".join(npz_names(path)[:20]) or "nothing"
    if "x" in found:
        return {"test": _Part(found["x"], found.get("y"), f"{where}: x")}
    if "x_test" not in found:
        raise InputError(
            "no samples found", where=where, why=f"it holds {present}", remedy=f"name them {_KEYS}"
        )
    parts = {"test": _Part(found["x_test"], found.get("y_test"), f"{where}: x_test")}
    if "x_train" in found:
        parts["train"] = _Part(found["x_train"], found.get("y_train"), f"{where}: x_train")
    return parts


def _idx(images: Path, labels: Path | None, limit: int | None) -> _Part:
    x = read_idx(images, limit=limit)
    source = labels or partner(images)
    if source is None:
        return _Part(x, None, str(images))
    read = read_npy if source.suffix == ".npy" else read_idx
    return _Part(x, read(source, limit=limit), str(images))


def _folder(folder: Path, limit: int | None) -> dict[str, _Part]:
    found: dict[str, _Part] = {}
    for role, prefix in (("train", "train"), ("test", "t10k")):
        for name in (f"{prefix}-images-idx3-ubyte", f"{prefix}-images-idx3-ubyte.gz"):
            if (folder / name).is_file():
                found[role] = _idx(folder / name, None, limit)
                break
    if "test" not in found:
        raise InputError(
            "the folder has no t10k-images-idx3-ubyte[.gz]",
            where=str(folder),
            remedy="give a file, or a folder with the four standard MNIST files",
        )
    return found
