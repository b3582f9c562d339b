"""Samples of a model with several inputs: an ``.npz`` with an array for each of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from hwcompress.data.adapt import adapt_samples
from hwcompress.data.dataset import check_labels, check_samples
from hwcompress.data.parts import Part
from hwcompress.errors import InputError
from hwcompress.npz import is_npz, npz_names, read_npz
from hwcompress.samples import sample_count

__all__ = ["Shapes", "read_several", "several_keys", "wanted_arrays"]

Shapes = Mapping[str, tuple[int, ...] | None]
"""Shape of a sample of each input, without the batch; ``None`` where nothing states it."""

_ROLES = ("", "_train", "_test")
_SHOWN = 20


def wanted_arrays(inputs: Shapes) -> str:
    """The arrays that a data file has to hold, in words."""
    names = ", ".join(
        f"{name} {_batched(shape)}" if shape is not None else name for name, shape in inputs.items()
    )
    label, first = _label(inputs), next(iter(inputs))
    labels = "labels (n)" if label == "labels" else f"labels {label} (n)"
    return (
        f"give an .npz with an array for each input, {names}, n samples each, and {labels} if"
        f" there are any; or {first}_train, {first}_test and so on for a set of each kind"
    )


def read_several(
    path: Path,
    inputs: Shapes,
    *,
    unused: Collection[str] = (),
    limit: int | None = None,
) -> tuple[dict[str, Part], tuple[str, ...]]:
    """The parts ``test`` and perhaps ``train`` of a file, and lines for the report.

    Args:
        path: an ``.npz``.
        inputs: the model's inputs.
        unused: inputs that the model states and does not read: their arrays are ignored.
        limit: most bytes, unpacked.

    Raises:
        InputError: no ``.npz``, an array is missing or is none of the model's, shapes that do
            not fit, different numbers of samples.
    """
    where = str(path)
    if path.is_dir() or not is_npz(path):
        raise InputError(
            f"the model has {len(inputs)} inputs, and the data are no .npz",
            where=where,
            remedy=wanted_arrays(inputs),
        )
    keys, labels = several_keys(path, inputs, unused=unused)
    wanted = {key for role, own in keys.items() for key in (*own, labels[role])}
    found = read_npz(path, wanted, limit=limit)
    parts, notes = {}, []
    for role in keys:
        arrays = {name: found[f"{name}{role}"] for name in inputs}
        fitted, said = _fitted(arrays, inputs, role, where)
        notes += said
        y = found.get(labels[role])
        if y is not None:
            y = check_labels(y, sample_count(fitted), f"{where}: {labels[role]}")
        parts[role.removeprefix("_") or "test"] = Part(fitted, y, where)
    return parts, tuple(dict.fromkeys(notes))


def several_keys(
    path: Path, inputs: Shapes, *, unused: Collection[str] = ()
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Names of the arrays of the inputs, in order, and of the labels (if there are any), for
    each set that an ``.npz`` holds: by ``""``, or ``_test`` and perhaps ``_train``.

    Raises:
        InputError: an array is missing or is none of the model's.
    """
    where = str(path)
    present = npz_names(path)
    roles = _roles(inputs, present, where)
    label = _label(inputs)
    # Those of every kind: a train set beside plain arrays is named, not overlooked.
    keys = {role: [f"{name}{role}" for name in inputs] for role in roles}
    labels = {role: f"{label}{role}" for role in roles}
    wanted = {key for role in roles for key in (*keys[role], labels[role])}
    ignored = {f"{name}{role}" for name in unused for role in _ROLES}
    extra = [name for name in present if name not in wanted | ignored]
    if extra:
        raise InputError(
            f"the array {extra[0]!r} belongs to no input of the model"
            + (f" (nor do {len(extra) - 1} others)" if extra[1:] else ""),
            where=where,
            remedy=wanted_arrays(inputs),
        )
    return keys, labels


def _batched(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, ('n', *shape)))})"


def _label(inputs: Shapes) -> str:
    """Name of the labels: an input may be called ``y`` itself."""
    return "labels" if "y" in inputs else "y"


def _roles(inputs: Shapes, present: Sequence[str], where: str) -> tuple[str, ...]:
    """Ends of the names that the file uses; every input must be there with them."""
    plain = any(name in present for name in inputs)
    split = any(f"{name}{role}" in present for name in inputs for role in _ROLES[1:])
    train = any(f"{name}_train" in present for name in inputs)
    roles: tuple[str, ...] = ("",)
    if split and not plain:
        roles = ("_train", "_test") if train else ("_test",)
    for role in roles:
        for name in inputs:
            if f"{name}{role}" not in present:
                shown = ", ".join(present[:_SHOWN]) or "nothing"
                raise InputError(
                    f"no array for input {name!r} of the model",
                    where=where,
                    why=f"{name}{role} is missing; the file holds {shown}",
                    remedy=wanted_arrays(inputs),
                )
    return roles


def _fitted(
    arrays: Mapping[str, np.ndarray], inputs: Shapes, role: str, where: str
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Arrays in the model's shapes, alike in number, and what was done to them."""
    counts = {f"{name}{role}": len(np.atleast_1d(item)) for name, item in arrays.items()}
    if len(set(counts.values())) > 1:
        raise InputError(
            "the inputs have different numbers of samples",
            where=where,
            why=", ".join(f"{name}: {count}" for name, count in counts.items()),
            remedy="give as many samples of each input; rows of the same number belong together",
        )
    fitted, notes = {}, []
    for name, item in arrays.items():
        shape = inputs[name]
        single = item.ndim == 1 and item.size > 0  # one number a sample needs no axis
        values = check_samples(item[:, None] if single else item, f"{where}: {name}{role}")
        if shape is not None:
            values, note = adapt_samples(values, shape, f"{where}: {name}{role}")
            notes += [f"{name}: {note}"] if note and not single else []
        fitted[name] = values
    return fitted, notes
