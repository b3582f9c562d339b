"""Buffers of whole networks are as deep as they must be, measured in the Verilog itself.

For every buffer of a network the next smaller hardware is put in its place: one beat
less, a register slice for three beats, a mere connection for a register slice.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import CheckFailed
from hwcompress.hls.rtl import Design, generate
from hwcompress.hls.rtl.timing import design_network
from hwcompress.sim.timing import Steady, simulate, steady
from tests.conformance.generators import random_inputs

from .bench import Bench
from .cases import Case, case, pauses
from .check import LENGTH, Facts, watchdog
from .test_networks import LONG

_FRAMES = 6
_TRIALS = 300  # patterns of pauses
_DEEP = 60  # frames that a run may take to settle, longer ones are not simulated


def _smaller(depth: int) -> int:
    if depth <= 2:
        return 0
    return 2 if depth == 3 else depth - 1


def _measure(case: Case, design: Design, frames: int) -> list[int] | None:
    """Cycles of the ends of frames at the first output; None if the design stands still."""
    bench = Bench(design, length=LENGTH, most_frames=frames)
    run = bench.run(
        random_inputs(case.graph, frames, case.number), offers={}, accepts={},
        limit=1_000_000, watchdog=watchdog(design), strict=False,
    )  # fmt: skip
    return None if run.deadlock else run.outputs[0].ends()


def _settles(design: Design) -> Steady | None:
    try:
        return steady(design_network(design))
    except CheckFailed:  # a deadlock
        return None


def _check(case: Case, folder: Path, totals: Facts) -> None:
    """Each buffer of the network less deep: the Verilog is slower, or stands still."""
    depths = case.sizes.depths
    for name, depth in depths.items():
        if not depth:
            continue
        where = folder / name
        given = {**depths, name: _smaller(depth)}
        design = generate(case.graph, case.folding, where, fifo_depths=given)
        run = _settles(design)
        if run is None:
            assert _measure(case, design, 3) is None, f"{name}: no deadlock in the RTL"
            totals.deadlocks_shown += 1
            continue
        first, last = run.settled, run.settled + run.frames
        if run.interval > case.sizes.interval and last >= _DEEP:
            totals.buffers_left += 1
            continue
        if run.interval == case.sizes.interval:
            _needed_under_pauses(case, design, totals)
            continue
        ends = _measure(case, design, last + 1)
        assert ends is not None, f"{name}: deadlock"
        assert ends[last] - ends[first] == run.cycles, name
        assert ends[last] - ends[first] > case.sizes.interval * run.frames, f"{name}: not slower"
        totals.slower_shown += 1


def _needed_under_pauses(case: Case, design: Design, totals: Facts) -> None:
    """The full rate needs no more, but then there are pauses that make all stand still.

    Unless beats find room in the registers of a pipeline: freedom from deadlock is
    proven without them (docs/timing.md), so such a depth is not refuted by a run.
    """
    network = design_network(design)
    rng = np.random.default_rng([case.number, 83])
    for _ in range(_TRIALS):
        offers, accepts = pauses(design, rng, LENGTH)
        try:
            simulate(network, _FRAMES, offers=offers, accepts=accepts)
        except CheckFailed:
            bench = Bench(design, length=LENGTH, most_frames=_FRAMES)
            feeds = random_inputs(case.graph, _FRAMES, case.number)
            run = bench.run(
                feeds, offers=offers, accepts=accepts, limit=1_000_000,
                watchdog=watchdog(design), strict=False,
            )  # fmt: skip
            assert run.deadlock, "no deadlock in the RTL"
            totals.deadlocks_shown += 1
            return
    totals.proof_only += 1


@pytest.mark.parametrize("number", [1, 2, 6])
def test_less_deep(tmp_path: Path, number: int, totals: Facts) -> None:
    network = case(number)
    assert any(depth > 2 for depth in network.sizes.depths.values())
    before = totals.slower_shown + totals.deadlocks_shown
    _check(network, tmp_path, totals)
    assert totals.slower_shown + totals.deadlocks_shown > before


@pytest.mark.long
@pytest.mark.parametrize("number", LONG)
def test_less_deep_of_many(tmp_path: Path, number: int, totals: Facts) -> None:
    _check(case(number), tmp_path, totals)
