"""A latency that was asked for is kept, by the cycle model; one that cannot be had is refused."""

from __future__ import annotations

import re

import pytest

from hwcompress.errors import InputError
from hwcompress.hls.fit.search import fit
from hwcompress.hls.rtl.plan import plan
from hwcompress.hls.rtl.timing import timing_of
from tests.property.cases import case

from .simple import SimpleModel

BUDGET = {"lut": 20_000, "ff": 40_000, "bram18": 60, "dsp": 60}


@pytest.mark.parametrize("number", [0, 5])
def test_the_frame_is_out_in_time(number: int) -> None:
    graph = case(number).graph
    best = fit(graph, SimpleModel(), BUDGET)
    shares = []
    for latency in (best.latency, 4 * best.latency):
        found = fit(graph, SimpleModel(), BUDGET, latency=latency)
        design = plan(graph, found.folding).design("", found.depths)
        assert timing_of(design).latency_frame == found.latency <= latency
        assert all(found.area[name] <= BUDGET[name] for name in BUDGET)
        assert found.least_share <= found.share
        shares.append(found.share)
    assert shares[0] > shares[-1]  # time saves area


def test_latency_and_interval_at_once() -> None:
    graph = case(5).graph
    free = fit(graph, SimpleModel(), BUDGET, latency=170)
    both = fit(graph, SimpleModel(), BUDGET, latency=170, cycles=int(free.interval) // 2)
    assert both.latency <= 170
    assert both.interval <= int(free.interval) // 2 < free.interval


def test_a_latency_that_cannot_be_had_is_refused_with_one_that_can() -> None:
    graph = case(8).graph
    with pytest.raises(InputError, match="the least latency that was found is") as error:
        fit(graph, SimpleModel(), BUDGET, latency=5)
    least = int(re.findall(r"found is (\d+) cycles", str(error.value))[0])
    assert fit(graph, SimpleModel(), BUDGET, latency=least).latency <= least
