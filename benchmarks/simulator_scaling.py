"""How the simulator's time grows, what a call costs, and how near its kernels come to the peak."""

from __future__ import annotations

import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.simulator_profile import macs_of, profile
from benchmarks.simulator_timing import repeated, seconds
from hwcompress.ir import BIPOLAR, Conv, Dense, Graph, Input, IntType, Op, Output, Threshold
from hwcompress.sim import Simulator

__all__ = ["Growth", "KernelShare", "chain", "exponent", "growth", "kernel_shares", "overhead"]

_U4, _I4 = IntType.unsigned_bits(4), IntType(-7, 7)
_I10, _I9 = IntType(-511, 511), IntType(-255, 255)
# Of activations and weights, so that a layer gets the kernel.
_TYPES = {"bytes": (_U4, _I4), "pairs": (_I10, _I9), "bits": (BIPOLAR, BIPOLAR)}


@dataclass(frozen=True)
class Growth:
    """Time of a call against one size; ``exponent`` 1 is linear, fitted to the larger half."""

    axis: str
    unit: str
    sizes: list[int]
    seconds: list[float]
    macs: list[int]
    exponent: float


@dataclass(frozen=True)
class KernelShare:
    """One kernel on one layer; rates in billions of multiplications and additions a second.

    Attributes:
        rate: of the layer's own job, with what follows the sums.
        whole: of a call, with moving data in and out.
        share: of the peak of the kernel's instruction that the job reaches.
    """

    kind: str
    layer: str
    rate: float
    whole: float
    peak: float
    share: float


def chain(widths: Sequence[int], kind: str = "bytes", seed: int = 0) -> Graph:
    """Dense layers with thresholds behind them, with random weights of a kernel's kind."""
    rng = np.random.default_rng(seed)
    otype, wtype = _TYPES[kind]
    ops: list[Op] = [Input("in", (), ("x0",), (widths[0],), (0,), (widths[0],), otype, 1.0)]
    for index, (a, b) in enumerate(itertools.pairwise(widths)):
        weight = _weights(rng, (b, a), wtype)
        ops.append(Dense(f"dense{index}", (f"x{index}",), (f"s{index}",), weight, wtype))
        ops.append(_step(f"s{index}", f"x{index + 1}", index, b, a, kind))
    ops.append(Output("out", (f"x{len(widths) - 1}",), ()))
    return Graph.build(f"chain-{kind}", ops)


def _weights(rng: np.random.Generator, shape: tuple[int, ...], wtype: IntType) -> np.ndarray:
    if wtype.is_bipolar:
        return 2 * rng.integers(0, 2, shape) - 1
    return rng.integers(wtype.lo, wtype.hi + 1, shape)


def _step(source: str, target: str, index: int, rows: int, depth: int, kind: str) -> Threshold:
    """To four bits, or to single bits: levels where random sums lie."""
    otype = BIPOLAR if kind == "bits" else _U4
    spread = {"bytes": 30.0, "pairs": 4e4, "bits": 1.0}[kind] * depth**0.5
    levels = np.linspace(-spread, spread, otype.count + 1)[1:-1].round().astype(np.int64)
    thresholds, sign = np.tile(levels, (rows, 1)), np.ones(rows, np.int64)
    return Threshold(f"step{index}", (source,), (target,), thresholds, sign, otype)


def _convolution(kind: str) -> Graph:
    """3x3 on 16x16 pixels of 64 channels."""
    rng = np.random.default_rng(0)
    otype, wtype = _TYPES[kind]
    shape = (16, 16, 64)
    weight = _weights(rng, (64, 3, 3, 64), wtype)
    ops: list[Op] = [
        Input("in", (), ("x",), (64, 16, 16), (1, 2, 0), shape, otype, 1.0),
        Conv("conv", ("x",), ("s",), weight, wtype),
        _step("s", "y", 0, 64, 576, kind),
        Output("out", ("y",), ()),
    ]
    return Graph.build(f"conv-{kind}", ops)


def _inputs(graph: Graph, count: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    op = graph.inputs[0]
    if op.dtype.is_bipolar:
        return (2 * rng.integers(0, 2, (count, *op.shape)) - 1).astype(np.int8)
    values = rng.integers(op.dtype.lo, op.dtype.hi + 1, (count, *op.shape))
    return values.astype(np.int8 if op.dtype.lo >= -128 and op.dtype.hi < 128 else np.int32)


def kernel_shares(peaks: Mapping[str, float], repetitions: int, least: float) -> list[KernelShare]:
    """Every kernel on a dense layer and a convolution, one thread."""
    found = []
    for kind in ("bytes", "pairs", "bits"):
        for layer, graph in (
            ("dense, 4096 to 256", chain((4096, 256), kind)),
            ("dense, 512 to 512", chain((512, 512), kind)),
            ("3x3 convolution, 64 to 64, 14 x 14 pixels", _convolution(kind)),
        ):
            simulator = Simulator(graph, threads=1)
            x = _inputs(graph, simulator.batch)
            macs = macs_of(graph)
            job = max(profile(simulator, x, repetitions, least), key=lambda item: item.macs)
            whole = statistics.median(repeated(partial(simulator, x), repetitions, least))
            found.append(
                KernelShare(
                    kind,
                    layer,
                    job.rate,
                    macs * len(x) / whole / 1e9,
                    peaks[kind],
                    job.rate / peaks[kind],
                )
            )
    return found


def exponent(sizes: Sequence[float], times: Sequence[float]) -> float:
    """Slope of log time against log size over the larger half of the sizes, at least two."""
    half = min(len(sizes) // 2, len(sizes) - 2)
    x, y = np.log(np.asarray(sizes[half:], float)), np.log(np.asarray(times[half:], float))
    return float(np.polyfit(x, y, 1)[0])


def growth(repetitions: int, least: float, quick: bool) -> list[Growth]:
    """Against width, depth and batch: one thread, four bits."""
    return [
        _grown(
            "width",
            "channels of two dense layers, 1024 samples",
            [16, 32, 64, 128, 256, 512] + ([] if quick else [1024]),
            lambda size: (chain((size, size, size)), 1024),
            (repetitions, least),
        ),
        _grown(
            "depth",
            "dense layers of 64 channels, 1024 samples",
            [1, 2, 4, 8, 16] + ([] if quick else [32, 64]),
            lambda size: (chain((64,) * (size + 1)), 1024),
            (repetitions, least),
        ),
        _grown(
            "batch",
            "samples of the 16-64-32-32-5 network",
            [1, 16, 64, 256, 1024, 4096, 16384] + ([] if quick else [65536, 262144, 1048576]),
            lambda size: (chain((16, 64, 32, 32, 5)), size),
            (repetitions, least),
        ),
    ]


def _grown(
    axis: str,
    unit: str,
    sizes: Sequence[int],
    make: Callable[[int], tuple[Graph, int]],
    effort: tuple[int, float],
) -> Growth:
    repetitions, least = effort
    times, macs = [], []
    for size in sizes:
        graph, samples = make(size)
        simulator, x = Simulator(graph, threads=1), _inputs(graph, samples)
        found = repeated(partial(simulator, x), repetitions, least)
        times.append(statistics.median(found))
        macs.append(macs_of(graph) * samples)
    # Linear in operations: the width's square is what is to be compared.
    return Growth(axis, unit, list(sizes), times, macs, exponent(macs, times))


def overhead(graph: Graph, calls: int) -> dict[str, Any]:
    """Microseconds of a call with one sample: quartiles over many calls, and the first call."""
    x = _inputs(graph, 1)
    start = time.perf_counter()
    simulator = Simulator(graph)
    made = time.perf_counter()
    simulator(x)
    first = time.perf_counter()
    found = [seconds(lambda: simulator(x)) * 1e6 for _ in range(calls)]
    low, middle, high = statistics.quantiles(found, n=4)
    return {
        "calls": calls,
        "median us": middle,
        "quartiles us": [low, high],
        "least us": min(found),
        "plan seconds": made - start,
        "first call seconds": first - made,
        "process seconds": min(_process() for _ in range(5)),
    }


def _process() -> float:
    """Seconds that a process takes to start, import the simulator, and run one sample."""
    script = (
        "from benchmarks.simulator_scaling import chain, _inputs\n"
        "from hwcompress.sim import Simulator\n"
        "graph = chain((16, 64, 32, 32, 5))\n"
        "Simulator(graph)(_inputs(graph, 1))\n"
    )
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", script], check=True)
    return time.perf_counter() - start
