"""Whole designs: every beat of every port and layer in the cycle that the model says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.hls.folding import Folding
from hwcompress.hls.rtl import Design, generate
from hwcompress.hls.rtl.timing import timing_of
from hwcompress.ir import Graph

from ..rtl.designs import check_design
from ..rtl.graphs import random_folding, random_graph
from ..rtl.test_interval import _chain, _equal_loads
from .designs import check_beats

_PAUSES = [(100, 100), (100, 100), (30, 100), (100, 30), (60, 60)]


def _check(graph: Graph, folding: Folding, folder: Path, seed: int) -> None:
    rng = np.random.default_rng([seed, 3])
    design = generate(graph, folding, folder)
    check_beats(design, frames=4, rng=rng, pauses=_PAUSES[seed % len(_PAUSES)])


@pytest.mark.parametrize("seed", range(6))
def test_random_chains(tmp_path: Path, seed: int) -> None:
    """Any operations, any folding."""
    rng = np.random.default_rng([seed, 7])
    graph = random_graph(rng)
    _check(graph, random_folding(graph, rng), tmp_path, seed)


@pytest.mark.parametrize("seed", range(4))
def test_equal_loads(tmp_path: Path, seed: int) -> None:
    """Chains whose layers are about equally busy."""
    rng = np.random.default_rng([seed, 43])
    graph = _chain(rng)
    _check(graph, _equal_loads(graph, rng), tmp_path, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 400))
def test_many(tmp_path: Path, seed: int) -> None:
    """A long sweep over both."""
    rng = np.random.default_rng([seed, 47])
    graph = random_graph(rng) if seed % 2 else _chain(rng)
    folding = random_folding(graph, rng) if seed % 4 else _equal_loads(graph, rng)
    _check(graph, folding, tmp_path, seed)


@pytest.mark.parametrize("seed", [1, 4])
def test_figures_of_a_design(tmp_path: Path, seed: int) -> None:
    """Interval, latencies and layers, with exact data and many frames."""
    rng = np.random.default_rng([seed, 53])
    graph = random_graph(rng)
    folding = random_folding(graph, rng)
    _, response = check_design(graph, folding, tmp_path, frames=10)
    design = Design.load(tmp_path)
    result = timing_of(design)
    beats = design.outputs[0].beats_per_frame
    # That bench offers the first input beat in the second cycle that it counts.
    assert result.latency_first_output == response.cycles[0] - 2
    assert result.latency_frame == response.cycles[beats - 1] - 2
    ends = response.cycles[beats - 1 :: beats]
    assert result.steady.settled + result.steady.frames < len(ends)
    period = ends[-1] - ends[-1 - result.steady.frames]
    assert period == result.steady.cycles == result.interval * result.steady.frames
    assert [layer.op for layer in result.layers] == [op.name for op in graph.layers]
    lasts = [layer.last for layer in result.layers]
    assert lasts == sorted(lasts) and lasts[-1] < result.latency_frame
    # The slowest layer, or a port, sets the pace.
    assert result.interval == max(
        design.inputs[0].beats_per_frame, beats, *(layer.interval for layer in result.layers)
    )
