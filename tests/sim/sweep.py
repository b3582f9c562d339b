"""All small graphs through the simulator and the NumPy reference, for one instruction level.

``python -m tests.sim.sweep`` does so for the level that the environment forces on Numba (see
:func:`forced`) and prints as JSON which calls were absent.
"""

from __future__ import annotations

import itertools
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import llvmlite.binding as llvm
import numpy as np

from hwcompress.ir import Graph, trace
from hwcompress.sim import Simulator
from hwcompress.sim.words.cpu import COLUMNS, LEVEL
from tests.conformance.generators import random_inputs
from tests.sim import sum_graphs, word_graphs
from tests.sim.taken import Choice, recorded

__all__ = ["COMPACT", "LEVELS", "WHOLE", "Extent", "Found", "forced", "needed", "sweep"]

LEVELS = ("plain", "avx2", "avx512", "vnni")
"""Instruction levels, each with all of those before it."""

_COMPILED = (np.int8, np.uint8, np.int32, np.int64)
_OTHERS = (np.int16, np.uint16, np.uint32, np.uint64)
# Of every processor with 64 bits.
_ALWAYS = frozenset(("64bit", "cmov", "cx8", "fxsr", "mmx", "sse", "sse2"))
_NEWER = ("avx512", "avx10", "amx", "avxvnni")


@dataclass(frozen=True)
class Extent:
    """How much is done.

    Attributes:
        samples: sizes of batches.
        rows: whether all is done without packed words, too.
        dtypes: of the integers given.
    """

    samples: tuple[int, ...]
    rows: bool
    dtypes: tuple[type[np.integer], ...]


WHOLE = Extent((1, 15, 17, 63, 65, 1000), True, (*_COMPILED, *_OTHERS))
COMPACT = Extent((1, 17, 65), False, (np.int64,))


@dataclass(frozen=True)
class Found:
    """What was called, how often, and what the plans say of it."""

    level: str
    calls: Mapping[Choice, int]
    jobs: frozenset[str]
    graphs: int
    integers: int


def forced(level: str) -> dict[str, str]:
    """Environment that makes Numba compile for a level below this processor's."""
    if level == LEVEL:
        return {}
    assert LEVELS.index(level) < LEVELS.index(LEVEL), f"{level} is beyond this processor"
    there = {name for name, is_there in llvm.get_host_cpu_features().items() if is_there}
    if level == "plain":
        kept = there & _ALWAYS
    elif level == "avx2":
        kept = {name for name in there if not name.startswith(_NEWER)}
    else:
        kept = there - {"avx512vnni"}
    words = (("+" if name in kept else "-") + name for name in llvm.get_host_cpu_features())
    return {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": ",".join(words)}


def needed(extent: Extent) -> set[Choice]:
    """Every way in which the kernels must be called."""
    found: set[Choice] = {("sums", *way) for way in sum_graphs.ways()}
    sides = ["lanes side by side", "sums of all"]
    if COLUMNS > 1:
        sides += ["pixels side by side", "pixels one by one"]
    found |= set(itertools.product(sides, sum_graphs.KINDS))
    found |= {("sums of each channel", kind) for kind in ("bytes", "pairs")}
    found |= {("maximum", kind) for kind in sum_graphs.RESULTS}
    found |= {("copied",), ("border",)}
    dtypes = {item.__name__ for item in extent.dtypes if item in _COMPILED}
    found |= set(itertools.product(["encode"], dtypes, sum_graphs.RESULTS))
    found |= {("decode", "int64", kind) for kind in sum_graphs.RESULTS}
    for name in ("to rows", "from rows"):
        found |= {(name, f"int{bits}", "bytes") for bits in (8, 16, 32)}
        found |= {(name, "int16", "pairs"), (name, "int8", "bits")}
    return found | {("to rows", "int32", "wide")}


def sweep(extent: Extent) -> Found:
    """Run all graphs.

    Raises:
        AssertionError: an integer differs from the reference's.
    """
    jobs: set[str] = set()
    graphs = integers = 0
    calls: Counter[Choice] = Counter()
    for number, graph in enumerate(_graphs()):
        graphs += 1
        feeds = random_inputs(graph, max(extent.samples), number)
        expected = trace(graph, feeds)
        for words in (True, False) if extent.rows else (True,):
            with recorded() as found:
                simulators = [Simulator(graph, threads=1, words=words)]
                if extent.rows:
                    simulators.append(Simulator(graph, threads=3, batch=16, words=words))
                for simulator, samples in itertools.product(simulators, extent.samples):
                    integers += _compared(graph, simulator, feeds, expected, samples)
                if graph.name.startswith("moved"):
                    for dtype in extent.dtypes:
                        _typed(graph, simulators[0], feeds, dtype)
            calls += found
            jobs.update(simulators[0].jobs)
    return Found(LEVEL, calls, frozenset(jobs), graphs, integers)


def _graphs() -> Iterator[Graph]:
    for number, way in enumerate(sum_graphs.ways()):
        yield sum_graphs.graph_of(way, number)
    yield from word_graphs.graphs()


Arrays = Mapping[str, np.ndarray]


def _compared(
    graph: Graph, simulator: Simulator, feeds: Arrays, expected: Arrays, samples: int
) -> int:
    """The outputs of the first samples; how many integers they are."""
    given = {name: values[:samples] for name, values in feeds.items()}
    found = simulator.outputs(given)
    for name, values in found.items():
        assert values.shape[0] == samples
        _equal(graph, name, values, expected[name][:samples], (LEVEL, samples, simulator.batch))
    return sum(values.size for values in found.values())


def _typed(graph: Graph, simulator: Simulator, feeds: Arrays, dtype: type[np.integer]) -> None:
    """Integers given in another type, and those that it does not hold replaced."""
    limits = np.iinfo(dtype)
    given = {}
    for op in graph.inputs:
        name = op.outputs[0]
        held = np.clip(feeds[name][:65], limits.min, min(limits.max, 1 << 62))
        given[name] = np.where(op.dtype.is_bipolar & (held == 0), 1, held).astype(dtype)
    expected = trace(graph, {name: values.astype(np.int64) for name, values in given.items()})
    for name, values in simulator.outputs(given).items():
        _equal(graph, name, values, expected[name], (LEVEL, dtype.__name__))


def _equal(
    graph: Graph, name: str, ours: np.ndarray, theirs: np.ndarray, where: Sequence[object]
) -> None:
    wrong = np.argwhere(ours != theirs)
    assert not len(wrong), (
        f"{graph.name}, tensor {name!r} ({', '.join(map(str, where))}): {len(wrong)} of"
        f" {ours.size} integers differ, first {wrong[0].tolist()}"
    )


def _main() -> None:
    found = sweep(COMPACT)
    print(
        json.dumps(
            {
                "level": found.level,
                "absent": sorted(needed(COMPACT) - set(found.calls)),
                "graphs": found.graphs,
                "integers": found.integers,
                "cpu seconds": sum(os.times()[:2]),
            }
        )
    )


if __name__ == "__main__":
    _main()
