"""The data sets of bits_table.py: how they are read and scaled, and which network they get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from torch import nn

from hwcompress.data import load_dataset

__all__ = ["TASKS", "Samples", "Task", "network"]

_REACH = 4.0
"""Standardised values beyond this are clipped: few are, and eight bits are left for the rest."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Scaled samples float32 ``(n, features)``, labels int64 ``(n,)``."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    def first(self, count: int) -> Samples:
        """So many of the training set and of the test set, spread evenly over each."""
        train, test = (
            np.linspace(0, len(labels) - 1, min(count, len(labels))).astype(np.int64)
            for labels in (self.y, self.y_test)
        )
        return Samples(self.x[train], self.y[train], self.x_test[test], self.y_test[test])


@dataclass(frozen=True)
class Task:
    """A data set and its network.

    Attributes:
        key: in files and options.
        title: for people.
        file: below the folder of the data.
        sizes: of the layers, features first, classes last.
        classes: names.
        scaling: how values are made out of those of the file, for people.
        scale: ``(training values, values) -> values``, by what the training set says.
        epochs, rate: of the training in float, and of that of each width.
    """

    key: str
    title: str
    file: str
    sizes: tuple[int, ...]
    classes: tuple[str, ...]
    scaling: str
    scale: Callable[[np.ndarray, np.ndarray], np.ndarray]
    epochs: int = 20
    rate: float = 1e-2

    def load(self, folder: Path) -> Samples:
        """All of it."""
        data = load_dataset(folder / self.file, training=True)
        train, test = data.x_train, data.x_test
        assert isinstance(train, np.ndarray) and isinstance(test, np.ndarray)
        assert data.y_train is not None and data.y_test is not None
        return Samples(
            self.scale(train, train).astype(np.float32),
            data.y_train.astype(np.int64),
            self.scale(train, test).astype(np.float32),
            data.y_test.astype(np.int64),
        )


def _standardised(train: np.ndarray, values: np.ndarray) -> np.ndarray:
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    return np.clip((values - mean) / deviation, -_REACH, _REACH)


def _bytes(train: np.ndarray, values: np.ndarray) -> np.ndarray:
    return values / np.float32(255)


def _beats(train: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Each beat without its median (the electrode's offset), in parts of its peak."""
    centred = values - np.median(values, axis=1, keepdims=True)
    peak = np.abs(centred).max(axis=1, keepdims=True)
    return np.asarray(centred / np.maximum(peak, 1))


TASKS = (
    Task(
        "magic",
        "MAGIC gamma telescope",
        "magic_gamma/magic_gamma.npz",
        (10, 32, 32, 2),
        ("gamma", "hadron"),
        "each feature standardised by the training set, clipped at 4 deviations",
        _standardised,
    ),
    Task(
        "nsl-kdd",
        "NSL-KDD",
        "nsl_kdd/nsl_kdd.npz",
        (119, 64, 32, 5),
        ("normal", "dos", "probe", "r2l", "u2r"),
        "bytes of the file / 255",
        _bytes,
    ),
    Task(
        "mit-bih",
        "MIT-BIH ECG beats",
        "mitbih_ecg/mitbih_beats.npz",
        (128, 64, 32, 5),
        ("N", "S", "V", "F", "Q"),
        "each beat less its median, divided by its largest magnitude",
        _beats,
        epochs=8,
        rate=2e-3,
    ),
)


def network(sizes: tuple[int, ...]) -> nn.Module:
    """Linear layers, batch norm and ReLU between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes[:-1]):
        layers += [nn.Linear(before, after, bias=False), nn.BatchNorm1d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))
