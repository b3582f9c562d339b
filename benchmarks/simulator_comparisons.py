"""The simulator beside other tools: how each is timed, and whether their outputs are equal."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from benchmarks import simulator_interpreters as interpreters
from benchmarks import simulator_peers as peers
from benchmarks.simulator_machine import one_processor
from benchmarks.simulator_networks import (
    Network,
    integers_of,
    make,
    reals_as_integers,
)
from benchmarks.simulator_profile import macs_of
from benchmarks.simulator_rows import ROWS, Comparison
from benchmarks.simulator_ties import explained as ties_alone
from benchmarks.simulator_timing import Rate, Settings, best_of, in_turns, rate, ratios
from hwcompress.ir import Graph, evaluate
from hwcompress.sim import Simulator

__all__ = ["Found", "compare"]

# Samples that both tools must agree on, and that the NumPy reference checks, by operations.
_COMPARED = 5e9
_REFERENCE = 2e8
_SLOW = 200


@dataclass(frozen=True)
class Found:
    """What one comparison gave. Rates are samples a second.

    Attributes:
        differing: of ``compared`` output integers; ``largest`` is the greatest difference.
        explained: of those, in samples that rounding ties of float32 alone are proven to
            explain; ``unexplained`` are the others.
        judge: whose outputs were compared.
        self_differing: outputs in which the peer differs from itself, with its optimizations off;
            -1 if it was not asked.
        error: why there is no result.
    """

    part: str
    network: str
    peer: str
    threads: int
    wanted: float | None
    macs: int = 0
    peer_batch: int = 0
    batch: int = 0
    peer_rate: Rate | None = None
    rate: Rate | None = None
    ratio: Rate | None = None
    compared: int = 0
    differing: int = 0
    explained: int = 0
    unexplained: int = 0
    largest: float = 0.0
    judge: str = ""
    self_differing: int = -1
    reference: int = 0
    load: float = 0.0
    error: str = ""
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """For the record."""
        return asdict(self)


def compare(part: str, settings: Settings) -> Iterator[Found]:
    """Measure all rows of a part; a peer that cannot run gives a row with its error."""
    for row in ROWS:
        if row.part == part:
            for threads in settings.threads:
                yield _measured(row, threads, settings)


def _measured(row: Comparison, threads: int, settings: Settings) -> Found:
    head = Found(row.part, row.network, row.peer, threads, row.wanted)
    network = make(row.network, settings.folder)
    graph = row.graph(network, settings)
    pinned = one_processor() if row.whole and threads == 1 else contextlib.nullcontext()
    with pinned:
        try:
            batches = row.batches[0 if settings.quick else 1]
            start = partial(row.start, network, graph)
            if row.per_batch:
                ways = {size: start(size, threads, settings) for size in batches}
            else:
                ways = dict.fromkeys(batches, start(batches[0], threads, settings))
        except ImportError as error:
            reason = f"not installed ({error.name}): {interpreters.INSTALL}"
            return replace(head, error=reason)
        try:
            return replace(head, **_timed(row, network, graph, ways, threads, settings))
        finally:
            getattr(ways[batches[0]], "close", lambda: None)()


def _timed(
    row: Comparison,
    network: Network,
    graph: Graph,
    ways: Mapping[int, peers.Run],
    threads: int,
    settings: Settings,
) -> dict[str, Any]:
    simulator = Simulator(graph, threads=threads)
    macs = macs_of(graph)
    samples = network.samples(max(settings.samples(macs, int(np.prod(network.shape))), *ways))
    ours = integers_of(graph, samples)
    theirs = samples if row.integers is None else ours.astype(row.integers)
    equal = _equality(row, network, graph, ways, (samples, ours, theirs), simulator, settings)
    calls = {size: _call(way, theirs[:size]) for size, way in ways.items()}
    size = (
        next(iter(ways)) if len(ways) == 1 else best_of(calls, settings.least / 2, settings.clock)
    )
    if row.same_batch:
        ours = ours[:size]
    turns = in_turns(
        {"peer": calls[size], "ours": _call(simulator, ours)},
        settings.repetitions,
        settings.least,
        settings.clock,
    )
    notes = [f"{row.peer} has {row.threads} thread"] if (row.threads or threads) < threads else []
    return {
        "macs": macs,
        "peer_batch": size,
        "batch": len(ours),
        "peer_rate": rate(turns["peer"], size),
        "rate": rate(turns["ours"], len(ours)),
        "ratio": ratios(turns["peer"], turns["ours"], size, len(ours)),
        "load": round(os.getloadavg()[0], 2),
        "notes": notes,
        **equal,
    }


def _call(run: Callable[[np.ndarray], object], x: np.ndarray) -> Callable[[], object]:
    return lambda: run(x)


def _equality(
    row: Comparison,
    network: Network,
    graph: Graph,
    ways: Mapping[int, peers.Run],
    data: tuple[np.ndarray, np.ndarray, np.ndarray],
    simulator: Simulator,
    settings: Settings,
) -> dict[str, Any]:
    """Outputs of the peer, or of Brevitas, and of the reference, against the simulator's."""
    samples, integers, theirs = data
    size, run = next(iter(ways.items()))
    macs = macs_of(graph)
    most = _SLOW if row.threads or (row.whole and size == 1) else 10_000
    count = int(min(len(samples), most, max(_COMPARED / macs, 32)))
    if row.same_network:
        count = max(count // size, 1) * size
    values = np.asarray(simulator(integers[:count]))
    few = int(min(count, max(_REFERENCE / macs, 2)))
    expected = next(iter(evaluate(graph, integers[:few].astype(np.int64)).values()))
    if not np.array_equal(expected, values[:few]):
        raise AssertionError(f"{row.network}: the simulator differs from the NumPy reference")
    if row.same_network:
        found = np.concatenate([run(theirs[at : at + size]) for at in range(0, count, size)])
        judge = row.peer
    else:
        found, judge = peers.brevitas_eval(network, 1)(samples[:count]), "Brevitas eval"
    reals = found
    if row.integers is None:
        found = reals_as_integers(graph, reals)
    found = found.reshape(values.shape)
    gap = np.abs(found - values)
    # Scales that are no powers of two leave a rounding of float32 behind; a step is 1.
    least = 0.01 if row.plain else 0.0
    differ = gap.reshape(count, -1) > least
    wrong = np.flatnonzero(differ.any(axis=1))
    explained = 0
    if row.source is not None and wrong.size:
        ties = ties_alone(
            row.source(network, settings), samples[wrong], reals[wrong], values[wrong]
        )
        explained = int(np.count_nonzero(differ[wrong[ties]]))
    other = -1
    if row.plain is not None:
        plain = row.plain(network, settings)
        again = np.concatenate([plain(theirs[at : at + size]) for at in range(0, count, size)])
        again = reals_as_integers(graph, again).reshape(values.shape)
        other = int(np.count_nonzero(np.abs(again - found) > least))
    return {
        "compared": int(values.size),
        "differing": int(np.count_nonzero(differ)),
        "explained": explained,
        "unexplained": int(np.count_nonzero(differ)) - explained,
        "self_differing": other,
        "largest": float(np.round(gap.max(), 3)),
        "judge": judge,
        "reference": few,
    }
