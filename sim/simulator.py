"""The fast, exact simulator of an integer graph."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from hwcompress.errors import InputError
from hwcompress.ir import Graph
from hwcompress.ir.reference import as_feeds
from hwcompress.sim import (  # noqa: F401  (register handlers)
    constant,
    gather,
    join,
    linear,
    pool,
    rescale,
    shape,
    table,
    threshold,
)
from hwcompress.sim.arena import Arena, Layout
from hwcompress.sim.plan import SIM, Step, rows_of

__all__ = ["Simulator"]

# A block is as long as its tensors fit a core's caches, so that the time per
# call of a kernel does not count; but no shorter than the vector loops need,
# unless its tensors are so large that memory decides.
_MAX_LANES = 1024
_GOOD_LANES = 256
_CACHE_BYTES = 2 << 20
_MEMORY_BYTES = 128 << 20


class Simulator:
    """Runs a graph on integers, equal to ``hwcompress.ir.reference`` in every integer.

    The plan (one :class:`Step` per layer, and where its tensors live) is made
    here once. A call cuts the samples into blocks; each thread takes one block
    after another through the whole plan, so that memory is bounded by
    ``threads * batch`` samples beyond inputs and outputs. A simulator may be
    used from several threads at once.

    Args:
        graph: the graph.
        threads: worker threads; by default the processors this process may use.
        batch: samples per block; by default so many that a block fits a cache.

    Raises:
        InputError: ``threads`` or ``batch`` is not positive.
        UnsupportedError: the simulator lacks an operation of the graph.
    """

    def __init__(
        self, graph: Graph, *, threads: int | None = None, batch: int | None = None
    ) -> None:
        for name, value in (("threads", threads), ("batch", batch)):
            if value is not None and value < 1:
                raise InputError(f"{name} {value} is not positive", where="simulator")
        self.graph = graph
        self.threads = threads or _processors()
        self.steps: tuple[Step, ...] = tuple(
            SIM.handler(op)(op, graph.input_types(op), graph.output_types(op))
            for op in graph.layers
        )
        rows = {name: rows_of(tensor.type) for name, tensor in graph.tensors.items()}
        self._layout = Layout.plan(graph, self.steps, rows)
        self.batch = batch or self._default_batch()

    def __call__(
        self, inputs: np.ndarray | Mapping[str, np.ndarray]
    ) -> np.ndarray | dict[str, np.ndarray]:
        """Output integers, int64 ``(n, *shape)``; by tensor name if the graph has several outputs.

        Args:
            inputs: integers ``(n, *shape)`` for a graph with one input, or one
                such array for each input tensor.

        Raises:
            InputError: as :func:`hwcompress.ir.reference.as_feeds`, or the
                inputs differ in the number of samples.
        """
        values = self.outputs(inputs)
        return next(iter(values.values())) if len(values) == 1 else values

    def outputs(self, inputs: np.ndarray | Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Output integers by tensor name, int64 ``(n, *shape)``."""
        return self._run(inputs, [op.inputs[0] for op in self.graph.outputs])

    def trace(
        self,
        inputs: np.ndarray | Mapping[str, np.ndarray],
        tensors: Iterable[str] | None = None,
    ) -> dict[str, np.ndarray]:
        """Integers of the named tensors (default: all), int64 ``(n, *shape)``.

        Raises:
            InputError: a name is no tensor of the graph, or the inputs are wrong.
        """
        wanted = list(self.graph.tensors if tensors is None else tensors)
        for name in wanted:
            if name not in self.graph.tensors:
                raise InputError(
                    f"no tensor {name!r} in {self.graph.name}",
                    remedy=f"it has {', '.join(self.graph.tensors)}",
                )
        return self._run(inputs, wanted)

    def describe(self) -> str:
        """The plan as text: one line a layer, with its kernel."""
        lines = [f"{self.graph.name}: {self.threads} threads, blocks of {self.batch} samples"]
        for op, step in zip(self.graph.layers, self.steps, strict=True):
            dtypes = ", ".join(str(rows.dtype) for rows in step.results)
            lines.append(f"  {op.kind} {op.name}: {step.kernel} -> {dtypes}")
        return "\n".join(lines) + "\n"

    def _default_batch(self) -> int:
        size = max(self._layout.bytes_per_sample, 1)
        cached = min(_MAX_LANES, _CACHE_BYTES // size)
        return max(1, cached, min(_GOOD_LANES, _MEMORY_BYTES // size))

    def _run(
        self, inputs: np.ndarray | Mapping[str, np.ndarray], wanted: Sequence[str]
    ) -> dict[str, np.ndarray]:
        feeds = _by_name(self.graph, inputs)
        samples = {len(values) for values in feeds.values()}
        if len(samples) != 1:
            raise InputError(
                f"inputs of {' and '.join(map(str, sorted(samples)))} samples",
                where=self.graph.name,
                remedy="give every input the same number of samples",
            )
        (total,) = samples
        results = {
            name: np.empty((total, *self.graph.tensors[name].shape), np.int64) for name in wanted
        }
        # A small batch is shared among the threads too.
        share = -(-total // self.threads)
        lanes = max(1, min(self.batch, max(share, _GOOD_LANES // 4), total))
        starts = iter(range(0, total, lanes))
        workers = min(self.threads, -(-total // lanes))
        if workers <= 1:
            self._work(feeds, results, starts, lanes, total)
            return results
        # The pool lives for this call only: nothing is left for a fork to break.
        with ThreadPoolExecutor(workers) as threads:
            jobs = [
                threads.submit(self._work, feeds, results, starts, lanes, total)
                for _ in range(workers)
            ]
            for job in jobs:
                job.result()
        return results

    def _work(
        self,
        feeds: Mapping[str, np.ndarray],
        results: Mapping[str, np.ndarray],
        starts: Iterator[int],
        lanes: int,
        total: int,
    ) -> None:
        """One thread: take blocks until there are none (a range iterator is thread-safe)."""
        arena = Arena(self._layout, lanes)
        for start in starts:
            stop = min(start + lanes, total)
            if stop - start != arena.lanes:
                arena = Arena(self._layout, stop - start)
            self._block(feeds, results, arena, slice(start, stop))

    def _block(
        self,
        feeds: Mapping[str, np.ndarray],
        results: Mapping[str, np.ndarray],
        arena: Arena,
        place: slice,
    ) -> None:
        """Take one block through every step, and copy what is wanted as soon as it is made."""
        tensors = arena.tensors

        def keep(names: Sequence[str]) -> None:
            for name in names:
                if name in results:
                    target = results[name][place]
                    target.reshape(arena.lanes, -1)[...] = tensors[name].T

        checked = as_feeds(self.graph, {name: values[place] for name, values in feeds.items()})
        for name, values in checked.items():
            tensors[name][...] = values.reshape(arena.lanes, -1).T
            keep([name])
        for op, step in zip(self.graph.layers, self.steps, strict=True):
            if not step.in_place:
                step.run(
                    [tensors[name] for name in op.inputs],
                    [tensors[name] for name in op.outputs],
                    arena.scratch[op.name],
                )
            keep(op.outputs)


def _processors() -> int:
    """Processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _by_name(graph: Graph, inputs: np.ndarray | Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Inputs as arrays by tensor name; all but their values is checked here."""
    if not isinstance(inputs, Mapping):
        values = np.atleast_1d(np.asarray(inputs))
        as_feeds(graph, values[:0])
        return {graph.inputs[0].outputs[0]: values}
    arrays = {name: np.atleast_1d(np.asarray(values)) for name, values in inputs.items()}
    as_feeds(graph, {name: values[:0] for name, values in arrays.items()})
    return {op.outputs[0]: arrays[op.outputs[0]] for op in graph.inputs}
