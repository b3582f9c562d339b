"""The arrays that steps hand to each other, as npz files of fixed bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwcompress.data import adapt_samples, to_real
from hwcompress.ir import Graph, IntType
from hwcompress.npz import read_npz
from hwcompress.report.convert import to_json
from hwcompress.report.facts import DataFacts

__all__ = [
    "TEST_FILE",
    "VECTORS_FILE",
    "Vectors",
    "load_arrays",
    "load_test",
    "narrow",
    "real_samples",
    "save_arrays",
    "save_result",
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


def load_test(folder: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Stored test samples of a build, and their labels."""
    arrays = load_arrays(folder / TEST_FILE)
    return arrays["x"], arrays.get("y")


def real_samples(stored: np.ndarray, facts: DataFacts, shape: tuple[int, ...]) -> np.ndarray:
    """Stored samples as the model's real input of the given shape, float32."""
    return to_real(adapt_samples(stored, shape, facts.name)[0], facts.scale)


def save_result(path: Path, facts: object) -> None:
    """What a step found, as a JSON file for people and programs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(to_json(facts), indent=1) + "\n", encoding="utf-8")


def narrow(values: np.ndarray, dtype: IntType) -> np.ndarray:
    """Integers in the smallest NumPy type that holds ``dtype``."""
    return values.astype(np.result_type(np.min_scalar_type(dtype.lo), np.min_scalar_type(dtype.hi)))


@dataclass(frozen=True, eq=False)
class Vectors:
    """Integers of all test samples: the graph's input, and each output by tensor name."""

    inputs: np.ndarray
    outputs: dict[str, np.ndarray]

    @classmethod
    def load(cls, folder: Path, graph: Graph) -> Vectors:
        """What the simulate step of a build wrote, as int64."""
        arrays = load_arrays(folder / VECTORS_FILE)
        outputs = {
            op.inputs[0]: arrays[f"output{index}"].astype(np.int64)
            for index, op in enumerate(graph.outputs)
        }
        return cls(arrays["input"].astype(np.int64), outputs)

    def save(self, folder: Path, graph: Graph) -> None:
        """Write them for :meth:`load`."""
        arrays = {"input": narrow(self.inputs, graph.inputs[0].dtype)}
        for index, (tensor, values) in enumerate(self.outputs.items()):
            arrays[f"output{index}"] = narrow(values, graph.tensors[tensor].dtype)
        save_arrays(folder / VECTORS_FILE, **arrays)

    @property
    def expected(self) -> np.ndarray:
        """The first output."""
        return next(iter(self.outputs.values()))
