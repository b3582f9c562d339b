"""Decisions, accuracies, and the rows of the exactness table."""

from __future__ import annotations

import numpy as np
import pytest

from hwcompress.errors import CheckFailed, InputError
from hwcompress.flow.steps.accuracy import (
    accuracy,
    class_count,
    confusion,
    decide,
    usable_labels,
)
from hwcompress.flow.steps.tally import Tally
from hwcompress.ir import Affine, ArgMax, Graph, Input, IntType, Output
from hwcompress.sim.diff import compare


def graph(size: int, dtype: IntType, *, scale: float = 1.0, argmax: bool = False) -> Graph:
    ops = [Input("in", (), ("x",), (size,), (0,), (size,), dtype, scale)]
    last = "x"
    if argmax:
        ops.append(ArgMax("best", ("x",), ("y",)))  # type: ignore[arg-type]
        last = "y"
    ops.append(Output("out", (last,), ()))  # type: ignore[arg-type]
    return Graph.build("g", ops, {"x": Affine((scale,))})


def test_the_largest_value_wins_and_the_first_on_a_tie() -> None:
    made = graph(3, IntType(-4, 3))
    assert decide(made, np.array([[1.0, 3, 3], [2, 1, 0]])).tolist() == [1, 0]
    assert class_count(made) == 3


def test_argmax_has_decided() -> None:
    made = graph(3, IntType(-4, 3), argmax=True)
    assert decide(made, np.array([[2.0], [0.0]])).tolist() == [2, 0]
    assert class_count(made) == 3


def test_a_single_value_decides_by_its_sign_or_one_half() -> None:
    signed, unsigned = graph(1, IntType(-4, 3)), graph(1, IntType(0, 15), scale=1 / 15)
    assert decide(signed, np.array([[-1.0], [0.0], [0.5]])).tolist() == [0, 0, 1]
    assert decide(unsigned, np.array([[0.4], [0.6]])).tolist() == [0, 1]
    assert class_count(signed) == 2


def test_accuracy_and_confusion() -> None:
    given, labels = np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2])
    row = accuracy("who", "by", given, labels)
    assert (row.correct, row.samples, row.share) == (3, 4, 0.75)
    matrix = confusion(given, labels, 3)
    assert matrix is not None
    assert matrix.counts == ((1, 0, 0), (0, 1, 0), (0, 1, 1))
    assert confusion(given, labels, 1000) is None


def test_labels_beyond_the_model() -> None:
    with pytest.raises(InputError, match=r"data: label 3 of sample 1 is out of range"):
        usable_labels(np.array([0, 3]), graph(3, IntType(-4, 3)), "data")


def test_blocks_add_up() -> None:
    tally, values = Tally(), np.arange(12).reshape(4, 3)
    for start in (0, 4):
        both = [compare("a", "b", values, values, tensor) for tensor in ("t", "u")]
        tally.add("a", "b", "outputs", "tool 1", both, start)
    (row,) = tally.checks()
    assert (row.samples, row.values, row.mismatches, row.explained) == (8, 48, 0, 0)


def test_a_difference_names_tensor_sample_channel_and_values() -> None:
    right = np.arange(12).reshape(4, 3)
    wrong = right.copy()
    wrong[2, 1] = 99
    with pytest.raises(CheckFailed) as caught:
        Tally().add("sim", "ref", "outputs", "x", [compare("sim", "ref", wrong, right, "t")], 1000)
    message = str(caught.value)
    assert "sim and ref differ: tensor 't', sample 2, channel 1: sim has 99, ref has 7" in message
    assert "(samples counted from 1000)" in message
    assert "1 of 12 integers differ, in 1 of 4 samples, 0 explained" in message
    assert caught.value.exit_code == 1
