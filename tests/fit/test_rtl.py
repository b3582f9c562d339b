"""What a search promises, the Verilog keeps: designs of random networks in Verilator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.hls.cosim.verilated import VerilatedDesign
from hwcompress.hls.fit import EstimatedCost, Fitted, fit
from hwcompress.hls.rtl import generate
from hwcompress.ir import Graph
from hwcompress.sim import Simulator
from tests.conformance.generators import random_inputs
from tests.property.cases import case

BUDGET = {"lut": 20_000, "ff": 40_000, "bram18": 60, "dsp": 60}
_FRAMES = 16
_SWEEP = 12  # networks of the long run


def _check(graph: Graph, found: Fitted, folder: Path) -> float:
    """The interval of the verilated design, which computes what the graph does."""
    generate(graph, found.folding, folder / "rtl")
    design = VerilatedDesign.build(folder / "rtl", folder / "build")
    inputs = random_inputs(graph, _FRAMES, 1)
    run = design.run(inputs)
    expected = Simulator(graph).outputs(inputs)
    for name, values in run.values.items():
        assert np.array_equal(values, expected[name]), name
    assert run.latency_frame == found.latency
    assert run.interval is not None
    if found.interval.denominator == 1:
        assert run.interval == found.interval
    return run.interval


def _targets(graph: Graph, folder: Path, factors: tuple[float, ...]) -> int:
    """Designs of some times the least interval, and of the latency of the fastest one."""
    best = fit(graph, EstimatedCost(), BUDGET)
    count = 0
    for factor in factors:
        target = int(best.interval * 100 * factor) // 100
        found = fit(graph, EstimatedCost(), BUDGET, cycles=target)
        assert _check(graph, found, folder / f"{factor}") <= target
        count += 1
    soon = fit(graph, EstimatedCost(), BUDGET, latency=2 * best.latency)
    assert soon.latency <= 2 * best.latency
    _check(graph, soon, folder / "soon")
    return count + 1


def test_targets_are_kept(tmp_path: Path) -> None:
    graph = case(8).graph
    best = fit(graph, EstimatedCost(), BUDGET)
    cycles, latency = int(3 * best.interval), 2 * best.latency
    found = fit(graph, EstimatedCost(), BUDGET, cycles=cycles, latency=latency)
    assert found.latency <= latency
    assert _check(graph, found, tmp_path) <= cycles


@pytest.mark.long
@pytest.mark.parametrize("number", range(_SWEEP))
def test_many_networks_with_many_targets(number: int, tmp_path: Path) -> None:
    graph = case(number).graph
    assert _targets(graph, tmp_path, (1.0, 3.0)) == 3
