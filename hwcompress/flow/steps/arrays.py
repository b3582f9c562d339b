"""The arrays that steps hand to each other, as npz files of fixed bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcompress.data import Dataset, adapt_samples, to_real
from hwcompress.ir import Graph, IntType
from hwcompress.npz import read_npz
from hwcompress.report.convert import to_json
from hwcompress.report.facts import DataFacts
from hwcompress.samples import Samples, sample_count

__all__ = [
    "TEST_FILE",
    "VECTORS_FILE",
    "Vectors",
    "fitted",
    "load_arrays",
    "load_test",
    "narrow",
    "real_samples",
    "sample_arrays",
    "save_arrays",
    "save_result",
    "save_test",
]

TEST_FILE = "data/test.npz"
VECTORS_FILE = "sim/vectors.npz"
_OWN = 1 << 40  # bytes; what a build writes itself follows from what it was given


def save_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write an npz; NumPy puts no date into it, so the same arrays give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, allow_pickle=False, **arrays)


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of an npz."""
    return read_npz(path, limit=_OWN)


def sample_arrays(stored: Samples, labels: np.ndarray | None) -> dict[str, np.ndarray]:
    """Stored samples, and labels, as they are kept in an npz: ``x``, or ``x0``, ``x1``, ... of
    several inputs (whose names may be anything), and ``y``."""
    arrays = (
        {f"x{index}": item for index, item in enumerate(stored.values())}
        if isinstance(stored, Mapping)
        else {"x": stored}
    )
    return arrays if labels is None else {**arrays, "y": labels}


def save_test(folder: Path, data: Dataset) -> None:
    """Keep the test samples of a data set for :func:`load_test`."""
    save_arrays(folder / TEST_FILE, **sample_arrays(data.x_test, data.y_test))


def load_test(folder: Path, facts: DataFacts) -> tuple[Samples, np.ndarray | None]:
    """Stored test samples of a build, and their labels."""
    arrays = load_arrays(folder / TEST_FILE)
    if len(facts.inputs) == 1:
        return arrays["x"], arrays.get("y")
    stored = {item.name: arrays[f"x{index}"] for index, item in enumerate(facts.inputs)}
    return stored, arrays.get("y")


def real_samples(stored: Samples, facts: DataFacts) -> Samples:
    """Stored samples as real ones, float32."""
    if isinstance(stored, Mapping):
        return {item.name: to_real(stored[item.name], item.scale) for item in facts.inputs}
    return to_real(stored, facts.inputs[0].scale)


def fitted(samples: Samples, graph: Graph, facts: DataFacts) -> tuple[Samples, str]:
    """Samples in the shape that the model takes, and a line for the report.

    Those of several inputs had their shapes when they were read.

    Raises:
        InputError: they do not fit.
    """
    if isinstance(samples, Mapping):
        return samples, ""
    return adapt_samples(samples, graph.inputs[0].source_shape, facts.name)


def save_result(path: Path, facts: object) -> None:
    """What a step found, as a JSON file for people and programs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(to_json(facts), indent=1) + "\n", encoding="utf-8")


def narrow(values: np.ndarray, dtype: IntType) -> np.ndarray:
    """Integers in the smallest NumPy type that holds ``dtype``."""
    return values.astype(np.result_type(np.min_scalar_type(dtype.lo), np.min_scalar_type(dtype.hi)))


@dataclass(frozen=True, eq=False)
class Vectors:
    """Integers of all test samples: each input and each output, by tensor name."""

    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]

    @classmethod
    def load(cls, folder: Path, graph: Graph) -> Vectors:
        """What the simulate step of a build wrote, as int64."""
        arrays = load_arrays(folder / VECTORS_FILE)
        inputs = {
            op.outputs[0]: arrays[f"input{index}"].astype(np.int64)
            for index, op in enumerate(graph.inputs)
        }
        outputs = {
            op.inputs[0]: arrays[f"output{index}"].astype(np.int64)
            for index, op in enumerate(graph.outputs)
        }
        return cls(inputs, outputs)

    def save(self, folder: Path, graph: Graph) -> None:
        """Write them for :meth:`load`."""
        arrays = {}
        for index, op in enumerate(graph.inputs):
            arrays[f"input{index}"] = narrow(self.inputs[op.outputs[0]], op.dtype)
        for index, end in enumerate(graph.outputs):
            tensor = end.inputs[0]
            arrays[f"output{index}"] = narrow(self.outputs[tensor], graph.tensors[tensor].dtype)
        save_arrays(folder / VECTORS_FILE, **arrays)

    @property
    def count(self) -> int:
        """Number of samples."""
        return sample_count(self.inputs)

    def feeds(self, rows: slice) -> dict[str, np.ndarray]:
        """Some samples of each input."""
        return {name: values[rows] for name, values in self.inputs.items()}

    @property
    def expected(self) -> np.ndarray:
        """The first output."""
        return next(iter(self.outputs.values()))
