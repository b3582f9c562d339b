"""Constant, and what every operation checks about its fields and names when it is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import GraphError
from hwcompress.ir import (
    BIPOLAR,
    Add,
    Concat,
    Constant,
    Dense,
    Graph,
    Input,
    IntType,
    Mul,
    Op,
    Output,
    Reshape,
    Shuffle,
    Split,
    format_graph,
    load,
    save,
    trace,
)
from tests.conformance.generators import random_inputs, random_op_graph

_T = IntType(-8, 7)
_VALUES = np.arange(6).reshape(3, 2) - 2


def _graph(*ops: Op, end: str = "y") -> Graph:
    source = Input("in", (), ("x",), (3, 2), (0, 1), (3, 2), _T, 1.0)
    return Graph.build("g", [source, *ops, Output("out", (end,), ())])


def _constant(values: np.ndarray = _VALUES, dtype: IntType = _T) -> Constant:
    return Constant("c", (), ("k",), values, dtype)


_ADD = Add("a", ("x", "k"), ("y",), np.array([[1], [3]]))


def test_values_reach_every_sample() -> None:
    graph = _graph(_constant(), _ADD)
    x = np.arange(24).reshape(4, 3, 2) % 16 - 8
    seen = trace(graph, x)
    assert seen["k"].shape == (4, 3, 2)
    for sample in range(4):
        for index in np.ndindex(3, 2):
            assert seen["k"][sample][index] == _VALUES[index]
            assert seen["y"][sample][index] == x[sample][index] + 3 * _VALUES[index]
    assert trace(graph, x[:0])["k"].shape == (0, 3, 2)


@pytest.mark.parametrize("seed", range(30))
def test_ranges_are_exact(seed: int) -> None:
    graph = random_op_graph("Constant", seed)
    (constant,) = (op for op in graph.layers if isinstance(op, Constant))
    rows = constant.values.reshape(-1, constant.values.shape[-1])
    bounds = graph.ranges()["k"]
    assert bounds.lo.tolist() == [min(column) for column in rows.T.tolist()]
    assert bounds.hi.tolist() == [max(column) for column in rows.T.tolist()]
    reached = graph.ranges()["y"]
    values = trace(graph, random_inputs(graph, 20, seed))["y"].reshape(-1, reached.lo.size)
    assert np.all(values.min(axis=0) >= reached.lo) and np.all(values.max(axis=0) <= reached.hi)


def test_files_and_text(tmp_path: Path) -> None:
    graph = _graph(_constant(), _ADD)
    save(graph, tmp_path)
    again = load(tmp_path)
    assert format_graph(again) == format_graph(graph)
    assert "k: i4[3,2] = Constant()  values=3x2 dtype=i4" in format_graph(graph)
    (op,) = (op for op in again.layers if isinstance(op, Constant))
    assert np.array_equal(op.values, _VALUES)


@pytest.mark.parametrize(
    ("values", "dtype", "message"),
    [
        (_VALUES, IntType(0, 7), "values -2..3 are not all of type u3"),
        (_VALUES, BIPOLAR, "are not all of type bipolar"),
        (np.zeros((2, 2), np.int64), BIPOLAR, "values 0..0 are not all of type bipolar"),
        (_VALUES.astype(np.int32), _T, "values int32 of shape"),
        (np.array(3), _T, "are not int64 with an axis"),
        (np.zeros((0, 2), np.int64), _T, "and an element"),
    ],
)
def test_what_does_not_fit_is_refused(values: np.ndarray, dtype: IntType, message: str) -> None:
    with pytest.raises(GraphError, match=message) as caught:
        _constant(values, dtype).infer([])
    assert "Constant 'c'" in str(caught.value)


def test_a_constant_takes_no_input() -> None:
    with pytest.raises(GraphError, match="takes 0 inputs, is given 1"):
        _graph(Constant("c", ("x",), ("y",), _VALUES, _T))


@pytest.mark.parametrize("between", [(), (Reshape("r", ("k",), ("k2",), (6,)),)])
def test_an_output_that_no_input_reaches_is_refused(between: tuple[Op, ...]) -> None:
    end = between[-1].outputs[0] if between else "k"
    with pytest.raises(GraphError, match=f"tensor '{end}' depends on no Input"):
        _graph(_constant(), *between, Output("used", ("x",), ()), end=end)
    graph = _graph(_constant(), _ADD)
    assert graph.fed == {"x", "y"}


_INTS = [1, 0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Constant("c", (), ("k",), _INTS, _T), "values is a list, not a NumPy array"),
        (lambda: Add("a", ("x", "x"), ("y",), [[1], [2]]), "multipliers is a list, not a NumPy"),
        (lambda: Shuffle("s", ("x",), ("y",), (1, 0)), "permutation is a tuple, not a NumPy"),
        (lambda: Dense("d", ("x",), ("y",), None, _T), "weight is a NoneType, not a NumPy"),
        (lambda: Dense("d", ("x",), ("y",), np.ones((1, 2), np.int64), _T, [0]), "bias is a list"),
        (lambda: Reshape("r", ("x",), ("y",), [6]), "shape is a list"),
        (lambda: Split("s", ("x",), ("y", "z"), [1, 1]), "sizes is a list"),
        (lambda: Concat("c", ["x", "x"], ("y",)), "no text, or not in a tuple"),
        (lambda: Mul("m", "xx", ("y",)), "no text, or not in a tuple"),
        (lambda: Mul("m", ("x", 3), ("y",)), "no text, or not in a tuple"),
        (lambda: Mul(None, ("x", "x"), ("y",)), "no text, or not in a tuple"),
        (lambda: Mul("m\0", ("x", "x"), ("y",)), r"name 'm\\x00' holds a NUL"),
        (lambda: Mul("m", ("x", "x\ud800"), ("y",)), r"name 'x\\ud800' holds a NUL or half"),
        (lambda: Mul("m", ("x", "x"), ("y\udfff",)), "use other characters"),
        (lambda: Graph.build("g\0", []), "graph: name"),
    ],
)  # fmt: skip
def test_fields_and_names(make: Callable[[], object], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        make()


@pytest.mark.parametrize("factor", [-(1 << 63), (1 << 63) - 1, -(1 << 62)])
def test_multipliers_at_the_ends_of_int64(factor: int) -> None:
    rows = np.array([[1], [factor]], np.int64)
    with pytest.raises(GraphError, match=r"the accumulator may exceed 2\*\*62"):
        _graph(Add("a", ("x", "x"), ("y",), rows))


@pytest.mark.parametrize("weight", [-(1 << 63), (1 << 63) - 1])
def test_weights_at_the_ends_of_int64(weight: int) -> None:
    made = Dense("d", ("v",), ("y",), np.full((1, 6), weight, np.int64), _T)
    with pytest.raises(GraphError, match="are not all of type"):
        _graph(Reshape("r", ("x",), ("v",), (6,)), made)
