"""The validator: every rule that a graph can break, by its message."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hwcompress.errors import GraphError
from hwcompress.ir import (
    BIPOLAR,
    Affine,
    ArgMax,
    Conv,
    Dense,
    Graph,
    Input,
    IntType,
    MaxPool,
    Op,
    Output,
    Rescale,
    Reshape,
    SumPool,
    Threshold,
)

_U4 = IntType.unsigned_bits(4)
_W4 = IntType.signed_bits(4)
_BIG = IntType(-(1 << 61), 1 << 61)


def _input(*shape: int, dtype: IntType = _U4) -> Input:
    return Input("in", (), ("x",), shape, tuple(range(len(shape))), shape, dtype, 1.0)


def _build(*ops: Op, source: Input | None = None) -> Graph:
    return Graph.build("g", [source or _input(4, 4, 2), *ops, Output("out", ("y",), ())])


def _ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.int64)


def _dense(weight: np.ndarray, wtype: IntType = _W4, bias: np.ndarray | None = None) -> Graph:
    source = _input(3)
    return _build(Dense("d", ("x",), ("y",), weight, wtype, bias), source=source)


def _conv(weight: np.ndarray, wtype: IntType = _W4, **facts) -> Graph:  # type: ignore[no-untyped-def]
    return _build(Conv("c", ("x",), ("y",), weight, wtype, **facts))


def _threshold(thresholds: np.ndarray, sign: np.ndarray, otype: IntType) -> Graph:
    return _build(Threshold("t", ("x",), ("y",), thresholds, sign, otype))


def _rescale(
    mul: np.ndarray, add: np.ndarray, shift: np.ndarray, rounding: str = "floor",
    otype: IntType = _U4,
) -> Graph:  # fmt: skip
    return _build(Rescale("r", ("x",), ("y",), mul, add, shift, rounding, otype))


def _max_pool(*facts) -> Graph:  # type: ignore[no-untyped-def]
    return _build(MaxPool("p", ("x",), ("y",), *facts))


def _edge(**facts) -> Graph:  # type: ignore[no-untyped-def]
    given = {
        "source_shape": (4,), "axes": (0,), "shape": (4,), "dtype": _U4, "scale": 1.0,
    } | facts  # fmt: skip
    return Graph.build("g", [Input("in", (), ("x",), **given), Output("out", ("x",), ())])


_ONE = np.array([1])
_CASES: list[tuple[str, Callable[[], Graph]]] = [
    # graph
    (
        "Reshape 'r': input 'q' is made by no earlier operation."
        " Remedy: list operations in topological order",
        lambda: _build(Reshape("r", ("q",), ("y",), (32,))),
    ),
    (
        "Reshape 'r': takes 1 inputs, is given 2",
        lambda: _build(Reshape("r", ("x", "x"), ("y",), (32,))),
    ),
    ("Reshape 'r': takes 1 inputs, is given 0", lambda: _build(Reshape("r", (), ("y",), (32,)))),
    (
        "Reshape 'r': names 2 outputs but makes 1",
        lambda: _build(Reshape("r", ("x",), ("y", "z"), (32,))),
    ),
    (
        "Reshape 'r': output 'x' is made twice",
        lambda: _build(Reshape("r", ("x",), ("x",), (32,))),
    ),
    (
        "g: operation name 'in' is used twice",
        lambda: _build(Reshape("in", ("x",), ("y",), (32,))),
    ),
    (
        "g: a graph needs at least one Input and one Output",
        lambda: Graph.build("g", []),
    ),
    (
        "g: tensor 'z' is never read. Remedy: remove the operation,"
        " or mark the tensor with an Output",
        lambda: _build(
            Reshape("r", ("x",), ("y",), (32,)), Reshape("s", ("x",), ("z",), (32,))
        ),
    ),
    (
        "tensor 'x': 3 scales or offsets for 4 channels",
        lambda: Graph.build(
            "g", [_input(4), Output("o", ("x",), ())], {"x": Affine((1.0, 2.0, 3.0))}
        ),
    ),
    (
        "tensor 'x': scale or offset not finite",
        lambda: Graph.build(
            "g", [_input(4), Output("o", ("x",), ())], {"x": Affine((float("nan"),))}
        ),
    ),
    # Input and Output
    ("Input 'in': takes 0 inputs, is given 1", lambda: Graph.build(
        "g", [_input(4), Input("in", ("x",), ("z",), (4,), (0,), (4,), _U4, 1.0)])),
    ("Input 'in': axes (1,) are no permutation of (4,)", lambda: _edge(axes=(1,))),
    ("Input 'in': (4,) transposed by (0,) is not (5,)", lambda: _edge(shape=(5,))),
    (
        "Input 'in': shape (0,) is empty",
        lambda: _edge(shape=(0,), source_shape=(0,)),
    ),
    ("Input 'in': shape () is empty", lambda: _edge(shape=(), source_shape=(), axes=())),
    ("Input 'in': scale 0.0 is not positive", lambda: _edge(scale=0.0)),
    ("Input 'in': scale nan is not positive", lambda: _edge(scale=float("nan"))),
    ("Input 'in': scale inf or zero point 0.0 is not finite", lambda: _edge(scale=float("inf"))),
    (
        "Input 'in': scale 1.0 or zero point nan is not finite",
        lambda: _edge(zero=float("nan")),
    ),
    ("Input 'in': u4 needs 15 boundaries", lambda: _edge(boundaries=np.zeros(3))),
    (
        "Input 'in': boundaries must ascend",
        lambda: _edge(boundaries=np.array([1.0, 0.0]), dtype=IntType(0, 2)),
    ),
    (
        "Input 'in': boundaries must ascend",
        lambda: _edge(boundaries=np.array([np.nan, 0.0]), dtype=IntType(0, 2)),
    ),
    (
        "Output 'out': names 1 outputs but makes 0",
        lambda: Graph.build("g", [_input(4), Output("out", ("x",), ("y",))]),
    ),
    (
        "Output 'out': axes (1,) are no permutation of (4,)",
        lambda: Graph.build("g", [_input(4), Output("out", ("x",), (), axes=(1,))]),
    ),
    (
        "Output 'out': (4,) cannot become (5,)",
        lambda: Graph.build("g", [_input(4), Output("out", ("x",), (), source_shape=(5,))]),
    ),
    (
        "Output 'out': (4,) cannot become (-2, -2)",
        lambda: Graph.build("g", [_input(4), Output("out", ("x",), (), source_shape=(-2, -2))]),
    ),
    (
        "Output 'out': host function 'warp' (known: ['abs', 'add', ",
        lambda: Graph.build("g", [_input(4), Output("out", ("x",), (), host=("warp",))]),
    ),
    # Dense
    ("Dense 'd': weight (2, 4) does not fit the input (3,)", lambda: _dense(_ones(2, 4))),
    ("Dense 'd': weight (3,) does not fit the input (3,)", lambda: _dense(_ones(3))),
    ("Dense 'd': weight (0, 3) has no element", lambda: _dense(_ones(0, 3))),
    (
        "Dense 'd': weights and bias must be int64",
        lambda: _dense(_ones(2, 3).astype(np.int8)),
    ),
    (
        "Dense 'd': weights and bias must be int64",
        lambda: _dense(_ones(2, 3), _W4, np.zeros(2)),
    ),
    ("Dense 'd': weights [9..9] are not all of type i4", lambda: _dense(9 * _ones(2, 3))),
    (
        "Dense 'd': weights [0..0] are not all of type bipolar",
        lambda: _dense(0 * _ones(2, 3), BIPOLAR),
    ),
    (
        "Dense 'd': bias (3,) does not fit 2 output channels",
        lambda: _dense(_ones(2, 3), _W4, _ones(3)),
    ),
    (
        "Dense 'd': the accumulator may exceed 2**62. Remedy: use fewer bits",
        lambda: _dense((1 << 60) * _ones(2, 3), _BIG),
    ),
    (
        "Dense 'd': the accumulator may exceed 2**62",
        lambda: _dense(_ones(1, 3), _W4, np.array([(1 << 63) - 1])),
    ),
    (
        "Dense 'd': the accumulator may exceed 2**62",
        lambda: _dense(_ones(1, 3), _W4, np.array([-(1 << 63)])),
    ),
    # Conv
    (
        "Conv 'c': needs an input of shape (height, width, channels), got (3,)",
        lambda: _build(
            Conv("c", ("x",), ("y",), _ones(1, 1, 1, 3), _W4), source=_input(3)
        ),
    ),
    ("Conv 'c': weight (1, 2) is not (M, KH, KW, C / groups)", lambda: _conv(_ones(1, 2))),
    (
        "Conv 'c': the window (5, 1) is larger than the padded input (4, 4, 2)",
        lambda: _conv(_ones(1, 5, 1, 2)),
    ),
    (
        "Conv 'c': the window (2, 2) is larger than the padded input (4, 4, 2)",
        lambda: _conv(_ones(1, 2, 2, 2), dilation=(4, 1)),
    ),
    (
        "Conv 'c': kernel (1, 1), stride (0, 1) and dilation (1, 1) must be positive,"
        " padding (0, 0, 0, 0) not negative",
        lambda: _conv(_ones(1, 1, 1, 2), stride=(0, 1)),
    ),
    (
        "Conv 'c': kernel (1, 1), stride (1, 1) and dilation (1, 1) must be positive,"
        " padding (0, -1, 0, 0) not negative",
        lambda: _conv(_ones(1, 1, 1, 2), padding=(0, -1, 0, 0)),
    ),
    ("Conv 'c': weight (0, 1, 1, 2) has no element", lambda: _conv(_ones(0, 1, 1, 2))),
    ("Conv 'c': 0 groups do not divide 2 -> 1", lambda: _conv(_ones(1, 1, 1, 2), groups=0)),
    ("Conv 'c': 2 groups do not divide 2 -> 3", lambda: _conv(_ones(3, 1, 1, 1), groups=2)),
    (
        "Conv 'c': weight (2, 1, 1, 2) with 2 groups does not fit 2 input channels",
        lambda: _conv(_ones(2, 1, 1, 2), groups=2),
    ),
    (
        "Conv 'c': pad value 4611686018427387904 reaches 2**62",
        lambda: _conv(_ones(1, 1, 1, 2), pad_value=1 << 62),
    ),
    (
        "Conv 'c': the accumulator may exceed 2**62. Remedy: use fewer bits",
        lambda: _conv(_ones(1, 2, 2, 2), padding=(1, 0, 0, 0), pad_value=1 << 61),
    ),
    ("Conv 'c': weights [9..9] are not all of type i4", lambda: _conv(9 * _ones(1, 1, 1, 2))),
    # Threshold
    (
        "Threshold 't': thresholds (1,) are not (channels, levels)",
        lambda: _threshold(_ONE, _ONE, BIPOLAR),
    ),
    (
        "Threshold 't': thresholds (3, 1) is not int64 with 1 or 2 rows",
        lambda: _threshold(_ones(3, 1), _ONE, BIPOLAR),
    ),
    (
        "Threshold 't': thresholds (1, 1) is not int64 with 1 or 2 rows",
        lambda: _threshold(np.ones((1, 1)), _ONE, BIPOLAR),
    ),
    (
        "Threshold 't': sign (3,) is not int64 with 1 or 2 rows",
        lambda: _threshold(_ones(1, 1), _ones(3), BIPOLAR),
    ),
    (
        "Threshold 't': sign (1, 1) is not a vector",
        lambda: _threshold(_ones(1, 1), _ones(1, 1), BIPOLAR),
    ),
    (
        "Threshold 't': 1 thresholds make 2 levels, u4 has 16",
        lambda: _threshold(_ones(1, 1), _ONE, _U4),
    ),
    (
        "Threshold 't': thresholds must ascend along each row",
        lambda: _threshold(np.array([[1, 2], [3, 2]]), _ONE, IntType(0, 2)),
    ),
    (
        "Threshold 't': sign must be +1 or -1",
        lambda: _threshold(_ones(1, 1), np.array([0]), BIPOLAR),
    ),
    # Rescale
    ("Rescale 'r': mul (1, 1) is not a vector", lambda: _rescale(_ones(1, 1), _ONE, _ONE)),
    (
        "Rescale 'r': add (3,) is not int64 with 1 or 2 rows",
        lambda: _rescale(_ONE, _ones(3), _ONE),
    ),
    (
        "Rescale 'r': shift (1,) is not int64 with 1 or 2 rows",
        lambda: _rescale(_ONE, _ONE, _ONE.astype(np.int32)),
    ),
    ("Rescale 'r': shift must lie in 0..48", lambda: _rescale(_ONE, _ONE, np.array([49]))),
    ("Rescale 'r': shift must lie in 0..48", lambda: _rescale(_ONE, _ONE, np.array([-1]))),
    (
        "Rescale 'r': rounding 'up' is neither 'floor' nor 'half_even'",
        lambda: _rescale(_ONE, _ONE, _ONE, "up"),
    ),
    (
        "Rescale 'r': the bipolar type is made by a Threshold",
        lambda: _rescale(_ONE, _ONE, _ONE, "floor", BIPOLAR),
    ),
    (
        "Rescale 'r': the product may exceed 2**62. Remedy: use a smaller multiplier",
        lambda: _rescale(np.array([1 << 60]), _ONE, _ONE),
    ),
    (
        "Rescale 'r': the product may exceed 2**62",
        lambda: _rescale(_ONE, np.array([-(1 << 63)]), _ONE),
    ),
    # pools
    (
        "MaxPool 'p': padding (0, 2, 0, 0) is not smaller than kernel (2, 2)",
        lambda: _max_pool((2, 2), (1, 1), (0, 2, 0, 0)),
    ),
    (
        "MaxPool 'p': padding (0, 0, 2, 0) is not smaller than kernel (2, 2)",
        lambda: _max_pool((2, 2), (1, 1), (0, 0, 2, 0)),
    ),
    (
        "MaxPool 'p': the window (5, 2) is larger than the padded input (4, 4, 2)",
        lambda: _max_pool((5, 2), (1, 1)),
    ),
    (
        "SumPool 'p': the sum may reach 2**62. Remedy: use fewer bits",
        lambda: _build(
            SumPool("p", ("x",), ("y",), (4, 4), (1, 1)),
            source=_input(4, 4, 2, dtype=IntType(0, 1 << 60)),
        ),
    ),
    (
        "SumPool 'p': pad value -4611686018427387904 reaches 2**62",
        lambda: _build(SumPool("p", ("x",), ("y",), (1, 1), (1, 1), (0, 0, 0, 0), -(1 << 62))),
    ),
    # shape
    (
        "Reshape 'r': (4, 4, 2) cannot become (5, 6)",
        lambda: _build(Reshape("r", ("x",), ("y",), (5, 6))),
    ),
    (
        "Reshape 'r': (4, 4, 2) cannot become (-4, -8)",
        lambda: _build(Reshape("r", ("x",), ("y",), (-4, -8))),
    ),
    ("Reshape 'r': (4, 4, 2) cannot become ()", lambda: _build(Reshape("r", ("x",), ("y",), ()))),
    (
        "ArgMax 'a': needs a vector, got (4, 4, 2). Remedy: put a Reshape before it",
        lambda: _build(ArgMax("a", ("x",), ("y",))),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("message", "build"), _CASES, ids=[message for message, _ in _CASES])
def test_broken_rule(message: str, build: Callable[[], Graph]) -> None:
    with pytest.raises(GraphError) as caught:
        build()
    assert str(caught.value).startswith(message)


def test_the_largest_sums_are_admitted() -> None:
    graph = _dense(np.array([[1 << 56, 0, 0]]), IntType(0, 1 << 56), np.array([1 << 59]))
    assert graph.tensors["y"].dtype == IntType(1 << 59, (1 << 59) + 15 * (1 << 56))
