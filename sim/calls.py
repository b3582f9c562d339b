"""What every simulator does with a call: check what it is given, and share it among threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from hwcompress.errors import InputError
from hwcompress.ir import Graph
from hwcompress.ir.reference import as_feeds

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
        and inputs.dtype == np.int64
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

    A range's iterator is thread-safe. The pool lives for this call only: nothing is left for a
    fork to break.

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
    with ThreadPoolExecutor(workers) as pool:
        for job in [pool.submit(work, starts) for _ in range(workers)]:
            job.result()
