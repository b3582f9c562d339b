"""Where the simulator's time goes: every job of a plan by itself."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.simulator_timing import repeated
from hwcompress.inspect.layers import layer_facts
from hwcompress.ir import Graph
from hwcompress.sim import Simulator
from hwcompress.sim.words.block import Action, Block, Work
from hwcompress.sim.words.program import FEEDABLE, Program, address

__all__ = ["JobTime", "macs_of", "profile"]


@dataclass(frozen=True)
class JobTime:
    """One job of a plan.

    Attributes:
        label: what it does.
        nanoseconds: for a sample.
        share: of all jobs' time.
        macs: of the operation, for a sample; 0 for moves.
        rate: multiplications and additions a second, in billions.
    """

    label: str
    nanoseconds: float
    share: float
    macs: int
    rate: float


def profile(
    simulator: Simulator, integers: np.ndarray, repetitions: int, least: float
) -> list[JobTime]:
    """Median time of every job on a full block of the simulator's own size, in one thread.

    It is the thread's own time, so that a busy machine disturbs it little.
    """
    graph = simulator.graph
    wanted = tuple(dict.fromkeys(op.inputs[0] for op in graph.outputs))
    engine = simulator._engine(wanted)
    size = engine.lanes * engine.groups
    block = engine.plan.memory.block(engine.groups, engine.lanes)
    rows = np.resize(integers, (size, *integers.shape[1:]))
    samples = np.ascontiguousarray(rows.reshape(size, -1))
    block.feeds = {graph.inputs[0].outputs[0]: samples}
    block.results = {
        name: np.empty((size, graph.tensors[name].type.size), np.int64) for name in wanted
    }
    places = [(address(samples), FEEDABLE[samples.dtype])]
    places += [(address(values), 0) for values in block.results.values()]
    run = partial(_run, block=block, places=np.array(places, np.int64), count=size)
    for work in engine.plan.work:  # what a job reads is there
        run(_ready(work))
    times = []
    for work in engine.plan.work:
        found = repeated(partial(run, _ready(work)), repetitions, least)
        times.append(statistics.median(found) / size)
    labels = [job.label for job in engine.plan.jobs]
    macs = _macs(graph, labels)
    total = sum(times)
    return [
        JobTime(label, time * 1e9, time / total, count, count / time / 1e9)
        for label, time, count in zip(labels, times, macs, strict=True)
    ]


def _ready(work: Work) -> Action | Program:
    """One job's work by itself."""
    return Program(work) if isinstance(work, tuple) else work


def _run(work: Action | Program, block: Block, places: np.ndarray, count: int) -> None:
    if isinstance(work, Program):
        work.run(block.arena, places, count)
    else:
        work(block)


def macs_of(graph: Graph) -> int:
    """Multiplications and additions with weights, of one sample."""
    return sum(layer_facts(graph, op).macs for op in graph.layers)


def _macs(graph: Graph, labels: Sequence[str]) -> list[int]:
    """Of the operations that a label names: ``Kind name, Kind name on ...``."""
    counts = {f"{op.kind} {op.name}": layer_facts(graph, op).macs for op in graph.layers}
    found = []
    for label in labels:
        parts = label.split(" on ")[0].split(", ")
        found.append(sum(counts.get(part, 0) for part in parts))
    return found
