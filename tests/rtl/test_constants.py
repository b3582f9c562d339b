"""Constants in designs: their memory, several readers, and beats that would come too early."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.hls.folding import Folding, Lanes, default_folding
from hwcompress.hls.rtl.plan import plan
from hwcompress.hls.rtl.timing import timing_of
from hwcompress.ir import Add, Concat, Constant, Graph, Input, IntType, Mul, Op, Output, Reshape

from .dag_designs import check_dag, intervals

_SHAPE = (4, 6, 8)
_T = IntType(-8, 7)


def _graph(*ops: Op, ends: tuple[str, ...] = ("y",)) -> Graph:
    source = Input("in", (), ("x",), _SHAPE, (0, 1, 2), _SHAPE, _T, 1.0)
    outputs = [Output(f"out_{end}", (end,), ()) for end in ends]
    return Graph.build("constants", [source, *ops, *outputs])


def _constant(values: np.ndarray, name: str = "k") -> Constant:
    full = np.array(np.broadcast_to(values, _SHAPE), np.int64)
    return Constant(f"make_{name}", (), (name,), full, _T)


def _add(first: str, second: str, result: str, name: str = "add") -> Add:
    return Add(name, (first, second), (result,), np.ones((2, 1), np.int64))


_CHANNELS = np.arange(8) - 3
_POSITIONS = np.arange(24).reshape(4, 6, 1) % 15 - 7
_ROWS = np.arange(4).reshape(4, 1, 1)


@pytest.mark.parametrize(
    ("values", "lanes", "words", "repeat", "copies"),
    [
        (np.array([5]), 4, 1, 1, 4),
        (np.array([5]), 48, 1, 1, 48),
        (_CHANNELS, 1, 8, 1, 1),
        (_CHANNELS, 4, 2, 1, 1),
        (_CHANNELS, 8, 1, 1, 1),
        (_CHANNELS, 24, 1, 1, 3),
        (_POSITIONS, 2, 24, 4, 2),
        (_POSITIONS, 8, 24, 1, 8),
        (_ROWS, 1, 4, 48, 1),
        (_ROWS, 24, 4, 2, 24),
        (_ROWS + np.repeat([0, 3], 4), 4, 48, 1, 4),
        (_ROWS + _CHANNELS, 8, 4, 6, 1),
    ],
)
def test_memory_of_the_period(
    values: np.ndarray, lanes: int, words: int, repeat: int, copies: int, tmp_path: Path
) -> None:
    graph = _graph(_constant(values), _add("x", "k", "y"))
    folding = Folding({"add": Lanes(lanes)})
    made = plan(graph, folding)
    (item,) = (i for i in made.builder.netlist.instances if i.module == "hwc_constant")
    found = tuple(item.parameters[name] for name in ("WORDS", "REPEAT", "COPIES", "BEATS"))
    assert found == (words, repeat, copies, 192 // lanes)
    (memory,) = made.builder.memories
    assert (memory.depth, memory.width) == (words, lanes // copies * 4)
    assert "hwc_width_up" not in made.builder.modules
    assert "hwc_width_down" not in made.builder.modules
    design, responses = check_dag(graph, folding, tmp_path / "free", frames=5)
    assert set(intervals(design, responses)[0][2:]) == {192 // lanes}
    assert timing_of(design).interval == 192 // lanes
    check_dag(graph, folding, tmp_path / "stalled", stalls=(110, 110))


def test_several_readers_and_another_shape(tmp_path: Path) -> None:
    """A fork, with a buffer where one reader takes the constant later than the other."""
    flat = Constant("flat", (), ("f",), np.arange(192) % 16 - 8, _T)
    graph = _graph(
        _constant(_POSITIONS),
        flat,
        Reshape("shaped", ("f",), ("s",), _SHAPE),
        _add("x", "k", "a", "first"),
        _add("a", "s", "b", "second"),
        Mul("third", ("b", "k"), ("y",)),
    )
    for lanes in (1, 8):
        folding = Folding({name: Lanes(lanes) for name in ("first", "second", "third")})
        design, responses = check_dag(graph, folding, tmp_path / f"{lanes}", frames=6)
        assert set(intervals(design, responses)[0][3:]) == {192 // lanes}
        assert any(item.module == "hwc_fork" for item in design.instances)


@pytest.mark.parametrize("lanes", [1, 2, 8])
def test_no_beat_leaves_before_its_frame(lanes: int, tmp_path: Path) -> None:
    """The bench fails on a beat too many, which a constant in front would give at once."""
    graph = _graph(
        _constant(_CHANNELS),
        _constant(_ROWS, "l"),
        Concat("concat", ("l", "k", "x", "k"), ("y",)),
    )
    design, responses = check_dag(
        graph, Folding({"concat": Lanes(lanes)}), tmp_path, frames=4, stalls=(150, 0)
    )
    (item,) = (item for item in design.instances if item.module == "hwc_concat")
    assert item.parameters["LEAD"] == 2
    (beats,) = (response.cycles for response in responses)
    assert timing_of(design).latency_first_output > 0
    assert len(beats) == 4 * 768 // lanes


def test_default_folding(tmp_path: Path) -> None:
    graph = _graph(_constant(_POSITIONS), _add("x", "k", "y"))
    folding = default_folding(graph, target_cycles=48)
    assert set(folding.lanes) == {"add"}
    assert folding.lanes["add"].pe == 4
    check_dag(graph, folding, tmp_path)
