"""The samples of a comparison, block by block, as the graph and as its source see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hwcompress.data import Chunk, SampleStream
from hwcompress.errors import InputError
from hwcompress.flow.model_inputs import onnx_inputs
from hwcompress.frontend import Imported
from hwcompress.frontend.check import encoded, source_samples
from hwcompress.inspect.draw import Drawn
from hwcompress.inspect.inputs import GivenData, shaped
from hwcompress.ir import Graph, Input
from hwcompress.levels.level import Block
from hwcompress.samples import Samples, sample_rows, stacked

__all__ = ["Feeds", "IntegerFeeds", "RealFeeds", "StreamFeeds"]


class Feeds(Protocol):
    """Where samples come from."""

    @property
    def count(self) -> int:
        """How many there are."""

    def block(self, start: int, stop: int) -> Block:
        """Samples ``start ... stop - 1``."""

    def fed(self, indices: Sequence[int]) -> Samples:
        """Some samples as the source sees them, not necessarily one behind the other."""


@dataclass(frozen=True, eq=False)
class RealFeeds:
    """Real samples, read or drawn, of which the graph's integers are made."""

    imported: Imported
    source: GivenData | Drawn
    count: int

    def block(self, start: int, stop: int) -> Block:
        if isinstance(self.source, Drawn):
            samples = self.source.block(start, stop - start)
        else:
            samples = sample_rows(self.source.samples, slice(start, stop))
        return Block(start, encoded(self.imported, samples), source_samples(self.imported, samples))

    def fed(self, indices: Sequence[int]) -> Samples:
        if isinstance(self.source, Drawn):
            rows = stacked([self.source.block(index, 1) for index in indices])
        else:
            rows = sample_rows(self.source.samples, np.asarray(indices, np.int64))
        return source_samples(self.imported, rows)


class StreamFeeds:
    """Real samples in files that need not fit the memory.

    Args:
        imported: the model.
        stream: the samples; blocks are taken from the first one on.
    """

    def __init__(self, imported: Imported, stream: SampleStream) -> None:
        assert stream.count is not None
        self.imported = imported
        self.count = stream.count
        self._stream = stream
        self._shapes = onnx_inputs(imported.model.path).shapes
        self._chunks: Iterator[Chunk] | None = None
        self._size = 0

    def block(self, start: int, stop: int) -> Block:
        if self._chunks is None:
            self._size = stop - start
            self._chunks = self._stream.chunks(self._size)
        chunk = next(self._chunks)
        assert chunk.start == start
        samples = sample_rows(self._real(chunk), slice(stop - start))
        return Block(start, encoded(self.imported, samples), source_samples(self.imported, samples))

    def fed(self, indices: Sequence[int]) -> Samples:
        """Goes through the files again, as far as needed."""
        wanted = np.asarray(indices, np.int64)
        found: dict[int, Samples] = {}
        chunks = self._stream.chunks(max(self._size, 1))
        for chunk in chunks:
            samples = self._real(chunk)
            for index in wanted[(wanted >= chunk.start) & (wanted < chunk.start + chunk.count)]:
                row = int(index) - chunk.start
                found[int(index)] = sample_rows(samples, slice(row, row + 1))
            if chunk.start + chunk.count > wanted.max():
                break
        chunks.close()
        rows = stacked([found[int(index)] for index in wanted])
        return source_samples(self.imported, rows)

    def _real(self, chunk: Chunk) -> Samples:
        samples, _ = shaped(self._stream.real(chunk.samples), self._shapes, self._stream.name)
        return samples


@dataclass(frozen=True, eq=False)
class IntegerFeeds:
    """Integers of the graph's inputs; the real samples that they stand for, if a source needs
    them.

    Args:
        graph: the graph.
        integers: ``(n, *shape)`` of each input tensor, inside its type.
        imported: the model, if a level is the source in floating point.
    """

    graph: Graph
    integers: Mapping[str, np.ndarray]
    imported: Imported | None = None

    def __post_init__(self) -> None:
        for op in self.graph.inputs:
            values = self.integers[op.outputs[0]]
            if not op.dtype.contains(values):
                raise InputError(
                    f"values {values.min()}..{values.max()} are not all of type {op.dtype}",
                    where=f"input {op.outputs[0]!r}",
                )

    @property
    def count(self) -> int:
        return len(next(iter(self.integers.values())))

    def block(self, start: int, stop: int) -> Block:
        feeds = {name: values[start:stop] for name, values in self.integers.items()}
        return Block(start, feeds, None if self.imported is None else self._fed(feeds))

    def fed(self, indices: Sequence[int]) -> Samples:
        rows = np.asarray(indices, np.int64)
        return self._fed({name: values[rows] for name, values in self.integers.items()})

    def _fed(self, feeds: Mapping[str, np.ndarray]) -> Samples:
        imported = self.imported
        assert imported is not None
        ops = {op.outputs[0]: op for op in self.graph.inputs}
        inputs = {
            imported.inputs[name]: _decoded(ops[name], values) for name, values in feeds.items()
        }
        count = len(next(iter(feeds.values())))
        for name, shape in imported.model.inputs.items():  # what the graph does not need
            inputs.setdefault(name, np.zeros((count, *shape[1:])))
        samples: Samples = next(iter(inputs.values())) if len(inputs) == 1 else inputs
        again = encoded(imported, samples)
        for name, values in feeds.items():
            if not np.array_equal(again[name], values):
                raise InputError(
                    f"the integers of input {name!r} are what no real sample becomes",
                    remedy="compare the source on --data or --random",
                )
        return source_samples(imported, samples)


def _decoded(op: Input, values: np.ndarray) -> np.ndarray:
    if op.boundaries is not None:
        raise InputError(
            f"input {op.outputs[0]!r} has boundaries between real values, so that its integers"
            " stand for no single number",
            remedy="compare the source on --data or --random",
        )
    return op.decode(values)
