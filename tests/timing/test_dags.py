"""Buffers of designs with branches are as deep as they must be, says the token machine.

tests/property compares every beat of such designs with the Verilog, and measures there
what a less deep buffer costs.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from hwcompress.errors import CheckFailed
from hwcompress.hls.folding import Folding, Lanes
from hwcompress.hls.rtl.plan import plan
from hwcompress.hls.rtl.timing import design_network, fifo_depths, fifo_model
from hwcompress.ir import Add, Graph, Input, IntType, Op, Output, Transpose
from hwcompress.sim.timing import deadlock_free, steady

from ..conformance.generators import random_dag
from ..rtl.graphs import random_folding


@pytest.mark.parametrize("keep_latency", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 4, 6])
def test_no_buffer_could_be_shallower(seed: int, keep_latency: bool) -> None:
    """One beat less in any buffer costs rate (or latency) or freedom from deadlock."""
    rng = np.random.default_rng([seed, 5])
    graph = random_dag(seed)
    design = plan(graph, random_folding(graph, rng)).design()
    sizes = fifo_depths(design, keep_latency=keep_latency)
    network = design_network(design)

    def measure(depths: dict[str, int]) -> tuple[Fraction, int] | None:
        sized = network.with_models({n: fifo_model(d) for n, d in depths.items()})
        try:
            deadlock_free(sized)
            run = steady(sized)
        except CheckFailed:
            return None
        latency = max(int(run.streams[c].last[0]) for c in sized.outputs)
        return run.interval, latency

    deep = {name: 2 * network.beats[network.stage(name).results[0]] + 16 for name in sizes.depths}
    unlimited = measure(deep)
    assert unlimited is not None

    def good(depths: dict[str, int]) -> bool:
        found = measure(depths)
        if found is None or found[0] != unlimited[0]:
            return False
        return not keep_latency or found[1] <= unlimited[1]

    assert good(dict(sizes.depths))
    for name, depth in sizes.depths.items():
        if depth:
            below = 0 if depth <= 2 else depth - 1
            assert not good({**sizes.depths, name: below}), (name, depth)


def _branches(tag: str, side: int) -> list[Op]:
    """A sum of an image and its own transpose, which has to wait for most of the image."""
    shape, axes = (side, side, 2), (0, 1, 2)
    return [
        Input(f"in_{tag}", (), (f"{tag}0",), shape, axes, shape, IntType(0, 3), 1.0),
        Transpose(f"turn_{tag}", (f"{tag}0",), (f"{tag}1",), shape, (1, 0, 2)),
        Add(f"sum_{tag}", (f"{tag}0", f"{tag}1"), (f"{tag}2",), np.array([[1], [2]])),
        Output(f"out_{tag}", (f"{tag}2",), ()),
    ]


def test_parts_that_share_nothing() -> None:
    """Each is sized as if alone; the design takes the cycles of the slower one."""
    apart = [Graph.build(tag, _branches(tag, side)) for tag, side in (("a", 3), ("b", 5))]
    both = Graph.build("both", [op for graph in apart for op in graph.ops])
    designs = [
        plan(graph, Folding({op.name: Lanes(1) for op in graph.layers})).design()
        for graph in (*apart, both)
    ]
    first, second, together = (fifo_depths(design) for design in designs)
    assert first.interval < second.interval == together.interval == together.bound
    assert together.depths == {**first.depths, **second.depths}
    assert min(max(size.depths.values()) for size in (first, second)) > 2
    network = design_network(designs[2])
    with pytest.raises(CheckFailed, match="deadlock"):
        deadlock_free(
            network.with_models(
                {n: fifo_model(0 if n in first.depths else d) for n, d in together.depths.items()}
            )
        )
