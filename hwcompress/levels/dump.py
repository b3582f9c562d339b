"""Dumps: ``.npz`` files with the integers of each tensor, ``(samples, ...)``, read in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from hwcompress.data.rows import RowReader, StoredArray, npz_arrays
from hwcompress.errors import InputError
from hwcompress.ir import Graph
from hwcompress.levels.integers import as_integers, sample_shape
from hwcompress.npz import npz_names

__all__ = ["Dump"]


class Dump:
    """The arrays of an ``.npz``, a block of samples at a time, in order.

    Args:
        path: the file. Python objects in it are never loaded.
        graph: whose tensors the arrays are; flat samples take their shapes from it. Names of its
            inputs and outputs, and ``output0``, ... as a build stores them, stand for their
            tensors. Arrays of other names are left out, if some are its tensors.

    Raises:
        InputError: the file is missing, damaged, holds Python objects, arrays of different
            numbers of samples, or shapes that the graph's tensors do not have.
    """

    def __init__(self, path: Path, graph: Graph | None = None) -> None:
        self.path = path
        where = str(path)
        if not path.is_file():
            raise InputError(f"there is no file {where!r}")
        names = npz_names(path)
        meant = {} if graph is None else _meant(names, graph)
        stored = npz_arrays(path, list(meant) or names)
        self._arrays = {meant.get(name, name): array for name, array in stored.items()}
        if not self._arrays:
            raise InputError("the file holds no array", where=where)
        self.shapes = {
            name: sample_shape(array.shape, name, graph, where)
            for name, array in self._arrays.items()
        }
        self.count = _count(self._arrays, where)
        self._readers: dict[str, RowReader] = {}
        self._at = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for reader in self._readers.values():
            reader.close()

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the arrays, in the order of the file; of those the graph has, if it has any."""
        return tuple(self._arrays)

    def read(self, tensors: Sequence[str], count: int) -> dict[str, np.ndarray]:
        """The next samples of some tensors, int64 ``(count, *shape)``.

        Args:
            tensors: always the same ones.
            count: of samples that are left.

        Raises:
            InputError: the file is damaged there, or holds something else than integers.
        """
        found = {}
        for name in tensors:
            if name not in self._readers:
                self._readers[name] = RowReader([self._arrays[name]])
            rows = self._readers[name].read(count)
            values = as_integers(rows, f"{self.path}, tensor {name!r}", self._at)
            found[name] = values.reshape(len(rows), *self.shapes[name])
        self._at += count
        return found


def _meant(names: Sequence[str], graph: Graph) -> dict[str, str]:
    """The tensor of the graph that each name stands for; names of none are left out."""
    ends = {op.name: op.outputs[0] for op in graph.inputs}
    ends |= {op.name: op.inputs[0] for op in graph.outputs}
    for number, op in enumerate(graph.inputs):
        ends.setdefault(f"input{number}", op.outputs[0])
    for number, end in enumerate(graph.outputs):
        ends.setdefault(f"output{number}", end.inputs[0])
    found = {name: name for name in names if name in graph.tensors}
    for name in names:
        if name in ends and name not in found and ends[name] not in found.values():
            found[name] = ends[name]
    return found


def _count(arrays: dict[str, StoredArray], where: str) -> int:
    counts: dict[int, str] = {}
    for name, array in arrays.items():
        counts.setdefault(array.count, name)
    if len(counts) > 1:
        (first, one), (second, other) = list(counts.items())[:2]
        raise InputError(
            f"tensor {one!r} has {first:,} samples, tensor {other!r} {second:,}",
            where=where,
            why="samples lie along the first axis of every array",
        )
    (count,) = counts
    if not count:
        raise InputError("the file holds no sample", where=where)
    return count
