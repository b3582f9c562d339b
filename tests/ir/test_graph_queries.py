"""What a graph answers about itself, and what it says to wrong samples."""

from __future__ import annotations

import numpy as np
import pytest

from hwcompress.errors import CheckFailed, InputError
from hwcompress.ir import (
    Affine,
    ArgMax,
    Graph,
    Input,
    IntType,
    Op,
    Output,
    Reshape,
    evaluate,
    trace,
)

_U4 = IntType.unsigned_bits(4)


def _input(*shape: int) -> Input:
    return Input("in", (), ("x",), shape, tuple(range(len(shape))), shape, _U4, 1.0)


def _build(*ops: Op) -> Graph:
    return Graph.build("g", [_input(4, 4, 2), *ops, Output("out", ("y",), ())])


def test_queries() -> None:
    graph = _build(Reshape("r", ("x",), ("v",), (32,)), ArgMax("a", ("v",), ("y",)))
    assert [op.name for op in graph.ops] == ["in", "r", "a", "out"]
    assert [op.name for op in graph.layers] == ["r", "a"]
    assert [op.name for op in graph.inputs] == ["in"]
    assert [op.name for op in graph.outputs] == ["out"]
    assert graph.producer("v").name == "r"
    assert [op.name for op in graph.consumers("v")] == ["a"]
    assert graph.input_types(graph.layers[0])[0].shape == (4, 4, 2)
    assert graph.output_types(graph.layers[1])[0].dtype == IntType(0, 31)


def test_affine() -> None:
    affine = Affine((0.5, 2.0), (1.0, 0.0))
    assert affine.apply(np.array([[2, 3]])).tolist() == [[2.0, 6.0]]
    assert not affine.uniform
    assert Affine((0.5, 0.5), (1.0, 1.0)).uniform
    assert not Affine((-0.5,)).uniform


def test_feeding_errors() -> None:
    graph = _build(Reshape("r", ("x",), ("y",), (32,)))
    good = np.zeros((2, 4, 4, 2), np.int64)
    for values, message in [
        ({"z": good}, "g: input 'x' is missing"),
        (good[:, :3], r"input 'x': samples of shape \(3, 4, 2\), expected \(4, 4, 2\)"),
        (good + 0.5, "input 'x': dtype float64 is not an integer type"),
        (good + 16, "input 'x': values 16..16 are not all of type u4"),
        (good.astype(np.uint64) - np.uint64(1), "are not all of type u4"),
    ]:
        with pytest.raises(InputError, match=message):
            evaluate(graph, values)  # type: ignore[arg-type]
    both = [_input(2), Input("j", (), ("z",), (2,), (0,), (2,), _U4, 1.0)]
    outputs = [Output("o", ("x",), ()), Output("p", ("z",), ())]
    with pytest.raises(InputError, match="two has 2 inputs; give them by name"):
        evaluate(Graph.build("two", [*both, *outputs]), good)


def test_an_operation_that_leaves_its_type_is_found() -> None:
    class Broken(Reshape):
        def evaluate(self, inputs):  # type: ignore[no-untyped-def]
            return (inputs[0].reshape(-1, 32) + 1,)

    graph = _build(Broken("b", ("x",), ("y",), (32,)))
    with pytest.raises(CheckFailed, match=r"Broken 'b': values 16..16 left the type u4"):
        trace(graph, np.full((1, 4, 4, 2), 15))
