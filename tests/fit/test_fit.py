"""Whole networks: what is asked for is kept by the cycle model, buffers included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.hls.fit import search
from hwcompress.hls.fit.cost import UNKNOWN
from hwcompress.hls.fit.network import menus_of
from hwcompress.hls.fit.search import fit
from hwcompress.hls.folding import Folding, Lanes, Style
from hwcompress.hls.rtl.design import Design
from hwcompress.hls.rtl.plan import plan
from hwcompress.hls.rtl.timing import fifo_depths, timing_of
from hwcompress.ir import Constant, Graph, Op
from hwcompress.sim.timing import FifoSizes
from tests.property.cases import case

from .simple import SimpleModel

BUDGET = {"lut": 6_000, "ff": 12_000, "bram18": 20, "dsp": 20}


@pytest.mark.parametrize("number", [0, 3, 5])
def test_the_fastest_design_and_one_half_as_fast(number: int) -> None:
    graph = case(number).graph
    best = fit(graph, SimpleModel(), BUDGET)
    assert all(best.area[name] <= BUDGET[name] for name in BUDGET)
    assert best.least_cycles <= best.interval
    target = 2 * int(best.interval)
    small = fit(graph, SimpleModel(), BUDGET, cycles=target)
    assert small.share <= best.share + 1e-3
    for found, limit in ((best, best.interval), (small, target)):
        design = plan(graph, found.folding).design("", found.depths)
        assert timing_of(design).interval == found.interval <= limit


class Half(SimpleModel):
    """A model that cannot tell the area of every second choice."""

    def engine(self, op: Op, graph: Graph, choices: Sequence[tuple[Lanes, Style]]) -> np.ndarray:
        found = super().engine(op, graph, choices)
        if not isinstance(op, Constant):
            found[1::2] = UNKNOWN
        return found


def test_choices_without_an_area_are_counted_and_never_taken() -> None:
    graph = case(3).graph
    known, half = fit(graph, SimpleModel(), BUDGET), fit(graph, Half(), BUDGET)
    sizes = [len(node) for node in menus_of(graph, SimpleModel()).engines.values()]
    assert (known.unknown, half.unknown) == (0, sum(size // 2 for size in sizes))
    assert half.interval >= known.interval
    assert max(half.area.values()) < UNKNOWN


def test_what_cannot_be_had_is_said() -> None:
    graph = case(0).graph
    with pytest.raises(InputError, match="keeps within 1 lut"):
        fit(graph, SimpleModel(), {**BUDGET, "lut": 1})
    with pytest.raises(InputError, match="at most 1 cycles .*fastest engines take"):
        fit(case(5).graph, SimpleModel(), BUDGET, cycles=1)
    with pytest.raises(InputError, match="give lut, ff, bram18, dsp"):
        fit(graph, SimpleModel(), {"lut": 5})


def test_a_design_that_turns_out_slower_is_not_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cycle model has the last word: it is made to find half as many cycles more."""
    graph = case(0).graph
    target = 2 * int(fit(graph, SimpleModel(), BUDGET).interval)
    tried = []

    def slower(design: Design) -> FifoSizes:
        sizes = fifo_depths(design)
        tried.append(sizes.interval)
        return replace(sizes, interval=sizes.interval * Fraction(3, 2))

    monkeypatch.setattr(search, "fifo_depths", slower)
    found = fit(graph, SimpleModel(), BUDGET, cycles=target)
    assert tried[0] * Fraction(3, 2) > target  # the first choice would have been too slow
    assert len(tried) > 1
    assert found.interval <= target


def test_buffers_are_a_part_of_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, none = case(0).graph, {**BUDGET, "dsp": 0}
    best = fit(graph, SimpleModel(), none)
    budget = {**none, "lut": best.area["lut"]}
    extra = np.array([best.area["lut"] // 4, 0, 0, 0])
    monkeypatch.setattr(search, "_buffers", lambda model, fifos: extra)
    found = fit(graph, SimpleModel(), budget)
    assert found.area["lut"] <= budget["lut"]
    assert found.interval > best.interval


def test_fixed_engines_stay() -> None:
    found = case(0)
    name = next(iter(found.folding.lanes))
    fixed = Folding({name: found.folding.lanes[name]})
    assert (
        fit(found.graph, SimpleModel(), BUDGET, fixed=fixed).folding.lanes[name]
        == (found.folding.lanes[name])
    )
