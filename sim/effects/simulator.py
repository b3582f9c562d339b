"""The simulator of a graph with effects of hardware: narrow registers, and faults."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

import hwcompress.sim.simulator  # noqa: F401  (register handlers)
from hwcompress.errors import InputError
from hwcompress.ir import Graph, Input, Op, Output, Reshape
from hwcompress.ir.reference import as_feeds
from hwcompress.sim.calls import inputs_by_name, known_tensors, processors, share_blocks
from hwcompress.sim.effects.accumulators import SUMS, Accumulators, SumCounter
from hwcompress.sim.effects.activations import TensorFlips, flipped_tensors
from hwcompress.sim.effects.faults import Faults, Flip
from hwcompress.sim.effects.layers import Watch
from hwcompress.sim.effects.memories import faulty_ops
from hwcompress.sim.effects.plan import make_plan
from hwcompress.sim.effects.streams import stream_types
from hwcompress.sim.plan import SIM
from hwcompress.sim.storage import storage_dtype

__all__ = ["EffectSimulator"]

_BLOCK_BYTES = 1 << 21
_LEAST_LANES, _MOST_LANES = 16, 2048


class EffectSimulator:
    """Runs a graph as hardware would with given accumulators, and with faults.

    Without either it equals :class:`hwcompress.sim.Simulator` in every integer, but is slower.
    Definitions are in docs/effects.md. Samples are run in blocks, so memory is bounded beyond
    inputs and results.

    Args:
        graph: the graph.
        accumulators: registers of the layers that add up.
        faults: bits that flip.
        threads: worker threads; by default the processors this process may use.
        batch: samples per block; by default so many that the largest layer fits a cache.

    Raises:
        InputError: an option is not positive, a name or a flip does not fit the graph.
        UnsupportedError: the simulator lacks an operation of the graph.
        GraphError: with faults integers might reach 2**62.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        accumulators: Accumulators | None = None,
        faults: Faults | None = None,
        threads: int | None = None,
        batch: int | None = None,
    ) -> None:
        for name, value in (("threads", threads), ("batch", batch)):
            if value is not None and value < 1:
                raise InputError(f"{name} {value} is not positive", where="simulator with effects")
        for op in graph.layers:
            SIM.handler(op)
        self.graph = graph
        self.accumulators = accumulators or Accumulators()
        self.faults = faults or Faults()
        self.threads = threads or processors()
        bits = self.accumulators.by_layer(graph)
        self._wires = stream_types(graph, bits)
        ops, memory_flips = faulty_ops(graph, self.faults, self._wires)
        self._memory_flips = tuple(memory_flips)
        flipped = flipped_tensors(graph, self.faults)
        self._plan = make_plan(graph, ops, self._wires, bits, self.accumulators.overflow, flipped)
        self._flips = {
            name: TensorFlips.make(name, self._wires[name], graph, self.faults) for name in flipped
        }
        self.batch = batch or self._lanes()
        self._reads = Counter(source for op in graph.ops for source in op.inputs)
        self._lock = threading.Lock()
        self._counters: dict[str, SumCounter] = {}
        self.reset_counters()

    @property
    def counters(self) -> dict[str, SumCounter]:
        """Of every layer that adds up, over all calls since the last reset."""
        with self._lock:
            return dict(self._counters)

    def reset_counters(self) -> None:
        """Count from zero again."""
        given = self.accumulators.by_layer(self.graph)
        with self._lock:
            self._counters = {
                op.name: SumCounter(
                    op.name,
                    given.get(op.name, self._wires[op.outputs[0]].bits),
                    self.accumulators.overflow if op.name in given else "wrap",
                )
                for op in self.graph.layers
                if isinstance(op, SUMS)
            }

    def flips(self, samples: int = 0, start: int = 0) -> tuple[Flip, ...]:
        """Every flip that takes effect: of memories, and of tensors in some samples.

        Given back as ``Faults(flips=...)``, they have the same effect.

        Args:
            samples: how many samples' flips.
            start: number of the first one.
        """
        found = list(self._memory_flips)
        for name, flips in self._flips.items():
            found += flips.listed(name, samples, start)
        return tuple(found)

    def __call__(
        self, inputs: np.ndarray | Mapping[str, np.ndarray], start: int = 0
    ) -> np.ndarray | dict[str, np.ndarray]:
        """Output integers, by tensor name if the graph has several outputs."""
        values = self.outputs(inputs, start)
        return next(iter(values.values())) if len(values) == 1 else values

    def outputs(
        self, inputs: np.ndarray | Mapping[str, np.ndarray], start: int = 0
    ) -> dict[str, np.ndarray]:
        """Output integers by tensor name, int64 ``(n, *shape)``.

        Args:
            inputs: as of :class:`hwcompress.sim.Simulator`.
            start: number of the first sample, where a data set comes in parts: faults of
                activations differ from sample to sample.
        """
        return self._run(inputs, [op.inputs[0] for op in self.graph.outputs], start)

    def trace(
        self,
        inputs: np.ndarray | Mapping[str, np.ndarray],
        tensors: Iterable[str] | None = None,
        start: int = 0,
    ) -> dict[str, np.ndarray]:
        """Integers of the named tensors (default: all), with their flips, int64 ``(n, *shape)``.

        Raises:
            InputError: a name is no tensor of the graph, or the inputs are wrong.
        """
        return self._run(inputs, known_tensors(self.graph, tensors), start)

    def _lanes(self) -> int:
        """Samples of a block: the inputs and outputs of the largest layer fit a cache."""
        sizes = {
            name: tensor.type.size * storage_dtype(self._plan.held[name]).itemsize
            for name, tensor in self.graph.tensors.items()
        }
        largest = max(
            sum(sizes[name] for name in (*op.inputs, *op.outputs)) for op in self.graph.ops
        )
        return min(_MOST_LANES, max(_LEAST_LANES, _BLOCK_BYTES // largest))

    def _run(
        self,
        inputs: np.ndarray | Mapping[str, np.ndarray],
        wanted: Sequence[str],
        start: int,
    ) -> dict[str, np.ndarray]:
        if start < 0:
            raise InputError(f"the first sample has the number {start}", remedy="count from 0")
        feeds = inputs_by_name(self.graph, inputs)
        total = len(next(iter(feeds.values())))
        results = {
            name: np.empty((total, *self.graph.tensors[name].shape), np.int64)
            for name in dict.fromkeys(wanted)
        }
        # A small batch is shared among the threads, too.
        size = max(1, min(self.batch, -(-total // self.threads)))
        share_blocks(
            lambda starts: self._work(feeds, results, starts, size, start),
            total,
            size,
            self.threads,
        )
        return results

    def _work(
        self,
        feeds: Mapping[str, np.ndarray],
        results: Mapping[str, np.ndarray],
        starts: Iterator[int],
        size: int,
        offset: int,
    ) -> None:
        """One thread: take blocks until there are none."""
        watch = Watch()
        for first in starts:
            part = slice(first, first + size)
            block = as_feeds(self.graph, {name: values[part] for name, values in feeds.items()})
            self._block(block, results, part, offset + first, watch)
        with self._lock:
            for layer, tally in watch.tallies.items():
                self._counters[layer] = self._counters[layer].plus(tally)

    def _block(
        self,
        feeds: Mapping[str, np.ndarray],
        results: Mapping[str, np.ndarray],
        part: slice,
        first: int,
        watch: Watch,
    ) -> None:
        """All operations for some samples; a tensor is kept until its last reader is done."""
        rows: dict[str, np.ndarray] = {}
        reads = dict(self._reads)
        lanes = len(next(iter(feeds.values())))
        for op in self.graph.ops:
            made = self._outputs(op, feeds, rows, lanes, watch)
            for name, values in zip(op.outputs, made, strict=True):
                rows[name] = self._finish(op, name, values, first)
                if name in results:
                    results[name][part] = rows[name].T.reshape(lanes, *results[name].shape[1:])
            for name in op.inputs:
                reads[name] -= 1
                if reads[name] == 0:
                    del rows[name]

    def _outputs(
        self,
        op: Op,
        feeds: Mapping[str, np.ndarray],
        rows: Mapping[str, np.ndarray],
        lanes: int,
        watch: Watch,
    ) -> list[np.ndarray]:
        if isinstance(op, Input):
            values = feeds[op.outputs[0]].reshape(lanes, -1).T
            return [np.ascontiguousarray(values, storage_dtype(op.dtype))]
        if isinstance(op, Output):
            return []
        return self._plan.layers[op.name].run([rows[name] for name in op.inputs], lanes, watch)

    def _finish(self, op: Op, name: str, values: np.ndarray, first: int) -> np.ndarray:
        """A tensor as it is read: with its flips."""
        if name not in self._flips:
            return values
        dtype = storage_dtype(self._plan.held[name])
        # A Reshape's result is its input's array, which others may read.
        values = values.astype(dtype, copy=values.dtype != dtype or isinstance(op, Reshape))
        self._flips[name].apply(values, first)
        return values
