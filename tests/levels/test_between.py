"""Planted differences in traces are found where they were planted."""

from __future__ import annotations

import json

import numpy as np
import pytest

import hwcompress.levels.tally as tally_module
from hwcompress.errors import InputError
from hwcompress.frontend import import_model
from hwcompress.inspect.tally import Wrong
from hwcompress.ir import Graph, trace
from hwcompress.levels import DiffReport, diff
from hwcompress.levels.tally import DiffTally
from tests.inspect.nets import image_net

COUNT = 6


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Input 6x6x2, conv 4x4x3, threshold, flatten, dense to 5."""
    return import_model(image_net(tmp_path_factory.mktemp("net"))).graph


@pytest.fixture
def right(graph: Graph) -> dict[str, np.ndarray]:
    random = np.random.default_rng(7)
    return trace(graph, random.integers(-8, 8, (COUNT, 6, 6, 2)))


def planted(
    right: dict[str, np.ndarray], *places: tuple[str, tuple[int, ...]]
) -> dict[str, np.ndarray]:
    wrong = {name: values.copy() for name, values in right.items()}
    for tensor, index in places:
        wrong[tensor][index] += 1
    return wrong


def test_equal(graph: Graph, right: dict[str, np.ndarray]) -> None:
    report = diff(right, right, graph)
    assert report.equal and report.first is None and report.follows == ()
    assert [row.tensor for row in report.rows] == list(graph.tensors)
    assert sum(row.integers for row in report.rows) == sum(item.size for item in right.values())


@pytest.mark.parametrize("place", [(0, 0, 0, 0), (4, 2, 3, 1), (5, 3, 3, 2), (2, 0, 3, 0)])
def test_a_pixel(
    graph: Graph, right: dict[str, np.ndarray], place: tuple[int, int, int, int]
) -> None:
    tensor = "conv_2"
    report = diff(planted(right, (tensor, place)), right, graph, ("board", "model"))
    assert not report.equal and report.differing == 1
    first = report.first
    assert first is not None
    assert (first.tensor, first.sample, *first.position, first.channel) == (tensor, *place)
    assert first.operation == "Conv conv_2"
    assert (first.a, first.b) == (right[tensor][place] + 1, right[tensor][place])
    assert first.a_real == float(first.a), "the scale is 1"
    assert (first.in_sample, first.in_tensor, first.behind) == (1, 1, 0)
    assert first.channels == (place[3],)
    rows = {row.tensor: (row.differing, row.first_sample) for row in report.rows}
    assert rows.pop(tensor) == (1, place[0])
    assert set(rows.values()) == {(0, None)}
    window = first.window
    assert window.axis == "column" and window.rows is not None
    inside = place[1] - window.rows, place[2] - window.columns
    assert window.a[inside[0]][inside[1]] == first.a
    differ = np.array(window.a) != np.array(window.b)
    assert differ.sum() == 1 and differ[inside]
    height, width = differ.shape
    around = right[tensor][place[0], window.rows :, window.columns :, place[3]]
    assert np.array_equal(window.b, around[:height, :width])


def test_the_earliest_tensor_wins_over_the_earliest_sample(
    graph: Graph, right: dict[str, np.ndarray]
) -> None:
    wrong = planted(
        right,
        ("gemm_7", (0, 4)),
        ("conv_2_quant", (3, 1, 1, 2)),
        ("conv_2_quant", (3, 1, 0, 2)),
        ("conv_2_quant", (5, 0, 0, 1)),
    )
    report = diff(right, wrong, graph)
    first = report.first
    assert first is not None
    assert (first.tensor, first.sample, first.position, first.channel) == (
        "conv_2_quant", 3, (1, 0), 2
    )  # fmt: skip
    assert (first.in_sample, first.in_tensor, first.behind) == (2, 3, 1)
    assert first.channels == (1, 2)


def test_a_vector(graph: Graph, right: dict[str, np.ndarray]) -> None:
    report = diff(right, planted(right, ("gemm_7", (1, 3))), graph)
    first = report.first
    assert first is not None
    assert (first.sample, first.position, first.channel) == (1, (), 3)
    assert first.window.axis == "channel" and first.window.rows is None
    assert first.window.a == (tuple(right["gemm_7"][1].tolist()),)


def test_a_sequence_without_a_graph() -> None:
    a = {"late": np.zeros((3, 1), np.int8), "early": np.zeros((3, 20, 2), np.int8)}
    b = {name: values.copy() for name, values in a.items()}
    b["early"][2, 11, 1] = -3
    first = diff(a, b).first
    assert first is not None
    assert (first.tensor, first.sample, first.position, first.channel) == ("early", 2, (11,), 1)
    assert (first.operation, first.a_real, first.b) == ("", None, -3)
    assert first.window.axis == "position"
    assert first.window.columns == 8 and first.window.b == ((0, 0, 0, -3, 0, 0, 0),)


def test_whose_fault_it_is(graph: Graph, right: dict[str, np.ndarray]) -> None:
    """One side computes on from its own wrong result: only one of its operations is wrong."""
    wrong = planted(right, ("conv_2_quant", (4, 1, 1, 2)))
    ops = {op.name: op for op in graph.ops}
    for name in ("flatten", "gemm_7"):
        (source,) = ops[name].inputs
        (wrong[name],) = ops[name].evaluate([wrong[source]])
    report = diff(wrong, right, graph, ("bad", "good"))
    assert [row.tensor for row in report.rows if row.differing] == [
        "conv_2_quant", "flatten", "gemm_7"
    ]  # fmt: skip
    bad, good = report.follows
    assert (bad.side, bad.operations, bad.wrong) == ("bad", 4, ("conv_2_quant",))
    assert (good.side, good.operations, good.wrong) == ("good", 4, ())


def test_operands_that_are_not_known(graph: Graph, right: dict[str, np.ndarray]) -> None:
    ends = {"gemm_7": right["gemm_7"]}
    report = diff(planted(ends, ("gemm_7", (0, 0))), ends, graph)
    assert [side.operations for side in report.follows] == [0, 0]


@pytest.mark.parametrize("size", [1, 4, COUNT])
def test_blocks_do_not_matter(graph: Graph, right: dict[str, np.ndarray], size: int) -> None:
    wrong = planted(right, ("conv_2", (5, 1, 1, 2)), ("conv_2", (5, 1, 2, 2)), ("gemm_7", (2, 1)))
    tally = DiffTally(("A", "B"), list(graph.tensors), graph)
    for start in range(0, COUNT, size):
        rows = slice(start, start + size)
        tally.add(
            {name: values[rows] for name, values in wrong.items()},
            {name: values[rows] for name, values in right.items()},
        )
    found = tally.report()
    assert found == diff(wrong, right, graph)
    assert found.samples == COUNT and found.differing == 3
    assert "conv_2" in found.follows[0].wrong and found.follows[1].wrong == ()


def test_what_is_behind_a_fault_is_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of `early` even samples are ties, of `late` all would be."""
    asked: list[tuple[str, list[int]]] = []

    def explain(wrong: list[Wrong]) -> np.ndarray:
        asked.append((wrong[0].tensor, [item.sample for item in wrong]))
        return np.array([item.sample % 2 == 0 or item.tensor == "late" for item in wrong])

    monkeypatch.setattr(tally_module, "_PENDING_BYTES", 0)  # every block is settled
    tally = DiffTally(("A", "B"), ["early", "late"], explain=explain)
    zeros = {name: np.zeros((2, 1), np.int64) for name in ("early", "late")}
    ones = {name: values + 1 for name, values in zeros.items()}
    tally.add(zeros | {"early": np.array([[1], [0]])}, {**zeros, "late": ones["late"]})
    tally.add(zeros, ones)
    tally.add(zeros, ones)
    report = tally.report()
    assert asked == [("early", [0]), ("late", [0, 1]), ("early", [2, 3])]
    rows = {row.tensor: (row.differing, row.explained) for row in report.rows}
    assert rows == {"early": (5, 2), "late": (6, 2)}
    first = report.first
    assert first is not None and not first.explained and not report.equal
    assert (first.tensor, first.sample) == ("early", 3), "the first that is no tie"


def test_tensors_of_one_side(graph: Graph, right: dict[str, np.ndarray]) -> None:
    a = {name: right[name] for name in ("gemm_7", "input", "conv_2")}
    b = {name: right[name] for name in ("flatten", "gemm_7")} | {"extra": np.zeros((COUNT, 1), int)}
    report = diff(a, b, graph)
    assert [row.tensor for row in report.rows] == ["gemm_7"]
    assert report.only_a == ("input", "conv_2"), "in the order of the graph"
    assert report.only_b == ("flatten", "extra")


def test_flat_samples_take_the_graphs_shape(graph: Graph, right: dict[str, np.ndarray]) -> None:
    flat = {"conv_2": right["conv_2"].reshape(COUNT, -1).copy()}
    flat["conv_2"][3, (2 * 4 + 1) * 3 + 2] -= 5
    first = diff(flat, right, graph).first
    assert first is not None
    assert (first.sample, first.position, first.channel) == (3, (2, 1), 2)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.float32, np.float64, bool])
def test_types_that_hold_the_integers(kind: type) -> None:
    values = np.array([[0, 1], [1, 0]])
    assert diff({"t": values}, {"t": values.astype(kind)}).equal


@pytest.mark.parametrize(
    ("a", "said"),
    [
        (np.array([[0.0, 1.5]]), "holds 1.5 in sample 0, element \\(1,\\)"),
        (np.array([[0.0, np.nan]]), "holds nan"),
        (np.array([[np.inf, 0.0]]), "holds inf"),
        (np.array([[2.0**60, 0.0]]), "not the real values"),
        (np.array([[2**63, 0]], np.uint64), "does not fit 64 bits"),
        (np.array([[1j, 0]]), "complex128, not integers"),
        (np.array([["a", "b"]]), "not integers"),
        (np.array(3), "a single number"),
        (np.zeros((2, 2), int), "A holds 2 samples, B 1"),
        (np.zeros((1, 3), int), "samples of shape \\(3,\\)"),
    ],
)
def test_refused_arrays(a: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        diff({"t": a}, {"t": np.zeros((1, 2), int)})


def test_refused_traces(graph: Graph, right: dict[str, np.ndarray]) -> None:
    with pytest.raises(InputError, match="no tensor in common"):
        diff({"x": np.zeros((1, 1), int)}, {"y": np.zeros((1, 1), int)})
    with pytest.raises(InputError, match="no sample to compare"):
        diff({"x": np.zeros((0, 1), int)}, {"x": np.zeros((0, 1), int)})
    with pytest.raises(InputError, match="tensors of 1 and 2 samples"):
        diff({"x": np.zeros((1, 1), int), "y": np.zeros((2, 1), int)}, right | {
            "x": np.zeros((1, 1), int), "y": np.zeros((1, 1), int)
        })  # fmt: skip
    first = np.moveaxis(right["conv_2"], 3, 1)
    with pytest.raises(InputError, match="channels first: save array.transpose"):
        diff({"conv_2": first}, right, graph)
    with pytest.raises(InputError, match="the graph has \\(4, 4, 3\\)"):
        diff({"conv_2": right["conv_2"][:, :3]}, right, graph)


def test_json(graph: Graph, right: dict[str, np.ndarray]) -> None:
    report: DiffReport = diff(right, planted(right, ("conv_2", (0, 1, 2, 0))), graph)
    facts = json.loads(json.dumps(report.to_json()))
    assert facts["schema"] == "hwcompress-diff-1" and facts["equal"] is False
    assert facts["first"]["position"] == [1, 2]
    assert set(facts["first"]) >= {"tensor", "sample", "channel", "a", "b", "window", "behind"}
