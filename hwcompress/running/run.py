"""A run of the simulator over samples of any number."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.errors import InputError
from hwcompress.ir import Graph
from hwcompress.running.sizes import Sizes, plan_sizes, size_text
from hwcompress.running.source import Source
from hwcompress.running.watchers import Made, Rows, Watcher
from hwcompress.sim import Simulator
from hwcompress.sim.real_input import feed_dtype

__all__ = ["Timing", "make_simulator", "run_source", "sizes_for"]

Say = Callable[[str, int, int], None]
"""Told what is done, and how many samples of how many (0: not known) are."""


@dataclass(frozen=True)
class Timing:
    """How a run went: samples, seconds of all and inside the simulator."""

    samples: int
    seconds: float
    simulator_seconds: float


def make_simulator(
    graph: Graph, sizes: Sizes, *, threads: int | None, batch: int | None, memory: int | None
) -> Simulator:
    """A simulator that keeps within its part of the memory.

    Raises:
        InputError: that is too little.
    """
    try:
        return Simulator(graph, threads=threads, batch=batch, memory=sizes.simulator)
    except InputError as error:
        if memory is None:
            raise
        raise InputError(
            f"--memory of {size_text(memory)} is too little",
            why=f"{error.what}, which is the simulator's part",
            remedy="give more",
        ) from error


def sizes_for(
    graph: Graph, source: Source, watchers: Sequence[Watcher], memory: int | None
) -> Sizes:
    """How many samples are held at once.

    Raises:
        InputError: the memory is too little for one.
    """
    kept = sum(16 * graph.tensors[name].type.size for name in _wanted(graph, watchers))
    per_sample = source.bytes_per_sample + kept + sum(item.bytes_per_sample for item in watchers)
    plans = 1 + sum(item.plans for item in watchers)
    fixed = source.fixed_bytes + sum(item.fixed_bytes for item in watchers)
    return plan_sizes(per_sample, fixed, plans, memory)


def run_source(
    simulator: Simulator, source: Source, watchers: Sequence[Watcher], chunk: int, say: Say
) -> Timing:
    """Take every sample through the simulator, and show what comes out to the watchers.

    Args:
        simulator: of the graph.
        source: the samples.
        watchers: see every chunk.
        chunk: samples held at once.
        say: told how it goes.
    """
    graph = simulator.graph
    wanted = _wanted(graph, watchers)
    _warm(simulator, wanted)
    total, inside = source.count or 0, 0.0
    started = time.perf_counter()
    done = 0
    for fed in source.chunks(chunk):
        before = time.perf_counter()
        values = simulator.trace(fed.feeds, wanted)
        inside += time.perf_counter() - before

        def trace(
            rows: Rows, tensors: Sequence[str], feeds: Mapping[str, np.ndarray] = fed.feeds
        ) -> Mapping[str, np.ndarray]:
            return simulator.trace({name: item[rows] for name, item in feeds.items()}, tensors)

        made = Made(fed.start, fed.feeds, values, fed.labels, trace)
        for watcher in watchers:
            watcher.add(made)
        done = fed.start + fed.count
        say("simulate", done, total)
    return Timing(done, time.perf_counter() - started, inside)


def _wanted(graph: Graph, watchers: Sequence[Watcher]) -> tuple[str, ...]:
    outputs = [op.inputs[0] for op in graph.outputs]
    return tuple(dict.fromkeys([*outputs, *(name for item in watchers for name in item.wanted)]))


def _warm(simulator: Simulator, wanted: Sequence[str]) -> None:
    """Load or compile the kernels, which is no part of the time per sample."""
    feeds = {
        op.outputs[0]: np.full((1, *op.shape), op.dtype.lo, feed_dtype(op))
        for op in simulator.graph.inputs
    }
    simulator.trace(feeds, wanted)
