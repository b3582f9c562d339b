"""Operations with one input that are no matrix product, as whole designs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.hls.folding import Folding, engine
from hwcompress.hls.rtl.timing import timing_of
from hwcompress.ir import TERNARY, Conv, Graph, IntType, Op, SumPool, Threshold

from .designs import check_design
from .graphs import chain, graph_of, random_folding

STALLS = [(0, 0), (150, 0), (0, 150), (110, 110)]
KINDS = ("Table", "Shuffle", "Transpose", "Upsample", "TopK", "ConvTranspose")
N0 = (("t0",), ("t1",))


def _check(graph: Graph, folding: Folding, folder: Path, seed: int) -> None:
    """Exact under stalls; without any, the interval is the busiest engine's or port's."""
    stalls = STALLS[seed % 4]
    design, response = check_design(graph, folding, folder, frames=7, stalls=stalls, seed=seed)
    if stalls == (0, 0):
        made = [(op, engine(op, graph)) for op in graph.layers]
        busiest = max(item.cycles(folding.of(op)) for op, item in made if item is not None)
        beats = design.outputs[0].beats_per_frame
        assert design.interval == max(busiest, design.inputs[0].beats_per_frame, beats)
        assert timing_of(design).interval == design.interval
        assert list(np.diff(response.cycles[beats - 1 :: beats])[3:]) == [design.interval] * 3


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", KINDS)
def test_one_operation(tmp_path: Path, kind: str, seed: int) -> None:
    """Random shapes, types and foldings of each operation alone."""
    rng = np.random.default_rng([seed, 50 + KINDS.index(kind)])
    graph = graph_of(kind, rng)
    _check(graph, random_folding(graph, rng), tmp_path, seed)


@pytest.mark.parametrize("seed", range(8))
def test_single_pixels_of_a_stride(tmp_path: Path, seed: int) -> None:
    """Convolutions of one pixel that leave out others, whole or by groups, and a slow reader."""
    rng = np.random.default_rng([seed, 52])
    height, width, channels = (int(v) for v in rng.integers(1, (8, 8, 5)))
    stride = (int(rng.integers(1, 4)), int(rng.integers(2, 4)))
    groups = int(rng.choice([1, 1, channels]))
    rows = groups * int(rng.integers(1, 7))
    weight = rng.integers(-1, 2, (rows, 1, 1, channels // groups))
    ops: list[Op] = [Conv("c", *N0, weight, TERNARY, None, stride, groups=groups)]
    if seed % 4 == 3:
        ops = [SumPool("p", *N0, (1, 1), stride)]
    if rng.integers(2):
        steps = np.array([[-1, 1, 3]])
        ops.append(Threshold("t", ("t1",), ("t2",), steps, np.ones(1, np.int64), IntType(0, 3)))
    graph = chain("pixels", (height, width, channels), IntType(0, 3), ops)
    _check(graph, random_folding(graph, rng), tmp_path, 0 if seed % 2 else seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_many(tmp_path: Path, seed: int) -> None:
    """A long sweep over the same."""
    rng = np.random.default_rng([seed, 51])
    graph = graph_of(KINDS[seed % len(KINDS)], rng)
    _check(graph, random_folding(graph, rng), tmp_path, seed // len(KINDS))
