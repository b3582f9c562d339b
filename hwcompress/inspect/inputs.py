"""The samples that the user names, fitted to a model's inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcompress.data import adapt_samples, check_samples, load_dataset, to_real
from hwcompress.errors import InputError
from hwcompress.frontend.float64 import Samples
from hwcompress.frontend.onnx_model import read_onnx
from hwcompress.npz import npz_names, read_npz

__all__ = ["GivenData", "read_data", "sample_shapes"]


@dataclass(frozen=True, eq=False)
class GivenData:
    """Real float32 samples, of several inputs by name, with labels if there are some."""

    name: str
    samples: Samples
    labels: np.ndarray | None
    notes: tuple[str, ...]

    @property
    def count(self) -> int:
        """Number of samples."""
        values = self.samples
        return len(next(iter(values.values())) if isinstance(values, Mapping) else values)

    def first(self, count: int) -> GivenData:
        """The first samples only."""
        values = self.samples
        cut: Samples = (
            {name: item[:count] for name, item in values.items()}
            if isinstance(values, Mapping)
            else values[:count]
        )
        labels = None if self.labels is None else self.labels[:count]
        return GivenData(self.name, cut, labels, self.notes)


def sample_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shape of one sample of each input of an ONNX file, without the batch axis."""
    return {name: tuple(shape[1:]) for name, shape in read_onnx(path).inputs.items()}


def read_data(file: str, scale: float | None, shapes: Mapping[str, tuple[int, ...]]) -> GivenData:
    """The samples of a data file.

    Args:
        file: what :func:`hwcompress.data.load_dataset` takes; for a model
            with several inputs an ``.npz`` with an array for each.
        scale: real value of one step of integer samples, or ``None``.
        shapes: of a sample, by the name of the input.

    Raises:
        InputError: the file is missing, damaged, or does not fit the model.
    """
    if len(shapes) > 1:
        return _several(file, scale, shapes)
    data = load_dataset(file, scale=scale)
    ((_, shape),) = shapes.items()
    fitted, note = adapt_samples(data.x_test, shape, data.name)
    notes = (*data.notes, *((note,) if note else ()))
    return GivenData(data.name, to_real(fitted, data.scale), data.y_test, notes)


def _several(file: str, scale: float | None, shapes: Mapping[str, tuple[int, ...]]) -> GivenData:
    path = Path(file)
    if not path.is_file():
        raise InputError(f"there is no file {file!r}", remedy="correct --data")
    arrays = _arrays(path, shapes)
    samples = {}
    for name, shape in shapes.items():
        where = f"{file}: {name}"
        fitted, _ = adapt_samples(check_samples(arrays[name], where), shape, where)
        plain = fitted.dtype.kind == "f" or scale is None
        samples[name] = to_real(fitted, 1.0 if plain or scale is None else scale)
    counts = {name: len(item) for name, item in samples.items()}
    if len(set(counts.values())) > 1:
        raise InputError(
            "the inputs have different numbers of samples",
            where=file,
            why=", ".join(f"{name}: {count}" for name, count in counts.items()),
        )
    return GivenData(path.name, samples, None, ())


def _arrays(path: Path, names: Sequence[str] | Mapping[str, object]) -> dict[str, np.ndarray]:
    present, found = npz_names(path), read_npz(path, names)
    missing = [name for name in names if name not in found]
    if missing:
        raise InputError(
            f"no array for input {missing[0]!r} of the model",
            where=str(path),
            why=f"the file holds {', '.join(present[:20]) or 'nothing'}",
            remedy=f"name the arrays {', '.join(names)}",
        )
    return found
