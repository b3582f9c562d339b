"""Operations with one input that are no matrix product, as whole designs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.hls.folding import Folding, engine
from hwcompress.hls.rtl.timing import timing_of
from hwcompress.ir import Graph

from .designs import check_design
from .graphs import graph_of, random_folding

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


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_many(tmp_path: Path, seed: int) -> None:
    """A long sweep over the same."""
    rng = np.random.default_rng([seed, 51])
    graph = graph_of(KINDS[seed % len(KINDS)], rng)
    _check(graph, random_folding(graph, rng), tmp_path, seed // len(KINDS))
