"""What is kept of a run, chunk by chunk: decisions, ranges, outputs, traces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.data import check_labels
from hwcompress.errors import InputError
from hwcompress.flow.steps.accuracy import confusion
from hwcompress.ir import Graph, Range
from hwcompress.running.array_file import ArrayFile
from hwcompress.running.choice import Choice
from hwcompress.running.facts import RangeFacts, Score
from hwcompress.sim import ObservedRanges
from hwcompress.sim.decisions import class_count, decide
from hwcompress.sim.storage import storage_dtype

__all__ = ["Made", "OutputWriter", "RangeWatcher", "Rows", "ScoreKeeper", "TraceWriter", "Watcher"]


Rows = np.ndarray | slice
"""Which samples of a chunk."""


@dataclass(frozen=True, eq=False)
class Made:
    """A chunk that went through the simulator.

    Attributes:
        start: index of its first sample.
        feeds: integers of the inputs.
        values: integers ``(n, *shape)`` of the outputs, and of what watchers want.
        labels: class numbers, or ``None``.
        trace: integers of tensors for some of the samples.
    """

    start: int
    feeds: Mapping[str, np.ndarray]
    values: Mapping[str, np.ndarray]
    labels: np.ndarray | None
    trace: Callable[[Rows, Sequence[str]], Mapping[str, np.ndarray]]

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(next(iter(self.feeds.values())))


class Watcher(ABC):
    """Looks at every chunk."""

    @property
    def wanted(self) -> tuple[str, ...]:
        """Tensors that it needs of every sample, besides the outputs."""
        return ()

    @property
    def plans(self) -> int:
        """Plans of its own that it makes the simulator run."""
        return 0

    @property
    def bytes_per_sample(self) -> int:
        """Memory that it takes for each sample of a chunk."""
        return 0

    @property
    def fixed_bytes(self) -> int:
        """Memory that it takes whatever the chunk."""
        return 0

    @abstractmethod
    def add(self, made: Made) -> None:
        """The next chunk."""


def real_output(graph: Graph, number: int, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Real values of an output, float64, laid out as the source does, before what is left to
    the host."""
    op = graph.outputs[number]
    tensor = graph.tensors[op.inputs[0]]
    return op.in_source_order(tensor.affine.apply(values[tensor.name]))


class ScoreKeeper(Watcher):
    """Counts right decisions.

    Args:
        graph: the graph; its first output decides.
        where: how messages name the labels.
    """

    def __init__(self, graph: Graph, where: str) -> None:
        self._graph = graph
        self._where = where
        self._classes = class_count(graph)
        self._correct = self._samples = 0
        self._counts: np.ndarray | None = np.zeros((self._classes, self._classes), np.int64)

    @property
    def bytes_per_sample(self) -> int:
        tensor = self._graph.outputs[0].inputs[0]
        return 32 * self._graph.tensors[tensor].type.size + 40

    def add(self, made: Made) -> None:
        assert made.labels is not None
        labels = check_labels(made.labels, made.count, self._where, self._classes, made.start)
        given = decide(self._graph, real_output(self._graph, 0, made.values))
        self._samples += labels.size
        self._correct += int((given == labels).sum())
        matrix = confusion(given, labels, self._classes)
        if matrix is None or self._counts is None:
            self._counts = None
        else:
            self._counts += np.array(matrix.counts)

    def score(self) -> Score:
        """What was counted."""
        matrix = None
        if self._counts is not None:
            matrix = tuple(tuple(int(count) for count in row) for row in self._counts)
        return Score(self._correct, self._samples, matrix)


class RangeWatcher(Watcher):
    """Intervals of every tensor."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._ranges = ObservedRanges(graph)

    @property
    def wanted(self) -> tuple[str, ...]:
        return tuple(self._graph.tensors)

    def add(self, made: Made) -> None:
        self._ranges.add({name: made.values[name] for name in self._graph.tensors})

    def facts(self) -> tuple[RangeFacts, ...]:
        """A row per tensor."""
        rows = []
        for row in self._ranges.table():
            reachable = self._ranges.reachable[row.tensor]
            observed = self._ranges.observed[row.tensor]
            rows.append(
                RangeFacts(
                    row.tensor,
                    self._graph.producer(row.tensor).kind,
                    str(row.dtype),
                    row.dtype.bits,
                    (row.reachable.lo, row.reachable.hi),
                    (row.observed.lo, row.observed.hi),
                    row.unused_bits,
                    row.channels,
                    _single(reachable),
                    _single(observed),
                    _intervals(reachable),
                    _intervals(observed),
                )
            )
        return tuple(rows)


def _single(bounds: Range) -> tuple[int, ...]:
    """Channels with one value."""
    return tuple(int(channel) for channel in np.flatnonzero(bounds.lo == bounds.hi))


def _intervals(bounds: Range) -> tuple[tuple[int, int], ...]:
    return tuple((int(lo), int(hi)) for lo, hi in zip(bounds.lo, bounds.hi, strict=True))


class OutputWriter(Watcher):
    """Writes the outputs of all samples.

    Args:
        graph: the graph.
        names: of its outputs, in order.
        file: takes them.
        integers: the graph's integers, instead of the real values that the source gives.
        wide: whether integers may be beyond their tensor's type.

    Raises:
        InputError: several outputs for an ``.npy``.
    """

    def __init__(
        self,
        graph: Graph,
        names: Sequence[str],
        file: ArrayFile,
        *,
        integers: bool,
        wide: bool = False,
    ) -> None:
        if file.path.suffix == ".npy" and len(names) > 1:
            raise InputError(
                f"--out {str(file.path)!r} for a model with {len(names)} outputs",
                remedy="name an .npz, which holds an array for each",
            )
        self._graph = graph
        self._names = names
        self._file = file
        self._integers = integers
        self._wide = wide

    @property
    def bytes_per_sample(self) -> int:
        return sum(32 * self._graph.tensors[op.inputs[0]].type.size for op in self._graph.outputs)

    def add(self, made: Made) -> None:
        arrays = {}
        for number, (name, op) in enumerate(zip(self._names, self._graph.outputs, strict=True)):
            if self._integers:
                tensor = op.inputs[0]
                kind = _file_dtype(self._graph, tensor, self._wide)
                arrays[name] = made.values[tensor].astype(kind)
            else:
                arrays[name] = op.finish(real_output(self._graph, number, made.values))
        self._file.add(arrays)


class TraceWriter(Watcher):
    """Writes the integers of some tensors of some samples.

    Args:
        graph: the graph.
        tensors: their names.
        samples: which ones.
        file: takes them, an ``.npz``.
        wide: whether integers may be beyond their tensor's type.
    """

    def __init__(
        self,
        graph: Graph,
        tensors: Sequence[str],
        samples: Choice,
        file: ArrayFile,
        *,
        wide: bool = False,
    ) -> None:
        self._graph = graph
        self._tensors = tensors
        self._samples = samples
        self._file = file
        self._wide = wide

    @property
    def plans(self) -> int:
        return 1

    @property
    def bytes_per_sample(self) -> int:
        tensors = self._graph.tensors
        feeds = sum(tensors[op.outputs[0]].type.size for op in self._graph.inputs)
        return 8 * feeds + sum(16 * tensors[name].type.size for name in self._tensors)

    def add(self, made: Made) -> None:
        # Also with no row: the file has every array, whatever was chosen.
        trace = made.trace(self._samples.within(made.start, made.count), self._tensors)
        self._file.add(
            {
                name: trace[name].astype(_file_dtype(self._graph, name, self._wide))
                for name in self._tensors
            }
        )


def _file_dtype(graph: Graph, tensor: str, wide: bool) -> np.dtype:
    return np.dtype(np.int64) if wide else storage_dtype(graph.tensors[tensor].dtype)
