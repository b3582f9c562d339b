"""Buffers of designs with branches are as deep as they must be, says the token machine.

tests/property compares every beat of such designs with the Verilog, and measures there
what a less deep buffer costs.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from hwcompress.errors import CheckFailed
from hwcompress.hls.rtl.plan import plan
from hwcompress.hls.rtl.timing import design_network, fifo_depths, fifo_model
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
