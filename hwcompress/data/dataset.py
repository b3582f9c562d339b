"""Labelled samples, split into training and test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hwcompress.errors import InputError
from hwcompress.samples import Samples, sample_count, sample_shapes

__all__ = ["Dataset", "check_labels", "check_samples", "stratified_split", "to_real"]

_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples as they are stored, with what they mean.

    Args:
        name: for titles and reports.
        x_train: training samples ``(n, *shape)``, possibly none; of a model with several
            inputs by their names, in the model's order.
        y_train: their labels, int64 ``(n,)``, or ``None``.
        x_test: test samples ``(m, *shape)``, at least one, likewise.
        y_test: their labels, or ``None``.
        scale: real value of one stored step: ``real = stored * scale``; of each input by
            its name.
        notes: how samples were scaled and split, for the report.
    """

    name: str
    x_train: Samples
    y_train: np.ndarray | None
    x_test: Samples
    y_test: np.ndarray | None
    scale: float | Mapping[str, float] = 1.0
    notes: tuple[str, ...] = ()

    @property
    def sample_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of one sample as stored, of each input; a single one has the name ``""``."""
        return sample_shapes(self.x_test)

    @property
    def train_count(self) -> int:
        """Number of training samples."""
        return sample_count(self.x_train)

    @property
    def test_count(self) -> int:
        """Number of test samples."""
        return sample_count(self.x_test)

    @property
    def classes(self) -> int | None:
        """Number of classes, as far as the labels tell."""
        labels = [y for y in (self.y_train, self.y_test) if y is not None and y.size]
        return 1 + max(int(y.max()) for y in labels) if labels else None

    def real_train(self) -> Samples:
        """Training samples as the model takes them, float32."""
        return self.real(self.x_train)

    def real_test(self) -> Samples:
        """Test samples as the model takes them, float32."""
        return self.real(self.x_test)

    def real(self, stored: Samples) -> Samples:
        """Stored samples as the model takes them, float32."""
        if isinstance(stored, Mapping):
            assert isinstance(self.scale, Mapping)
            return {name: to_real(item, self.scale[name]) for name, item in stored.items()}
        assert not isinstance(self.scale, Mapping)
        return to_real(stored, self.scale)


def to_real(stored: np.ndarray, scale: float) -> np.ndarray:
    """``stored * scale``, computed in float64 and rounded once to float32.

    A scale that is the reciprocal of an integer, such as 1/255, divides by
    that integer, which is what image pipelines do and what rounds best.
    """
    if scale == 1.0:
        return np.ascontiguousarray(stored, np.float32)
    divisor = round(1.0 / scale) if scale < 1 else 0
    real = stored.astype(np.float64)
    real = real / divisor if divisor and 1.0 / divisor == scale else real * scale
    return np.ascontiguousarray(real, np.float32)


def check_samples(x: np.ndarray, where: str, first: int = 0) -> np.ndarray:
    """Samples that can be used: numbers, at least one, all finite.

    Args:
        x: samples ``(n, *shape)``.
        where: the name to complain with.
        first: index of the first of them in the whole set.

    Raises:
        InputError: what is wrong, with the first position.
    """
    if x.dtype.kind not in "biuf":
        raise InputError(f"samples of dtype {x.dtype} are no numbers", where=where)
    if x.ndim == 0:
        raise InputError(
            "a single number",
            where=where,
            remedy="the first axis counts samples, the others are the sample: (n, features)",
        )
    if x.shape[0] == 0:
        raise InputError("the data set is empty", where=where, remedy="give at least one sample")
    if x.ndim == 1 or 0 in x.shape:
        raise InputError(
            f"samples of shape {x.shape}",
            where=where,
            remedy="the first axis counts samples, the others are the sample: (n, features)",
        )
    if x.dtype.kind == "f":
        bad = ~np.isfinite(x)
        count = int(bad.sum())
        if count:
            place = tuple(int(index) for index in np.argwhere(bad)[0])
            kinds = "NaN" if np.isnan(x).sum() == count else "NaN or infinite"
            raise InputError(
                f"{count} of {x.size} values are {kinds}",
                where=where,
                why=f"the first in sample {first + place[0]}, position {place[1:]}, is {x[place]}",
                remedy="remove or replace them",
            )
        if x.dtype.itemsize > 4 and np.abs(x).max() > _LARGEST:
            place = tuple(int(index) for index in np.argwhere(np.abs(x) > _LARGEST)[0])
            raise InputError(
                f"{x[place]:.4g} in sample {first + place[0]}, position {place[1:]}, is too large",
                where=where,
                why="models take samples in float32",
                remedy="divide the samples by a constant, or leave this one out",
            )
    return x.astype(np.uint8) if x.dtype.kind == "b" else x


def check_labels(
    y: np.ndarray, samples: int, where: str, classes: int | None = None, first: int = 0
) -> np.ndarray:
    """Labels as int64 ``(samples,)``; ``first`` is the index of the first one in the whole set.

    Raises:
        InputError: another number than samples, not integers, negative, or
            not below ``classes``.
    """
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise InputError(
            f"labels of shape {y.shape}",
            where=where,
            remedy="give one class number per sample (argmax of one-hot labels)",
        )
    if y.shape[0] != samples:
        raise InputError(f"{samples} samples but {y.shape[0]} labels", where=where)
    integral = y.dtype.kind in "biu" or (
        y.dtype.kind == "f" and bool(np.all(np.isfinite(y)) and np.all(y == np.rint(y)))
    )
    if not integral:
        raise InputError(
            f"labels of dtype {y.dtype} are not integers",
            where=where,
            remedy="number the classes from 0, or leave the labels out",
        )
    labels = y.astype(np.int64)
    allowed = f"0..{classes - 1}" if classes is not None else "0 and above"
    wrong = np.flatnonzero((labels < 0) | (labels >= (2**31 if classes is None else classes)))
    if wrong.size:
        raise InputError(
            f"label {labels[wrong[0]]} of sample {first + wrong[0]} is out of range",
            where=where,
            why=f"allowed are {allowed}",
        )
    return labels


def stratified_split(y: np.ndarray, test_share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of training and test samples, each ascending, with every class in proportion.

    A class with one sample stays in training; every other class is in both.
    The split depends on ``y`` and ``seed`` only.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    test = np.zeros(y.shape[0], bool)
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        if members.size > 1:
            count = min(max(round(members.size * test_share), 1), members.size - 1)
            test[random.permutation(members)[:count]] = True
    return np.flatnonzero(~test), np.flatnonzero(test)
