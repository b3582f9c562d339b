"""The samples that the user names, fitted to a model's inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hwcompress.data import Shapes, adapt_samples, load_dataset
from hwcompress.flow.model_inputs import ModelInputs
from hwcompress.samples import Samples, sample_count, sample_rows

__all__ = ["GivenData", "read_data", "shaped"]


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
        return sample_count(self.samples)

    def first(self, count: int) -> GivenData:
        """The first samples only."""
        cut = sample_rows(self.samples, slice(count))
        labels = None if self.labels is None else self.labels[:count]
        return GivenData(self.name, cut, labels, self.notes)


def read_data(file: str, scale: float | None, inputs: ModelInputs) -> GivenData:
    """The samples of a data file: all of one without sets, else those of the test set.

    Args:
        file: what :func:`hwcompress.data.load_dataset` takes.
        scale: real value of one step of integer samples, or ``None``.
        inputs: of the model.

    Raises:
        InputError: the file is missing, damaged, or does not fit the model.
    """
    data = load_dataset(file, inputs=inputs.shapes, unused=inputs.unused, scale=scale)
    samples, note = shaped(data.real_test(), inputs.shapes, data.name)
    return GivenData(data.name, samples, data.y_test, (*data.notes, *((note,) if note else ())))


def shaped(samples: Samples, shapes: Shapes, where: str) -> tuple[Samples, str]:
    """Samples in the shape of the model's only input, and a line on what was done to them.

    Those of several inputs had their shapes when they were read.

    Raises:
        InputError: they do not fit.
    """
    if isinstance(samples, Mapping):
        return samples, ""
    (shape,) = shapes.values()
    return (samples, "") if shape is None else adapt_samples(samples, shape, where)
