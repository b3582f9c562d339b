"""The simulator beside other tools: which networks, which tools, and how each is timed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial

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
from benchmarks.simulator_timing import Rate, Settings, best_of, in_turns, rate, ratios
from hwcompress.frontend import import_model
from hwcompress.ir import Graph, evaluate
from hwcompress.sim import Simulator

__all__ = ["PARTS", "Found", "compare"]

# Samples that both tools must agree on, and that the NumPy reference checks, by operations.
_COMPARED = 5e9
_REFERENCE = 2e8
_SLOW = 200


@dataclass(frozen=True)
class Comparison:
    """One row, for every number of threads.

    Attributes:
        part: of the benchmark.
        network: by name.
        peer: what the simulator is compared with.
        start: makes the peer ready: network, graph, batch, threads, settings.
        wanted: ratio that is the goal, if any.
        batches: sizes that the peer may choose from, once for quick runs, once for others.
        same_batch: the simulator gets as many samples a call as the peer.
        per_batch: the peer is made ready for one batch size.
        integers: the peer takes the graph's integers; else real samples.
        same_network: the peer's outputs must be the simulator's; else it computes a float network
            of the same shape, and Brevitas is the judge.
        graph: of the simulator.
        whole: the peer takes as many threads as there are processors: keep it on one for one.
        threads: most threads that the peer can use, if it is limited.
    """

    part: str
    network: str
    peer: str
    start: Callable[[Network, Graph, int, int, Settings], peers.Run]
    wanted: float | None = None
    batches: tuple[tuple[int, ...], tuple[int, ...]] = ((1000,), (100, 1000, 10_000))
    same_batch: bool = False
    per_batch: bool = False
    integers: bool = False
    same_network: bool = True
    graph: Callable[[Network, Settings], Graph] = lambda network, settings: network.graph
    whole: bool = False
    threads: int | None = None


@dataclass(frozen=True)
class Found:
    """What one comparison gave. Rates are samples a second.

    Attributes:
        differing: of ``compared`` output integers; ``largest`` is the greatest difference.
        judge: whose outputs were compared.
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
    largest: float = 0.0
    judge: str = ""
    reference: int = 0
    load: float = 0.0
    error: str = ""
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """For the record."""
        return asdict(self)


def _interpreter(
    start: Callable[[Graph, int], peers.Run],
) -> Callable[[Network, Graph, int, int, Settings], peers.Run]:
    return lambda network, graph, batch, threads, settings: start(graph, threads)


def _hls4ml(network: Network, graph: Graph, batch: int, threads: int, at: Settings) -> peers.Run:
    return _HLS.setdefault(
        network.name, peers.hls4ml_predict(graph, at.folder / f"{network.name}-hls4ml")
    )


_HLS: dict[str, peers.Run] = {}


def _qdq(network: Network, graph: Graph, batch: int, threads: int, at: Settings) -> peers.Run:
    return peers.onnxruntime_session(peers.qdq_file(network, at.folder), threads)


def _qdq_graph(network: Network, settings: Settings) -> Graph:
    return import_model(peers.qdq_file(network, settings.folder)).graph


def _float(network: Network, graph: Graph, batch: int, threads: int, at: Settings) -> peers.Run:
    return peers.onnxruntime_float(network, threads, at.folder)


def _torch(network: Network, graph: Graph, batch: int, threads: int, at: Settings) -> peers.Run:
    return peers.torch_float(network, threads)


def _brevitas(network: Network, graph: Graph, batch: int, threads: int, at: Settings) -> peers.Run:
    return peers.brevitas_eval(network, threads)


def _cached(network: Network, graph: Graph, batch: int, threads: int, at: Settings) -> peers.Run:
    return peers.brevitas_cached(network, threads)


def _qonnx(network: Network, graph: Graph, batch: int, threads: int, at: Settings) -> peers.Run:
    return peers.qonnx_executor(network, batch)


_IMAGES = ((8, 32), (1, 8, 32, 128))
_ROWS = ((1000,), (100, 1000, 10_000))


def _batches(network: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return _ROWS if network.startswith(("mlp", "lfc")) else _IMAGES


def _rows() -> Iterator[Comparison]:
    for network, wanted, batch in (("mlp-w4a4", 500.0, 200), ("digits-w4a4", 100.0, 20)):
        yield Comparison(
            "hls4ml",
            network,
            "hls4ml C++ predict",
            _hls4ml,
            wanted,
            ((batch,), (batch,)),
            integers=True,
            threads=1,
        )
    for batch, wanted in ((1000, 100.0), (1, 1000.0)):
        yield Comparison(
            "qonnx",
            "mlp-w4a4",
            "qonnx executor",
            _qonnx,
            wanted,
            ((batch,), (batch,)),
            same_batch=True,
            per_batch=True,
            whole=True,
        )
    for bits in ("w4a4", "w2a2"):
        for topology, wanted in (("mlp", 30.0), ("cnv", 3.0), ("resnet8", 3.0)):
            network = f"{topology}-{bits}"
            rows = _batches(network)
            yield Comparison("brevitas", network, "Brevitas eval", _brevitas, wanted, rows)
            yield Comparison(
                "brevitas", network, "Brevitas eval, cached weights", _cached, None, rows
            )
    for network, wanted in (
        ("mlp-w4a4", 1.3),
        ("cnv-w4a4", 1.0),
        ("resnet8-w4a4", 1.0),
        ("cnv-w2a2", 1.0),
        ("resnet8-w2a2", 1.0),
    ):
        yield Comparison(
            "float",
            network,
            "onnxruntime float32",
            _float,
            wanted,
            _batches(network),
            same_network=False,
        )
    for network in ("mlp-w8a8", "cnv-w8a8", "resnet8-w8a8"):
        yield Comparison(
            "int8",
            network,
            "onnxruntime int8 QDQ",
            _qdq,
            1.0,
            _batches(network),
            graph=_qdq_graph,
        )
    for network in ("cnv-w1a1", "lfc-w1a1"):
        for peer, start in (("onnxruntime float32", _float), ("PyTorch float32", _torch)):
            yield Comparison(
                "binary", network, peer, start, 2.5, _batches(network), same_network=False
            )
    for peer, interpreter in (
        ("da4ml interpreter", interpreters.da4ml_interpreter),
        ("alkaid interpreter", interpreters.alkaid_interpreter),
    ):
        yield Comparison(
            "interpreters",
            "mlp-w4a4",
            peer,
            _interpreter(interpreter),
            100.0,
            ((1000,), (1000, 10_000)),
            integers=True,
            graph=lambda network, settings: interpreters.rounding_half_up(network.graph),
        )


_ALL = tuple(_rows())
PARTS = tuple(dict.fromkeys(item.part for item in _ALL))
"""Names of the parts, for ``--only``."""


def compare(part: str, settings: Settings) -> Iterator[Found]:
    """Measure all rows of a part; a peer that cannot run gives a row with its error."""
    for row in _ALL:
        if row.part == part:
            for threads in settings.threads:
                yield _measured(row, threads, settings)


def _measured(row: Comparison, threads: int, settings: Settings) -> Found:
    head = {
        "part": row.part,
        "network": row.network,
        "peer": row.peer,
        "threads": threads,
        "wanted": row.wanted,
    }
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
            return Found(**head, error=reason)
        try:
            return Found(**head, **_timed(row, network, graph, ways, threads, settings))
        finally:
            getattr(ways[batches[0]], "close", lambda: None)()


def _timed(
    row: Comparison,
    network: Network,
    graph: Graph,
    ways: Mapping[int, peers.Run],
    threads: int,
    settings: Settings,
) -> dict[str, object]:
    simulator = Simulator(graph, threads=threads)
    macs = macs_of(graph)
    samples = network.samples(max(settings.samples(macs), *ways))
    ours = integers_of(graph, samples)
    theirs = ours.astype(np.float32) if row.integers else samples
    equal = _equality(row, network, graph, ways, (samples, ours, theirs), simulator)
    calls = {size: _call(way, theirs[:size]) for size, way in ways.items()}
    size = next(iter(ways)) if len(ways) == 1 else best_of(calls, settings.least / 2)
    if row.same_batch:
        ours = ours[:size]
    turns = in_turns(
        {"peer": calls[size], "ours": _call(simulator, ours)}, settings.repetitions, settings.least
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
) -> dict[str, object]:
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
    if not row.integers:
        found = reals_as_integers(graph, found)
    gap = np.abs(found.reshape(values.shape) - values)
    return {
        "compared": int(values.size),
        # Scales that are no powers of two leave a rounding of float32 behind; a step is 1.
        "differing": int(np.count_nonzero(gap > (0.01 if row.part == "int8" else 0))),
        "largest": float(np.round(gap.max(), 3)),
        "judge": judge,
        "reference": few,
    }
