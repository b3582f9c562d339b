"""Which networks the simulator is compared on, and with what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks import simulator_interpreters as interpreters
from benchmarks import simulator_peers as peers
from benchmarks.simulator_networks import Network
from benchmarks.simulator_timing import Settings
from hwcompress.frontend import Imported, import_model
from hwcompress.ir import Graph

__all__ = ["ROWS", "Comparison"]


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
        integers: the peer takes the graph's integers, in this type; else real samples in float32.
        same_network: the peer's outputs must be the simulator's; else it computes a float network
            of the same shape, and Brevitas is the judge.
        graph: of the simulator.
        whole: the peer takes as many threads as there are processors: keep it on one for one.
        threads: most threads that the peer can use, if it is limited.
        plain: the peer with its optimizations off, if it rounds: what it differs from itself.
        source: what the peer runs, as it was imported, if it rounds: which differences are ties.
    """

    part: str
    network: str
    peer: str
    start: Callable[[Network, Graph, int, int, Settings], peers.Run]
    wanted: float | None = None
    batches: tuple[tuple[int, ...], tuple[int, ...]] = ((1000,), (100, 1000, 10_000))
    same_batch: bool = False
    per_batch: bool = False
    integers: type[np.floating] | None = None
    same_network: bool = True
    graph: Callable[[Network, Settings], Graph] = lambda network, settings: network.graph
    whole: bool = False
    threads: int | None = None
    plain: Callable[[Network, Settings], peers.Run] | None = None
    source: Callable[[Network, Settings], Imported] | None = None


def _interpreter(
    start: Callable[[Graph, int], peers.Run],
) -> Callable[[Network, Graph, int, int, Settings], peers.Run]:
    return lambda network, graph, batch, threads, settings: start(graph, threads)


def _hls4ml(network: Network, graph: Graph, batch: int, threads: int, at: Settings) -> peers.Run:
    return peers.hls4ml_predict(network, at.folder / f"{network.name}-hls4ml")


def _qdq(network: Network, graph: Graph, batch: int, threads: int, at: Settings) -> peers.Run:
    return peers.onnxruntime_session(peers.qdq_file(network, at.folder), threads)


@cache
def _imported(path: Path) -> Imported:
    return import_model(path)


def _qdq_source(network: Network, settings: Settings) -> Imported:
    return _imported(peers.qdq_file(network, settings.folder))


def _qdq_graph(network: Network, settings: Settings) -> Graph:
    return _qdq_source(network, settings).graph


def _qdq_plain(network: Network, settings: Settings) -> peers.Run:
    return peers.onnxruntime_session(peers.qdq_file(network, settings.folder), 1, optimized=False)


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
            integers=np.float32,
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
            plain=_qdq_plain,
            source=_qdq_source,
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
            integers=np.float64,
            graph=lambda network, settings: interpreters.rounding_half_up(network.graph),
        )


ROWS = tuple(_rows())
"""All comparisons."""
