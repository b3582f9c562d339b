"""The interval that a design states is the one that its hardware has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import GraphError
from hwcompress.hls.folding import Engine, Folding, Lanes, engine
from hwcompress.ir import (
    TERNARY,
    Conv,
    Dense,
    Graph,
    IntType,
    MaxPool,
    Op,
    Reshape,
    SumPool,
    Threshold,
)
from hwcompress.ir.op import TensorType

from .designs import check_cycles, check_design
from .graphs import chain

_SLOWEST = 3000  # cycles of a frame, so that a simulation takes a second at most


def _draw_op(rng: np.random.Generator, index: int, source: TensorType) -> Op:
    names = (f"l{index}", (f"t{index}",), (f"t{index + 1}",))
    channels = source.channels
    if source.dtype.bits > 2:
        table = np.array([[-1, 1, 3]])
        return Threshold(*names, table, np.ones(1, np.int64), IntType(0, 3))
    if rng.integers(3) == 0:
        side = min(2, *source.shape[:2])
        kind = MaxPool if rng.integers(2) else SumPool
        return kind(*names, (side, side), (side, side))
    side, stride = int(rng.choice([1, 2, 3, 3, 5])), int(rng.choice([1, 1, 2, 3]))
    pad = int(rng.choice([0, (side - 1) // 2, side - 1]))
    groups = channels if rng.integers(3) == 0 else 1
    rows = channels if groups > 1 else int(rng.choice([2, 4, 6, 8]))
    weight = rng.integers(-1, 2, (rows, side, side, channels // groups))
    dilation = int(rng.choice([1, 1, 2]))
    padding = (pad, pad, int(rng.integers(0, pad + 1)), pad)
    strides = (stride, int(rng.choice([stride, 1, 2])))
    return Conv(*names, weight, TERNARY, None, strides, padding, (dilation,) * 2, groups, 0)


def _chain(rng: np.random.Generator) -> Graph:
    """Convolutions, thresholds, pools, perhaps a dense head."""
    height, width = (int(side) for side in rng.choice([1, 3, 5, 6, 8, 9, 12], 2))
    source = current = TensorType((height, width, int(rng.choice([1, 2, 4, 6]))), IntType(0, 3))
    ops: list[Op] = []

    def push(op: Op) -> None:
        nonlocal current
        (current,) = op.infer([current])
        ops.append(op)

    for _ in range(rng.integers(3, 7)):
        try:
            push(_draw_op(rng, len(ops), current))
        except GraphError:  # the window does not fit
            break
    if rng.integers(2) or not ops:
        push(Reshape("r", (f"t{len(ops)}",), (f"t{len(ops) + 1}",), (current.size,)))
        weight = rng.integers(-1, 2, (int(rng.choice([3, 4, 8])), current.size))
        push(Dense("d", (f"t{len(ops)}",), (f"t{len(ops) + 1}",), weight, TERNARY))
    return chain("equal loads", source.shape, source.dtype, ops)


def _equal_loads(graph: Graph, rng: np.random.Generator) -> Folding:
    """Every engine as slow as it may be, so that no one has time to spare."""
    engines: dict[str, Engine] = {}
    for op in graph.layers:
        item = engine(op, graph)
        if item is not None:
            engines[op.name] = item
    cycles = {name: [item.cycles(x) for x in item.choices()] for name, item in engines.items()}
    fastest = max(min(row) for row in cycles.values())
    slowest = max(fastest, min(_SLOWEST, max(max(row) for row in cycles.values())))
    target = int(fastest * (slowest / fastest) ** (0.7 * rng.random()))
    lanes = {}
    for name, item in engines.items():
        most = max(count for count in cycles[name] if count <= target)
        good = [x for x, n in zip(item.choices(), cycles[name], strict=True) if n == most]
        lanes[name] = good[rng.integers(len(good))]
    return Folding(lanes)


def _measure(seed: int, folder: Path) -> None:
    rng = np.random.default_rng([seed, 41])
    graph = _chain(rng)
    folding = _equal_loads(graph, rng)
    design, response = check_design(graph, folding, folder, frames=8)
    beats = design.outputs[0].beats_per_frame
    ends = response.cycles[beats - 1 :: beats]
    # Width converters keep the rate: none of them is the busiest module.
    made = [(op, engine(op, graph)) for op in graph.layers]
    busiest = max(item.cycles(folding.of(op)) for op, item in made if item is not None)
    assert design.interval == max(busiest, design.inputs[0].beats_per_frame, beats)
    assert list(np.diff(ends)[4:]) == [design.interval] * 3, f"seed {seed}"


@pytest.mark.parametrize("seed", range(14))
def test_equal_loads(tmp_path: Path, seed: int) -> None:
    """Layers that are all about equally busy, where a bubble anywhere would show."""
    _measure(seed, tmp_path)


def test_rows_of_one_beat(tmp_path: Path) -> None:
    """The buffer of a window has room for the cycles between writing and releasing."""
    for side in (2, 3):
        op = SumPool("p", ("t0",), ("t1",), (side, 1), (side, 1))
        graph = chain("column", (6 * side, 1, 2), IntType(0, 3), [op])
        design, response = check_design(
            graph, Folding({"p": Lanes(2)}), tmp_path / f"{side}", frames=8
        )
        assert design.interval == 6 * side
        assert list(np.diff(response.cycles[5::6])[4:]) == [6 * side] * 3


@pytest.mark.parametrize(
    ("lanes", "interval"), [(Lanes(6, 6), 27), (Lanes(1, 54), 38), (Lanes(2, 54), 25)]
)
def test_rows_behind_the_last_window(tmp_path: Path, lanes: Lanes, interval: int) -> None:
    """The next image comes in over rows that no window reads, while the only windows leave."""
    rng = np.random.default_rng(43)
    rows = 12 if lanes.pe == 1 else 6  # so that reading takes longer than the input
    weight = rng.integers(-1, 2, (rows, 3, 3, 6))
    op = Conv("c", ("t0",), ("t1",), weight, TERNARY, None, (3, 1))
    graph = chain("behind", (5, 5, 6), IntType(0, 3), [op])
    design, response = check_design(graph, Folding({"c": lanes}), tmp_path, frames=8)
    beats = design.outputs[0].beats_per_frame
    assert design.interval == interval
    assert list(np.diff(response.cycles[beats - 1 :: beats])[4:]) == [interval] * 3


def test_lanes_that_divide_neither_way(tmp_path: Path) -> None:
    """Four to six lanes go through twelve: no converter slows the chain down."""
    ops: list[Op] = [
        Threshold("t", ("t0",), ("t1",), np.array([[2, 4, 9]]), np.ones(1, np.int64),
                  IntType(0, 3)),
        MaxPool("p", ("t1",), ("t2",), (1, 2), (1, 2)),
    ]  # fmt: skip
    graph = chain("gearbox", (1, 6, 12), IntType(0, 15), ops)
    folding = Folding({"t": Lanes(4), "p": Lanes(6)})
    design, response = check_design(graph, folding, tmp_path, frames=8)
    assert design.interval == 18
    beats = design.outputs[0].beats_per_frame
    assert list(np.diff(response.cycles[beats - 1 :: beats])[4:]) == [18] * 3


def test_a_beat_that_comes_late_is_found(tmp_path: Path) -> None:
    """What every streaming test compares: beats under pauses; interval and latencies without."""
    op = SumPool("p", ("t0",), ("t1",), (2, 2), (2, 2))
    graph = chain("late", (4, 4, 2), IntType(0, 3), [op])
    folding = Folding({"p": Lanes(1)})
    for name, stalls in (("free", (0, 0)), ("paused", (90, 90))):
        design, response = check_design(graph, folding, tmp_path / name, stalls=stalls)
        cycles = list(response.cycles)
        for place in (0, len(cycles) // 2, len(cycles) - 1):
            late = [cycle + (number >= place) for number, cycle in enumerate(cycles)]
            with pytest.raises(AssertionError, match="m_axis"):
                check_cycles(design, [replace(response, cycles=late)], 3, paused=any(stalls))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 500))
def test_many_equal_loads(tmp_path: Path, seed: int) -> None:
    """A long sweep over the same."""
    _measure(seed, tmp_path)
