"""What every simulator does with a call: check what it is given, and share it among threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np

from hwcompress.errors import InputError
from hwcompress.ir import Graph
from hwcompress.ir.reference import as_feeds
from hwcompress.sim.words.program import FEEDABLE

__all__ = ["inputs_by_name", "known_tensors", "processors", "share_blocks"]


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def inputs_by_name(
    graph: Graph, inputs: np.ndarray | Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Inputs as arrays by tensor name; all but their values is checked here.

    Raises:
        InputError: an input is missing, has another shape, holds no integers or, unsigned of
            64 bits, too large ones; or the inputs differ in the number of samples.
    """
    first = graph.inputs[0]
    if (
        isinstance(inputs, np.ndarray)
        and inputs.dtype in FEEDABLE
        and inputs.shape[1:] == first.shape
        and inputs.ndim > len(first.shape)
        and len(graph.inputs) == 1
    ):
        return {first.outputs[0]: inputs}  # the common case, in no time
    if not isinstance(inputs, Mapping):
        values = np.atleast_1d(np.asarray(inputs))
        if len(graph.inputs) != 1:
            as_feeds(graph, values[:0])  # raises
        inputs = {first.outputs[0]: values}
    arrays = {name: np.atleast_1d(np.asarray(values)) for name, values in inputs.items()}
    # The kernels look at the values; large unsigned ones would wrap before.
    short = {
        name: values if values.dtype == np.uint64 else values[:0] for name, values in arrays.items()
    }
    as_feeds(graph, short)
    lengths = {len(arrays[op.outputs[0]]) for op in graph.inputs}
    if len(lengths) != 1:
        raise InputError(
            f"inputs of {' and '.join(map(str, sorted(lengths)))} samples",
            where=graph.name,
            remedy="give every input the same number of samples",
        )
    return {op.outputs[0]: arrays[op.outputs[0]] for op in graph.inputs}


def known_tensors(graph: Graph, tensors: Iterable[str] | None) -> tuple[str, ...]:
    """The named tensors, each once; all of the graph for ``None``.

    Raises:
        InputError: a name is no tensor of the graph.
    """
    wanted = tuple(dict.fromkeys(graph.tensors if tensors is None else tensors))
    for name in wanted:
        if name not in graph.tensors:
            raise InputError(
                f"no tensor {name!r} in {graph.name}",
                remedy=f"it has {', '.join(graph.tensors)}",
            )
    return wanted


def share_blocks(
    work: Callable[[Iterator[int]], None], total: int, size: int, threads: int
) -> None:
    """Let threads take the first samples of blocks from one iterator, until there are none.

    A range's iterator is thread-safe. The caller's thread works, too: it waits for no thread
    that has not begun.

    Args:
        work: one thread's part.
        total: samples.
        size: samples of a block.
        threads: at most so many; one block needs none.
    """
    starts = iter(range(0, total, size))
    workers = min(threads, -(-total // size))
    if workers <= 1:
        work(starts)
        return
    jobs = [_POOLS.pool(workers - 1).submit(work, starts) for _ in range(workers - 1)]
    try:
        work(starts)
    except BaseException:
        for _ in starts:  # no block for the others
            pass
        raise
    finally:
        begun = [job for job in jobs if not job.cancel()]
        wait(begun)
    for job in begun:
        job.result()


class _Pools:
    """One pool of threads for all calls: starting threads takes longer than many a call.

    Threads do not outlive a fork: the child starts with none.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._size = 0
        self._lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._pool, self._size, self._lock = None, 0, threading.Lock()

    def pool(self, threads: int) -> ThreadPoolExecutor:
        """With at least so many threads."""
        with self._lock:
            if self._pool is None or self._size < threads:
                # Calls that use the smaller one keep it alive; it ends with them.
                self._pool, self._size = ThreadPoolExecutor(threads, "simulator"), threads
            return self._pool


_POOLS = _Pools()
