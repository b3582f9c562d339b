"""Loads what the user names with ``--data``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from hwcompress.data.dataset import Dataset
from hwcompress.data.idx import is_idx, partner, read_idx
from hwcompress.data.parts import Part, checked, scale_of, set_aside
from hwcompress.data.several import Shapes, read_several
from hwcompress.errors import InputError
from hwcompress.npz import is_npz, npz_names, read_npy, read_npz
from hwcompress.samples import Samples, sample_rows, sample_shapes

__all__ = ["load_dataset"]

_KEYS = "(x, y), (x_train, y_train, x_test, y_test) or only x"


def load_dataset(
    path: str | Path,
    *,
    labels: str | Path | None = None,
    inputs: Shapes | None = None,
    unused: Collection[str] = (),
    training: bool = False,
    scale: float | None = None,
    seed: int = 0,
    limit: int | None = None,
) -> Dataset:
    """Load samples from a file, a pair of files or a folder.

    Args:
        path: an ``.npz`` with the keys ``x, y``, or ``x_train, y_train,
            x_test, y_test``, or only ``x``; an ``.npy`` of samples; an IDX file of images, whose
            labels lie beside it under MNIST's naming convention, or are named
            after a comma (as those of an ``.npy`` are); or a folder with the standard MNIST files.
        labels: an IDX or ``.npy`` file of labels for IDX images or an ``.npy``.
        inputs: the model's inputs. With several of them the file is an ``.npz`` with an
            array named after each, ``(n, *shape)``, and perhaps labels ``y`` (``labels``
            if an input is called ``y``); or all of these with ``_train`` and ``_test`` at
            the end. The array of the only one may have its name instead of ``x``.
        unused: inputs of several whose arrays may be there and are ignored.
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
    notes: tuple[str, ...] = ()
    if inputs is not None and len(inputs) > 1:
        if labels is not None:
            raise InputError("an .npz holds its own labels", where=str(labels))
        if not path.exists():
            raise _missing(path)
        parts, notes = read_several(path, inputs, unused=unused, limit=limit)
    else:
        own = next(iter(inputs), "x") if inputs else "x"
        parts = _read(path, None if labels is None else Path(labels), own, limit)
    _check_shapes({role: sample_shapes(part.x) for role, part in parts.items()}, str(path))
    scales, said = _scales(parts["test"].x, scale, str(path))
    notes += said
    train, test = parts.get("train"), parts["test"]
    if training and train is None and test.y is not None:
        train, test, note = set_aside(test, seed, str(path))
        notes = (*notes, note)
    if train is None:
        none = sample_rows(test.x, slice(0))
        train = Part(none, None if test.y is None else test.y[:0], test.where)
    name = path.name.removesuffix(".gz").removesuffix(".npz")
    return Dataset(name, train.x, train.y, test.x, test.y, scales, notes)


def _check_shapes(found: Mapping[str, Mapping[str, tuple[int, ...]]], where: str) -> None:
    """Training and test samples must be of the same shapes."""
    if "train" not in found:
        return
    for name, shape in found["test"].items():
        if found["train"][name] != shape:
            raise InputError(
                f"training samples of shape {found['train'][name]}, test samples of shape {shape}",
                where=f"{where}: {name}" if name else where,
            )


def _scales(
    x: Samples, scale: float | None, where: str
) -> tuple[float | dict[str, float], tuple[str, ...]]:
    """Real value of a step of each input, and lines for the report."""
    if not isinstance(x, Mapping):
        value, note = scale_of(x, scale, where)
        return value, (note,) if note else ()
    whole = {name: item.dtype.kind != "f" for name, item in x.items()}
    scales, notes = {}, []
    for name, item in x.items():
        # A scale is for the inputs that are integers, and there must be one.
        given = scale if whole[name] or not any(whole.values()) else None
        scales[name], note = scale_of(item, given, f"{where}: {name}")
        notes += [f"{name}: {note}"] if note else []
    return scales, tuple(notes)


def _missing(file: Path) -> InputError:
    return InputError(f"there is no file {str(file)!r}", remedy="correct --data")


def _read(path: Path, labels: Path | None, name: str, limit: int | None) -> dict[str, Part]:
    for file in (path, labels):
        if file is not None and not file.exists():
            raise _missing(file)
        if file is not None and not (file.is_file() or file.is_dir()):
            # A pipe or a device would have us wait, or never end.
            raise InputError("no regular file", where=str(file), remedy="give a file")
    try:
        if path.is_dir():
            return _folder(path, limit)
        if path.suffix == ".npz" or is_npz(path):
            if labels is not None:
                raise InputError("an .npz holds its own labels", where=str(labels))
            return _npz(path, name, limit)
        if path.suffix == ".npy":
            x = read_npy(path, limit=limit)
            return {"test": checked(x, _labels(labels, limit), str(path))}
        if is_idx(path):
            return {"test": _idx(path, labels, limit)}
    except PermissionError as error:
        raise InputError("the data cannot be read", where=str(path), why=str(error)) from error
    raise InputError(
        "neither an .npz, an .npy nor an IDX file",
        where=str(path),
        why="it is empty" if path.stat().st_size == 0 else "its first bytes are of none",
        remedy=f"give an .npz with {_KEYS}, an .npy of samples, or MNIST-style IDX files",
    )


def _npz(path: Path, name: str, limit: int | None) -> dict[str, Part]:
    where = str(path)
    wanted = ("x", "y", "x_train", "y_train", "x_test", "y_test")
    found = read_npz(path, wanted, limit=limit)
    if not {"x", "x_test"} & set(found) and name not in wanted:
        renamed = {f"{name}{role}": f"x{role}" for role in ("", "_train", "_test")}
        own = read_npz(path, tuple(renamed), limit=limit)
        found |= {renamed[key]: item for key, item in own.items()}
    present = ", ".join(npz_names(path)[:20]) or "nothing"
    if "x" in found:
        return {"test": checked(found["x"], found.get("y"), f"{where}: x")}
    if "x_test" not in found:
        raise InputError(
            "no samples found", where=where, why=f"it holds {present}", remedy=f"name them {_KEYS}"
        )
    parts = {"test": checked(found["x_test"], found.get("y_test"), f"{where}: x_test")}
    if "x_train" in found:
        parts["train"] = checked(found["x_train"], found.get("y_train"), f"{where}: x_train")
    return parts


def _idx(images: Path, labels: Path | None, limit: int | None) -> Part:
    x = read_idx(images, limit=limit)
    return checked(x, _labels(labels or partner(images), limit), str(images))


def _labels(source: Path | None, limit: int | None) -> np.ndarray | None:
    if source is None:
        return None
    return (read_npy if source.suffix == ".npy" else read_idx)(source, limit=limit)


def _folder(folder: Path, limit: int | None) -> dict[str, Part]:
    found: dict[str, Part] = {}
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
