"""Comparisons count exactly and name the first difference."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.ir import Conv, Dense, Graph, Input, IntType, Output, Reshape, trace
from hwcompress.sim import compare, compare_traces


def _graph() -> Graph:
    rng = np.random.default_rng(0)
    u3 = IntType.unsigned_bits(3)
    return Graph.build(
        "net",
        [
            Input("in", (), ("x",), (4, 5, 2), (0, 1, 2), (4, 5, 2), u3, 1.0),
            Conv("conv1", ("x",), ("c",), rng.integers(-3, 4, (3, 2, 2, 2)), IntType(-3, 3)),
            Reshape("flat", ("c",), ("v",), (36,)),
            Dense("head", ("v",), ("y",), rng.integers(-3, 4, (4, 36)), IntType(-3, 3)),
            Output("out", ("y",), ()),
        ],
    )


def _traces(samples: int = 6) -> tuple[Graph, dict[str, np.ndarray], dict[str, np.ndarray]]:
    graph = _graph()
    x = np.random.default_rng(1).integers(0, 8, (samples, 4, 5, 2))
    a = trace(graph, x)
    return graph, a, {name: values.copy() for name, values in a.items()}


def test_equal_traces() -> None:
    graph, a, b = _traces()
    result = compare_traces(graph, "sim", a, "rtl", b)
    assert (result.samples, result.mismatches, result.mismatched_samples) == (6, 0, 0)
    assert result.values == 6 * (40 + 36 + 36 + 4)
    assert result.first is None and result.exact
    assert result.note == "4 of 4 tensors"


def test_first_difference_is_the_first_in_graph_order() -> None:
    graph, a, b = _traces()
    b["y"][0, 3] += 1  # an earlier sample, but a later tensor
    b["c"][4, 1, 2, 1] += 5
    b["c"][4, 1, 3, 0] += 5
    b["c"][5, 0, 0, 0] += 5
    result = compare_traces(graph, "sim", a, "rtl", b)
    value = a["c"][4, 1, 2, 1]
    assert result.first == (
        "Conv 'conv1', tensor 'c', sample 4, row 1, column 2, channel 1:"
        f" sim has {value}, rtl has {value + 5}"
    )
    assert (result.mismatches, result.mismatched_samples, result.exact) == (4, 3, False)


def test_difference_in_a_vector() -> None:
    graph, a, b = _traces()
    b["y"][2, 3] -= 1
    result = compare_traces(graph, "sim", {"y": a["y"]}, "rtl", {"y": b["y"]})
    value = a["y"][2, 3]
    assert result.first == (
        f"Dense 'head', tensor 'y', sample 2, channel 3: sim has {value}, rtl has {value - 1}"
    )
    assert result.note == "1 of 4 tensors"


def test_only_shared_tensors_count() -> None:
    graph, a, b = _traces()
    del b["c"]
    result = compare_traces(graph, "sim", a, "rtl", b)
    assert result.note == "3 of 4 tensors" and result.values == 6 * (40 + 36 + 4)


def test_no_tolerance() -> None:
    big = 1 << 61
    result = compare("a", "b", np.array([[big]]), np.array([[big + 1]]), "t")
    assert result.mismatches == 1  # equal in float64


def test_dtypes_may_differ_in_width() -> None:
    a = np.array([[-1, 2]], np.int8)
    assert compare("a", "b", a, a.astype(np.int64), "t").exact
    assert not compare("a", "b", a, np.array([[255, 2]], np.uint8), "t").exact


def test_one_tensor() -> None:
    a = np.zeros((3, 2, 4), np.int64)
    b = a.copy()
    b[1, 1, 2] = 7
    result = compare("PyTorch", "sim", a, b, "scores")
    assert result.first == (
        "tensor 'scores', sample 1, position (1,), channel 2: PyTorch has 0, sim has 7"
    )
    assert (result.samples, result.values, result.mismatches) == (3, 24, 1)


def test_json() -> None:
    result = compare("a", "b", np.array([[1]]), np.array([[2]]), "t")
    assert json.loads(json.dumps(result.to_json())) == {
        "a": "a", "b": "b", "samples": 1, "values": 1, "mismatches": 1, "mismatched_samples": 1,
        "explained": 0, "first": "tensor 't', sample 0, channel 0: a has 1, b has 2", "note": "",
    }  # fmt: skip


def test_empty() -> None:
    result = compare("a", "b", np.zeros((0, 3), np.int64), np.zeros((0, 3), np.int64), "t")
    assert (result.samples, result.values, result.first) == (0, 0, None)


def test_errors() -> None:
    graph, a, b = _traces()
    with pytest.raises(InputError, match=r"tensor 't': a has shape \(1, 2\), b has \(1, 3\)"):
        compare("a", "b", np.zeros((1, 2), int), np.zeros((1, 3), int), "t")
    with pytest.raises(InputError, match=r"tensor 't': b holds float64 of shape \(1, 2\)"):
        compare("a", "b", np.zeros((1, 2), int), np.zeros((1, 2)), "t")
    with pytest.raises(InputError, match="trace of rtl: net has no tensor 'q'"):
        compare_traces(graph, "sim", a, "rtl", b | {"q": b["y"]})
    with pytest.raises(InputError, match="the traces of sim and rtl have no tensor in common"):
        compare_traces(graph, "sim", {"y": a["y"]}, "rtl", {"x": b["x"]})
    with pytest.raises(InputError, match="sim against rtl: traces of 5 and 6 samples"):
        compare_traces(graph, "sim", a, "rtl", {"y": b["y"][:5]})
    with pytest.raises(InputError, match=r"Dense 'head', tensor 'y': sim holds samples of shape"):
        compare_traces(graph, "sim", {"y": a["y"][:, :3]}, "rtl", {"y": b["y"][:, :3]})
