"""Where the integers of a run come from: stored samples, or drawn ones."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from hwcompress.data import SampleStream
from hwcompress.errors import InputError
from hwcompress.ir import Graph
from hwcompress.running.encode import Encoder
from hwcompress.samples import named
from hwcompress.sim.real_input import feed_dtype

__all__ = ["DrawnSource", "Fed", "Source", "StoredSource"]


@dataclass(frozen=True, eq=False)
class Fed:
    """Integers ``(n, *shape)`` by input tensor; the index of the first sample; labels."""

    start: int
    feeds: dict[str, np.ndarray]
    labels: np.ndarray | None

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(next(iter(self.feeds.values())))


class Source(ABC):
    """Samples as integers.

    Attributes:
        name: for titles.
        count: of samples; ``None`` where only the end tells.
        labelled: whether labels come with them.
        notes: for the report.
        bytes_per_sample: that a sample of a chunk takes.
        fixed_bytes: that a chunk of any size takes.
    """

    name: str
    count: int | None
    labelled: bool
    notes: tuple[str, ...]
    bytes_per_sample: int
    fixed_bytes: int

    @abstractmethod
    def chunks(self, size: int) -> Iterator[Fed]:
        """All samples, at most ``size`` at a time."""


class StoredSource(Source):
    """Samples of a stream, encoded.

    Args:
        graph: the graph.
        inputs: the name of each input tensor in the data; one input may have any.
        stream: the samples.
        threads: for encoding.

    Raises:
        InputError: an input has no samples, or samples of another shape.
    """

    def __init__(
        self, graph: Graph, inputs: Mapping[str, str], stream: SampleStream, threads: int
    ) -> None:
        self._stream = stream
        self._single = "" in stream.shapes
        self.name, self.count = stream.name, stream.count
        self.labelled, self.notes = stream.labelled, stream.notes
        self._names = {}
        self._encoders = {}
        self.bytes_per_sample, self.fixed_bytes = 0, 0
        for op in graph.inputs:
            tensor = op.outputs[0]
            name = "" if self._single else inputs[tensor]
            if name not in stream.shapes or (self._single and len(graph.inputs) > 1):
                raise InputError(
                    f"no samples for input {inputs[tensor]!r} of the model",
                    where=stream.name,
                    remedy="give an .npz with an array named after each input",
                )
            self._names[tensor] = name
            where = f"{stream.name}: {name}" if name else stream.name
            encoder = Encoder(op, stream.scales[name], where, threads)
            # An empty array shows whether the shape fits, before any work.
            encoder(np.empty((0, *stream.shapes[name]), stream.dtypes[name]))
            self._encoders[tensor] = encoder
            self.fixed_bytes = max(self.fixed_bytes, encoder.fixed_bytes)
            size = math.prod(op.source_shape)
            # The next chunk is read while this one is still held, and checked for NaN.
            stored = 2 * stream.dtypes[name].itemsize + 2
            self.bytes_per_sample += size * (stored + 2 * feed_dtype(op).itemsize) + 16

    def chunks(self, size: int) -> Iterator[Fed]:
        for chunk in self._stream.chunks(size):
            samples = named(chunk.samples, ("",))
            feeds = {
                tensor: self._encoders[tensor](samples[name])
                for tensor, name in self._names.items()
            }
            yield Fed(chunk.start, feeds, chunk.labels)


class DrawnSource(Source):
    """Uniform over the integers of each input, the same for the same seed whatever the chunks.

    Args:
        graph: the graph.
        count: of samples.
        seed: of the generator.
    """

    def __init__(self, graph: Graph, count: int, seed: int) -> None:
        self._graph = graph
        self._seed = seed
        self.name, self.count, self.labelled = "random", count, False
        self.notes = tuple(
            f"input {op.name!r}: uniform over the {op.dtype.count:,} values of {op.dtype},"
            f" seed {seed}"
            for op in graph.inputs
        )
        self.bytes_per_sample = sum(
            math.prod(op.shape) * (24 + 2 * feed_dtype(op).itemsize) for op in graph.inputs
        )
        self.fixed_bytes = 0

    def chunks(self, size: int) -> Iterator[Fed]:
        assert self.count is not None
        generators = [
            np.random.default_rng((self._seed, number)) for number in range(len(self._graph.inputs))
        ]
        for start in range(0, self.count, size):
            rows = min(size, self.count - start)
            feeds = {}
            for op, generator in zip(self._graph.inputs, generators, strict=True):
                levels = generator.integers(0, op.dtype.count, (rows, *op.shape))
                levels *= op.dtype.step
                levels += op.dtype.lo
                feeds[op.outputs[0]] = levels.astype(feed_dtype(op))
            yield Fed(start, feeds, None)
