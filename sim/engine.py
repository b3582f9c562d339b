"""Runs a plan over any number of samples, in blocks that fit a cache, on some threads."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.errors import InputError
from hwcompress.ir import Graph
from hwcompress.sim.calls import share_blocks
from hwcompress.sim.words import COLUMNS, LANES, Block, make_plan
from hwcompress.sim.words.plan import refuse
from hwcompress.sim.words.program import FEEDABLE, address

__all__ = ["Engine", "Limits"]

# A block is as long as its tensors fit a core's caches, so that the time per call of a
# kernel does not count, but no longer than this.
_CACHE_BYTES = 1 << 20
_MOST_SAMPLES = 1 << 13
# Starting a thread takes a tenth of this.
_THREAD_SECONDS = 1e-3
# Seconds of a multiplication with its addition, and of an integer that is made (measured).
_PER_SUM, _PER_INTEGER = 1e-11, 1e-9


@dataclass(frozen=True)
class Limits:
    """How much is done at once.

    Attributes:
        threads: at most so many.
        batch: samples of a block, or ``None``; rounded up to whole vectors.
        memory: bytes that all blocks together may take, or ``None``.
        words: whether packed words may be used.
    """

    threads: int
    batch: int | None = None
    memory: int | None = None
    words: bool = True


class Engine:
    """One plan: a graph, with the tensors that are wanted of it.

    Args:
        graph: the graph.
        wanted: names of tensors.
        limits: threads and memory.

    Raises:
        InputError: the least block needs more memory than there is.
    """

    def __init__(self, graph: Graph, wanted: Sequence[str], limits: Limits) -> None:
        self.wanted = tuple(wanted)
        self._graph = graph
        self.plan = make_plan(graph, self.wanted, words=limits.words)
        self._shapes = {name: graph.tensors[name].shape for name in self.wanted}
        self._worth = max(1, int(_THREAD_SECONDS / _seconds(graph)))
        self.threads, self.lanes, self.groups = _sizes(
            self.plan.memory.bytes_per_sample, limits, graph.name
        )
        self._free: list[Block] = []

    @property
    def batch(self) -> int:
        """Samples of a block."""
        return self.lanes * self.groups

    def run(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Integers of the wanted tensors, int64 ``(n, *shape)``.

        Args:
            feeds: an array ``(n, *shape)`` for every input, all of one length.

        Raises:
            InputError: an integer is not of its input's type.
        """
        total = len(next(iter(feeds.values())))
        results = {
            name: np.empty((total, *shape), np.int64) for name, shape in self._shapes.items()
        }
        if total == 0:
            return results
        size = self._block_size(total)
        if total <= size:
            self._work(feeds, results, iter((0,)), size)
            return results
        share_blocks(
            lambda starts: self._work(feeds, results, starts, size), total, size, self.threads
        )
        return results

    def _block_size(self, total: int) -> int:
        """Samples of a block: threads get equal parts, if those are worth a thread."""
        if total <= LANES:
            return LANES
        rounds = -(-total // (self.batch * self.threads))
        share = -(-total // (self.threads * rounds))
        return min(self.batch, -(-min(max(share, self._worth), total) // LANES) * LANES)

    def _work(
        self,
        feeds: Mapping[str, np.ndarray],
        results: Mapping[str, np.ndarray],
        starts: Iterator[int],
        size: int,
    ) -> None:
        """One thread: take blocks until there are none."""
        block = self._block(size)
        places = np.zeros((len(feeds) + len(results), 2), np.int64)
        for start in starts:
            part = slice(start, start + size)
            number = count = 0
            for name, values in feeds.items():
                samples = block.feeds[name] = _flat(values[part])
                count = len(samples)
                places[number, 0], places[number, 1] = address(samples), FEEDABLE[samples.dtype]
                number += 1
            for name, values in results.items():
                made = block.results[name] = values[part].reshape(count, -1)
                places[number, 0] = address(made)
                number += 1
            wrong = self.plan.run(block, places, count)
            if wrong is not None:
                refuse(self._graph, wrong, block.feeds[wrong])
        block.feeds, block.results = {}, {}
        self._free.append(block)

    def _block(self, size: int) -> Block:
        """Memory for ``size`` samples; the last one used is used again if it is alike."""
        lanes = self.lanes if size >= self.lanes else LANES
        groups = -(-size // lanes)
        try:
            block = self._free.pop()
        except IndexError:
            return self.plan.memory.block(groups, lanes)
        if (block.arena.shape[0], block.arena.shape[2]) != (groups, lanes):
            return self.plan.memory.block(groups, lanes)
        return block


def _seconds(graph: Graph) -> float:
    """About what a sample takes: sums at the kernels' speed, and every integer once."""
    sums = 0
    for op in graph.layers:
        weight = getattr(op, "weight", None)
        if weight is not None:
            pixels = math.prod(graph.tensors[op.outputs[0]].shape[:-1])
            sums += weight.size * pixels
    return _PER_SUM * sums + _PER_INTEGER * sum(item.type.size for item in graph.tensors.values())


def _sizes(sample: int, limits: Limits, where: str) -> tuple[int, int, int]:
    """Threads, lanes of a vector, and vectors of a block, for bytes that a sample takes."""
    wide = LANES * COLUMNS
    wanted = limits.batch or min(_MOST_SAMPLES, max(_CACHE_BYTES // sample, 1))
    threads = limits.threads
    if limits.memory is not None:
        least = sample * LANES
        if least > limits.memory:
            raise InputError(
                f"a block of {LANES} samples takes {least / 1e6:.1f} MB,"
                f" more than the {limits.memory / 1e6:.1f} MB allowed",
                where=f"simulator of {where}",
                remedy="allow more memory",
            )
        threads = min(threads, limits.memory // least)
        wanted = min(wanted, limits.memory // (sample * threads) // LANES * LANES)
    # Several vectors of lanes side by side, if not too few samples fit the cache then.
    lanes = wide if wanted >= 4 * wide or wanted == wide else LANES
    return threads, lanes, max(-(-wanted // lanes), 1)


def _flat(values: np.ndarray) -> np.ndarray:
    """Samples ``(n, features)`` as the kernels take them: few dtypes, C order, aligned."""
    flat = values.reshape(len(values), -1)
    dtype = flat.dtype if flat.dtype in FEEDABLE else np.dtype(np.int64)
    if flat.dtype == dtype and flat.flags.c_contiguous and flat.flags.aligned:
        return flat
    return np.array(flat, dtype, order="C")
