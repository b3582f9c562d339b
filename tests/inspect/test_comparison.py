"""A comparison counts what differs, and finds where it starts."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.flow.model_inputs import ModelInputs
from hwcompress.frontend import Imported, import_model
from hwcompress.inspect.blocks import Blocks, block_size
from hwcompress.inspect.comparing import FLOAT64, GRAPH, SIMULATOR, Comparing
from hwcompress.inspect.comparison import CompareRequest, compare_request
from hwcompress.inspect.draw import Drawn
from hwcompress.inspect.inputs import GivenData, read_data
from hwcompress.inspect.mismatches import first_differences, settle
from hwcompress.inspect.opening import ModelRequest
from hwcompress.inspect.tally import Tally
from hwcompress.ir import Graph, Threshold
from tests.inspect.nets import image_net, raw_mlp, two_outputs

COUNT = 30


def compared(imported: Imported, size: int = 7) -> Comparing:
    work = Comparing(imported, Blocks(Drawn(imported, 1), COUNT, size), COUNT)
    work.run(lambda done: None, lambda row: settle(work, row))
    return work


def damaged(imported: Imported, channel: int) -> tuple[Imported, str]:
    """The same model with the lowest threshold of one channel one step too high."""
    op = next(op for op in imported.graph.layers if isinstance(op, Threshold))
    thresholds = np.repeat(op.thresholds, 1, axis=0)
    if len(thresholds) == 1:
        thresholds = np.repeat(thresholds, imported.graph.tensors[op.inputs[0]].type.channels, 0)
    thresholds = thresholds.copy()
    thresholds[channel, 0] += 1
    sign = np.broadcast_to(op.sign, len(thresholds)).copy()
    wrong = dataclasses.replace(op, thresholds=thresholds, sign=sign)
    ops = [wrong if item is op else item for item in imported.graph.ops]
    affine = {name: tensor.affine for name, tensor in imported.graph.tensors.items()}
    graph = Graph.build(imported.graph.name, ops, affine)
    return dataclasses.replace(imported, graph=graph), op.outputs[0]


@pytest.mark.parametrize("make", [image_net, two_outputs])
def test_equal_levels(tmp_path: Path, make: object) -> None:
    assert callable(make)
    work = compared(import_model(make(tmp_path)))
    rows = {row.level: row.row() for row in work.tallies}
    assert set(rows) == {"qonnx executor", FLOAT64, SIMULATOR}
    graph = work.imported.graph
    for row in rows.values():
        assert (row.samples, row.exact_samples, row.mismatches) == (COUNT, COUNT, 0)
    sizes = [tensor.type.size for tensor in graph.tensors.values()]
    assert rows[SIMULATOR].values == COUNT * sum(sizes)
    outputs = [graph.tensors[op.inputs[0]].type.size for op in graph.outputs]
    assert [item.values for item in rows["qonnx executor"].tensors] == [COUNT * n for n in outputs]
    assert first_differences(work) == ()


def test_blocks_do_not_matter(tmp_path: Path) -> None:
    wrong, _ = damaged(import_model(image_net(tmp_path)), 1)
    found = []
    for size in (1, 7, COUNT):
        work = compared(wrong, size)
        found.append([row.row() for row in work.tallies])
    assert found[0] == found[1] == found[2]
    assert any(row.mismatches for row in found[0])


def test_the_first_tensor_that_differs(tmp_path: Path) -> None:
    good = import_model(image_net(tmp_path))
    wrong, tensor = damaged(good, 1)
    work = compared(wrong)
    rows = {row.level: row for row in work.tallies}
    assert rows[SIMULATOR].mismatches == 0, "both execute the same damaged graph"
    # By hand: what the threshold should have given.
    samples = work.blocks.rows(range(COUNT))
    from hwcompress.frontend.check import encoded
    from hwcompress.ir import trace

    right, bad = (trace(each.graph, encoded(each, samples)) for each in (good, wrong))
    differ = right[tensor] != bad[tensor]
    assert differ.any() and not differ[..., [0, 2]].any()
    assert rows[FLOAT64].mismatches == sum(
        int((right[name] != bad[name]).sum()) for name in right if name in wrong.origin
    )
    assert rows[FLOAT64].unexplained == rows[FLOAT64].mismatches
    first = {item.level: item for item in first_differences(work)}[FLOAT64]
    sample = int(np.flatnonzero(differ.any(axis=(1, 2, 3)))[0])
    place = tuple(int(i) for i in np.argwhere(differ[sample])[0])
    assert (first.sample, first.tensor, first.against) == (sample, tensor, GRAPH)
    assert (*first.position, first.channel) == place
    assert first.theirs == right[tensor][sample][place]
    assert first.ours == bad[tensor][sample][place]
    assert first.theirs_real == 3.0 * first.theirs
    assert not first.explained
    rows_of = {row.tensor: row.differing for row in first.tensors}
    assert rows_of[tensor] == int(differ[sample].sum())
    order = [row.tensor for row in first.tensors]
    assert order == [name for name in wrong.graph.tensors if name in order]
    assert all(rows_of[name] == 0 for name in order[: order.index(tensor)])


def test_the_runtime_is_asked_for_what_is_inside(tmp_path: Path) -> None:
    wrong, tensor = damaged(import_model(image_net(tmp_path)), 1)
    work = compared(wrong)
    row = work.tallies[0]
    assert row.level == "qonnx executor" and row.scope == "outputs"
    assert row.unexplained == row.mismatches > 0
    first = first_differences(work)[0]
    assert first.level == "qonnx executor"
    assert first.tensor == tensor, "not the output, where it was seen first"


def test_a_damaged_simulator_is_seen(tmp_path: Path) -> None:
    work = Comparing(
        good := import_model(image_net(tmp_path)), Blocks(Drawn(good, 1), COUNT, 10), COUNT
    )
    honest = work.simulator.trace

    def lying(*words: object) -> dict[str, np.ndarray]:
        found = honest(*words)  # type: ignore[arg-type]
        name = next(reversed(found))
        found[name] = found[name] + 1
        return found

    work.simulator.trace = lying  # type: ignore[method-assign]
    work.run(lambda done: None, lambda row: settle(work, row))
    row = next(row for row in work.tallies if row.level == SIMULATOR)
    assert row.unexplained == row.mismatches == COUNT * 5
    assert row.exact_samples == 0


def test_tally_counts(tmp_path: Path) -> None:
    tally = Tally("a", "b", "outputs", "test")
    ours = {"x": np.zeros((4, 2), np.int64), "y": np.zeros((4, 3), np.int64)}
    theirs = {name: values.copy() for name, values in ours.items()}
    theirs["x"][1, 0] = 1
    theirs["y"][1, :] = 5
    theirs["y"][3, 2] = 5
    tally.add(0, theirs, ours)
    tally.add(4, ours, ours)
    assert [(item.sample, item.tensor) for item in tally.pending] == [(1, "x"), (1, "y"), (3, "y")]
    assert tally.pending_bytes == 2 * 8 * (2 + 3 + 3)
    tally.settle([True, False, False])
    assert tally.pending == []
    assert tally.tie is not None and tally.fault is not None
    assert (tally.tie.tensor, tally.fault.tensor) == ("x", "y")
    row = tally.row()
    assert (row.samples, row.exact_samples) == (8, 6)
    assert (row.values, row.mismatches, row.explained, row.unexplained) == (40, 5, 1, 4)
    assert row.exact_rate == pytest.approx(35 / 40)
    assert [(item.tensor, item.mismatches) for item in row.tensors] == [("x", 1), ("y", 4)]
    with pytest.raises(InputError):
        tally.add(8, {"x": np.zeros((1, 2))}, {"x": np.zeros((1, 3))})


def test_scales_that_are_no_powers_of_two(tmp_path: Path) -> None:
    """Explained or equal, and float64 has no difference at all."""
    request = CompareRequest(ModelRequest(str(raw_mlp(tmp_path))), random=400)
    facts = compare_request(request, lambda what, done, total: None)
    assert facts.exact
    rows = {row.level: row for row in facts.agreements}
    assert rows[FLOAT64].mismatches == 0
    assert rows["qonnx executor"].unexplained == 0
    assert facts.decisions[0].correct is None
    assert "standard normal" in facts.drawn[0]


def test_labels_give_an_accuracy(tmp_path: Path) -> None:
    path = image_net(tmp_path)
    imported = import_model(path)
    x = np.asarray(Drawn(imported, 5).block(0, 50))
    op = imported.graph.inputs[0]
    from hwcompress.sim import Simulator

    given = np.asarray(Simulator(imported.graph)(op.encode(x))).argmax(axis=1)
    labels = given.copy()
    labels[:20] = (labels[:20] + 1) % 5
    np.savez(tmp_path / "data.npz", x=x, y=labels)
    request = CompareRequest(ModelRequest(str(path), data=str(tmp_path / "data.npz")), samples=40)
    facts = compare_request(request, lambda what, done, total: None)
    assert facts.samples == 40
    for row in facts.decisions:
        assert (row.samples, row.agree, row.correct) == (40, 40, 20)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "no samples to compare on"),
        ({"random": 3, "model": ModelRequest("m", data="d")}, "both --data and --random"),
        ({"random": 0}, "--random is 0"),
        ({"random": 1, "reference": -1}, "--reference is -1"),
    ],
)
def test_wrong_requests(given: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        CompareRequest(**{"model": ModelRequest("m"), **given})  # type: ignore[arg-type]


def test_blocks_of_given_samples() -> None:
    data = GivenData("d", np.arange(10.0)[:, None], None, ())
    blocks = Blocks(data, 10, 4)
    assert [(start, len(part)) for start, part in blocks] == [(0, 4), (4, 4), (8, 2)]
    assert np.array_equal(np.asarray(blocks.rows([7, 2]))[:, 0], [7, 2])
    assert GivenData("d", {"a": np.zeros((3, 1))}, None, ()).count == 3


def test_a_large_graph_has_small_blocks(tmp_path: Path) -> None:
    assert block_size(import_model(image_net(tmp_path)).graph) == 1000


def test_data_of_several_inputs(tmp_path: Path) -> None:
    file = str(tmp_path / "d.npz")
    np.savez(file, a=np.zeros((5, 2)), b=np.zeros((5, 3)))
    data = read_data(file, None, ModelInputs({"a": (2,), "b": (1, 3)}))
    assert isinstance(data.samples, dict)
    assert data.samples["b"].shape == (5, 1, 3)
    np.savez(tmp_path / "uneven.npz", a=np.zeros((5, 2)), c=np.zeros((4, 3)))
    with pytest.raises(InputError, match="different numbers of samples"):
        read_data(str(tmp_path / "uneven.npz"), None, ModelInputs({"a": (2,), "c": (3,)}))
    with pytest.raises(InputError, match="no array for input 'z'"):
        read_data(file, None, ModelInputs({"a": (2,), "z": (3,)}))
    with pytest.raises(InputError, match="there is no file"):
        read_data(str(tmp_path / "no.npz"), None, ModelInputs({"a": (2,), "b": (3,)}))
