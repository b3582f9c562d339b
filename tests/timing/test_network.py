"""Small networks whose figures can be worked out by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from hwcompress.errors import CheckFailed, InputError, UnsupportedError
from hwcompress.hls.rtl.timing import fifo_model, model_of
from hwcompress.sim.timing import (
    Buffer,
    Model,
    Pipeline,
    Slice,
    Stage,
    Step,
    TokenNetwork,
    deadlock_free,
    fork,
    pipeline,
    simulate,
    size_fifos,
    steady,
)


def _chain(*models: Model, beats: int) -> TokenNetwork:
    stages = [Stage(f"s{i}", (f"c{i}",), (f"c{i + 1}",), model) for i, model in enumerate(models)]
    return TokenNetwork(tuple(stages), ("c0",), (f"c{len(models)}",), {"c0": beats})


def _diamond(fifo: Model, frame: int) -> TokenNetwork:
    """A fork; one branch waits for the whole frame, the other one has a buffer; a join."""
    whole = Buffer(2 * frame, frame, np.full(frame, frame))
    stages = (
        Stage("fork", ("in",), ("a", "b"), fork(2)),
        Stage("whole", ("a",), ("c",), whole),
        Stage("fifo", ("b",), ("d",), fifo),
        Stage("join", ("c", "d"), ("out",), pipeline(1, inputs=2)),
    )
    return TokenNetwork(stages, ("in",), ("out",), {"in": frame})


def test_cycles_of_a_chain() -> None:
    """A skid, six registers, a sum of three: latencies add up, the sum sets the pace."""
    network = _chain(pipeline(0), pipeline(5), pipeline(2, period=3), beats=6)
    assert network.beats == {"c0": 6, "c1": 6, "c2": 6, "c3": 2}
    timing = simulate(network, 2, watched=("c0", "c3"))
    assert timing.beats["c0"].tolist() == list(range(12))
    assert timing.beats["c3"].tolist() == [12, 15, 18, 21]
    assert timing.streams["c3"].first.tolist() == [12, 18]
    assert timing.streams["c3"].last.tolist() == [15, 21]
    assert timing.cycles == 22
    found = steady(network)
    assert (found.interval, found.frames, found.cycles) == (6, 1, 6)


def test_half_slices_take_two_cycles() -> None:
    """And three of five accepting cycles give five thirds."""
    network = _chain(pipeline(0, output=Slice.HALF), beats=1)
    assert steady(network).interval == 2
    network = _chain(pipeline(0), beats=1)
    found = steady(network, accepts={"c1": np.array([1, 1, 0, 1, 0])})
    assert found.interval == Fraction(5, 3)


def test_pauses() -> None:
    """A beat that is offered stays; one that is not accepted waits."""
    network = _chain(pipeline(0), beats=2)
    offers = {"c0": np.array([0, 1, 0, 0])}
    accepts = {"c1": np.array([1, 1, 1, 0, 0, 0, 1, 1])}
    timing = simulate(network, 2, offers=offers, accepts=accepts, watched=("c0", "c1"))
    assert timing.beats["c0"].tolist() == [1, 5, 9, 13]
    assert timing.beats["c1"].tolist() == [2, 6, 10, 14]


@pytest.mark.parametrize("frame", [5, 12])
def test_depth_of_a_diamond(frame: int) -> None:
    """The short branch holds what the long one has taken before it gives its first beat."""
    network = _diamond(Buffer(1 << 40), frame)
    sizes = size_fifos(network, ["fifo"], fifo_model)
    assert sizes.interval == sizes.bound == frame
    depth = sizes.depths["fifo"]
    assert frame - 4 <= depth <= frame + 4
    for less in range(depth):
        sized = network.with_models({"fifo": fifo_model(less)})
        try:
            deadlock_free(sized)
        except CheckFailed:
            continue
        assert steady(sized).interval > frame


def test_deadlock_is_found_and_explained() -> None:
    """A branch too short for what the other one wants to see first."""
    network = _diamond(pipeline(0), 9)
    with pytest.raises(CheckFailed, match="deadlock: nothing moves since cycle") as failure:
        steady(network)
    assert "whole, holding 4 beats of this frame, waits for a beat from a" in str(failure.value)
    assert "fork waits for room in b" in str(failure.value)
    assert "join waits for a beat from c" in str(failure.value)
    with pytest.raises(CheckFailed, match="deadlock: under some stalls") as failure:
        deadlock_free(network)
    assert "fork waits for room in b" in str(failure.value)


def test_beats_in_pipeline_registers_are_not_counted_on() -> None:
    """A frame that only just fits at full speed can lock up once it is stalled."""
    frame = 12
    lucky = [
        depth
        for depth in range(3, 12)
        if _runs(_diamond(_with_registers(depth), frame)) and not _safe(depth, frame)
    ]
    assert lucky


def _with_registers(depth: int) -> Pipeline:
    return pipeline(depth)


def _safe(depth: int, frame: int) -> bool:
    try:
        deadlock_free(_diamond(_with_registers(depth), frame))
    except CheckFailed:
        return False
    return True


def _runs(network: TokenNetwork) -> bool:
    try:
        steady(network)
    except CheckFailed:
        return False
    return True


def test_what_does_not_fit_is_refused() -> None:
    """Every message names the channel or stage."""
    with pytest.raises(InputError, match="channel 'b' has 1 writers and 0 readers"):
        TokenNetwork((Stage("s", ("a",), ("b",), pipeline(0)),), ("a",), (), {"a": 1})
    with pytest.raises(InputError, match="stage 's' has 2 inputs and 1 results"):
        TokenNetwork(
            (Stage("s", ("a", "b"), ("c",), pipeline(0)),), ("a", "b"), ("c",), {"a": 1, "b": 1}
        )
    join = Stage("s", ("a", "b"), ("c",), pipeline(1, inputs=2))
    with pytest.raises(InputError, match="fixed proportion"):
        TokenNetwork((join,), ("a", "b"), ("c",), {"a": 1, "b": 2})
    with pytest.raises(InputError, match="gives 4/3 beats a frame"):
        _chain(pipeline(0, period=3), beats=4)
    with pytest.raises(InputError, match="has no number of beats"):
        TokenNetwork((join,), ("a", "b"), ("c",), {"a": 1})
    circle = Stage(
        "s", ("a", "c"), ("c", "d"), Pipeline(0, (Step(1, (0, 1), (0, 1)),), (Slice.SKID,) * 2)
    )
    with pytest.raises(InputError, match="go round in a circle: 's'"):
        TokenNetwork((circle,), ("a",), ("d",), {"a": 1})
    with pytest.raises(InputError, match="a segment needs 4 beats at once"):
        Buffer(3, 4, np.array([4]))
    with pytest.raises(UnsupportedError, match="'hwc_nothing' is not known"):
        model_of("hwc_nothing", {})
    with pytest.raises(UnsupportedError, match="'RATIO' is not known"):
        model_of("hwc_width_up", {})
