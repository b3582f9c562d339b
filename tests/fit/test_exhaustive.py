"""Small networks: the search against planning and estimating every folding that there is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.hls.estimate.design import estimate_plan
from hwcompress.hls.fit import EstimatedCost, Fitted, Offer, fit
from hwcompress.hls.fit.estimated import area_of
from hwcompress.hls.fit.menu import options_of
from hwcompress.hls.folding import Folding, engine
from hwcompress.hls.rtl.plan import plan
from hwcompress.hls.rtl.timing import fifo_depths, timing_of
from hwcompress.ir import Graph
from tests.conformance.generators import random_network

CAPACITY = {"lut": 4_000, "ff": 8_000, "bram18": 8, "dsp": 10}
_WHOLE = np.array(list(CAPACITY.values()))
_NEAR = 2e-3  # relative: where the search stops, and an inverter of the whole design
_MOST = 260  # foldings of a network


@dataclass(frozen=True)
class Design:
    """One folding with all that there is to know."""

    interval: float
    latency: int
    area: np.ndarray

    @property
    def share(self) -> float:
        return float((self.area / _WHOLE).max())


def _small(number: int) -> tuple[Graph, Offer, list[Folding]] | None:
    """A network of few foldings, if the number gives one."""
    rng = np.random.default_rng([number, 7])
    graph = random_network(number, max_size=4, max_channels=4)
    offer = [
        Offer(("lut",), ("logic", "block")),
        Offer(("lut", "dsp"), ("logic",)),
        Offer(("lut",), ("logic",)),
    ][rng.integers(3)]
    engines = {op.name: (op, item) for op in graph.layers if (item := engine(op, graph))}
    menus = [options_of(op, graph, item, offer) for op, item in engines.values()]
    count = int(np.prod([len(menu) for menu in menus]))
    if not 12 <= count <= _MOST:
        return None
    foldings = [
        Folding(
            {name: lanes for name, (lanes, _) in zip(engines, choice, strict=True)},
            {name: style for name, (_, style) in zip(engines, choice, strict=True)},
        )
        for choice in product(*menus)
    ]
    return graph, offer, foldings


def _design(graph: Graph, folding: Folding) -> Design | None:
    """None if there is no estimate: the search leaves such choices out, too."""
    made = plan(graph, folding)
    depths = fifo_depths(made.design()).depths
    timing = timing_of(made.design("", depths))
    try:
        area = area_of(estimate_plan(made, depths).total, "xc7")
    except InputError:
        return None
    return Design(float(timing.interval), timing.latency_frame, area)


def _within(designs: list[Design], budget: dict[str, int]) -> list[Design]:
    limit = np.array(list(budget.values()))
    return [design for design in designs if (np.ceil(design.area) <= limit).all()]


def _share(found: Fitted) -> float:
    return max(found.area[name] / CAPACITY[name] for name in CAPACITY)


def _compare(number: int, rng: np.random.Generator) -> int:
    """One network: the fastest, the smallest of some rates, fewer LUTs, and latencies."""
    small = _small(number)
    if small is None:
        return 0
    graph, offer, foldings = small
    every_design = [_design(graph, folding) for folding in foldings]
    designs = [design for design in every_design if design is not None]
    if not designs:
        return 0
    model = EstimatedCost()
    every = np.array([design.area for design in designs])
    few = {**CAPACITY, "lut": int(np.quantile(every[:, 0], 0.3)) + 1}
    for budget in (CAPACITY, few):
        allowed = _within(designs, budget)
        if not allowed:
            with pytest.raises(InputError):
                fit(graph, model, budget, offer=offer)
            continue
        best = fit(graph, model, budget, capacity=CAPACITY, offer=offer)
        least = min(design.interval for design in allowed)
        assert float(best.interval) == least
        fewest = min(design.share for design in allowed if design.interval == least)
        assert _share(best) <= fewest * (1 + _NEAR) + 2 / CAPACITY["lut"]
        for target in rng.choice([design.interval for design in allowed], 2):
            found = fit(graph, model, budget, cycles=int(target), capacity=CAPACITY, offer=offer)
            assert found.interval <= target
            fewest = min(design.share for design in allowed if design.interval <= target)
            assert _share(found) <= fewest * (1 + _NEAR) + 2 / CAPACITY["lut"]
            assert found.least_share <= fewest
        for target in rng.choice([design.latency for design in allowed], 2):
            early = [d.share for d in allowed if d.latency <= target and d.interval <= target]
            try:
                found = fit(
                    graph, model, budget, latency=int(target), capacity=CAPACITY, offer=offer
                )
            except InputError:  # not promised to be found where only few designs are so fast
                continue
            assert found.latency <= target
            assert found.least_share <= min(early) <= _share(found) + 2 / CAPACITY["lut"]
    return len(designs)


@pytest.mark.parametrize("number", [0, 32])
def test_two_networks(number: int) -> None:
    assert _compare(number, np.random.default_rng(number)) > 0


@pytest.mark.long
def test_every_small_one_of_many_networks() -> None:
    compared = [_compare(number, np.random.default_rng(number)) for number in range(120)]
    assert sum(count > 0 for count in compared) >= 20
