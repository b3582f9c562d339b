"""Inputs, outputs and batches of models: what is left out, what is completed, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from hwcompress.errors import HwcompressError
from hwcompress.frontend import Imported, import_model
from hwcompress.frontend.check import check_float64, check_qonnx
from hwcompress.ir import trace
from tests.frontend.onnx_builder import ModelBuilder
from tests.frontend.test_legal_forms import SAMPLES, agrees, dense, image, refused, weights


def equal(imported: Imported, samples: dict[str, np.ndarray] | np.ndarray) -> None:
    """Float64 and the qonnx executor give the graph's integers."""
    from hwcompress.frontend.check import encoded

    integers = trace(imported.graph, encoded(imported, samples))
    for result in [
        *check_float64(imported, samples, integers),
        *check_qonnx(imported, samples, integers),
    ]:
        assert result.mismatches == 0, result


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 1.5, (SAMPLES, *shape)).astype(np.float32)


def test_unused_inputs_are_left_out(tmp_path: Path) -> None:
    model = dense()
    model.more_inputs["more"] = (1, 3)
    end = model.last
    model.node("Relu", "more")  # nothing reads it
    model.last = end
    imported = agrees(model, tmp_path)
    assert list(imported.model.inputs) == ["x"]
    assert any("'more'" in note for note in imported.graph.notes)


@pytest.mark.parametrize("what", ["input", "constant", "mask"])
def test_outputs_that_are_no_results(what: str, tmp_path: Path) -> None:
    model = dense()
    if what == "input":
        model.outputs.append("x")
    elif what == "constant":
        model.outputs.append(model.constant(np.ones(3)))
    else:
        kept, mask = model.several("Dropout", 2, model.last)
        model.outputs.append(mask)
        model.last = kept
    imported = agrees(model, tmp_path)
    assert len(imported.graph.outputs) == 1
    assert any("is left out" in note for note in imported.graph.notes)


def test_no_output_is_a_result(tmp_path: Path) -> None:
    model = dense()
    model.last = "x"
    with pytest.raises(HwcompressError, match="it is an input"):
        import_model(model.save(tmp_path / "model.onnx"))


def open_lengths(model: ModelBuilder, path: Path, *places: int) -> Path:
    """Some lengths of the input have names instead."""
    model.save(path)
    proto = onnx.load(path)
    dims = proto.graph.input[0].type.tensor_type.shape.dim
    for place in places:
        dims[place].Clear()
        dims[place].dim_param = f"n{place}"
    onnx.save(proto, path)
    return path


def test_lengths_that_the_file_leaves_open(tmp_path: Path) -> None:
    model = image()
    model.conv(weights(3, 2, 3, 3), 0.125, 4)
    path = open_lengths(model, tmp_path / "model.onnx", 0, 2, 3)
    with pytest.raises(HwcompressError, match="data of a shape .2,N,N.") as caught:
        import_model(path)
    assert "has shape (0, 2, 0, 0)" in str(caught.value)
    for options in (
        {"input_shapes": {"x": (1, 2, 6, 5)}},
        {"input_shapes": {"": (1, 2, 6, 5)}},
        {"samples": normal(2, 6, 5)},
        {"samples": {"x": normal(2, 6, 5)}},
    ):
        imported = import_model(path, **options)  # type: ignore[arg-type]
        assert imported.graph.inputs[0].source_shape == (2, 6, 5)
    equal(imported, normal(2, 6, 5))
    with pytest.raises(HwcompressError, match="does not fit input 'x'"):
        import_model(path, input_shapes={"x": (1, 3, 6, 5)})
    with pytest.raises(HwcompressError, match="which is no input"):
        import_model(path, input_shapes={"y": (1, 2, 6, 5)})


def test_input_without_any_shape(tmp_path: Path) -> None:
    path = dense().save(tmp_path / "model.onnx")
    proto = onnx.load(path)
    proto.graph.input[0].type.tensor_type.ClearField("shape")
    onnx.save(proto, path)
    with pytest.raises(HwcompressError, match="with --data"):
        import_model(path)
    assert import_model(path, samples=normal(6)).graph.inputs[0].source_shape == (6,)


def test_input_without_a_batch_axis(tmp_path: Path) -> None:
    model = dense()
    model.shape = (6,)
    assert "without a batch axis" in refused(model, tmp_path)


def batched(*shape: int) -> ModelBuilder:
    model = ModelBuilder(shape)
    model.act(0.25, 4)
    return model


@pytest.mark.parametrize("shape", [[5, -1], [5, 72], [-1, 72], [0, 72]])
def test_batch_in_the_model(shape: list[int], tmp_path: Path) -> None:
    model = batched(5, 2, 6, 6)
    model.conv(weights(2, 2, 3, 3), 0.125, 4, pads=[1] * 4)
    model.act(0.25, 4)
    model.node("Reshape", model.last, model.constant(np.array(shape)))
    model.dense(weights(4, 72), 0.125, 4)
    imported = import_model(model.save(tmp_path / "model.onnx"))
    assert imported.graph.inputs[0].source_shape == (2, 6, 6)
    assert any("a batch of 5" in note for note in imported.graph.notes)
    equal(imported, normal(2, 6, 6)[:12])  # two whole batches, and a part of one


def test_batch_and_positions_in_one_axis(tmp_path: Path) -> None:
    model = batched(4, 3, 6)
    model.node("Reshape", model.last, model.constant(np.array([12, 6])))
    model.dense(weights(5, 6), 0.125, 4)
    model.act(0.5, 4)
    model.node("Reshape", model.last, model.constant(np.array([4, 15])))
    model.dense(weights(2, 15), 0.125, 4)
    equal(import_model(model.save(tmp_path / "model.onnx")), normal(3, 6)[:8])


def test_batch_of_a_shape_that_is_computed(tmp_path: Path) -> None:
    model = batched(4, 3, 6)
    source = model.last
    count = model.node("Gather", model.node("Shape", source), model.constant(np.array(0)), axis=0)
    count = model.node("Unsqueeze", count, model.constant(np.array([0])))
    shape = model.node("Concat", count, model.constant(np.array([-1])), axis=0)
    model.node("Reshape", source, shape)
    model.dense(weights(2, 18), 0.125, 4)
    equal(import_model(model.save(tmp_path / "model.onnx")), normal(3, 6)[:8])


def test_samples_that_depend_on_each_other(tmp_path: Path) -> None:
    model = batched(4, 2, 6, 6)
    model.node("Reshape", model.last, model.constant(np.array([2, -1])))
    message = refused(model, tmp_path)
    assert "a batch of 4 is baked into the model, and Reshape" in message
    model = batched(4, 6)
    model.node("Concat", model.last, model.last, axis=0)
    assert "works along the batch axis" in refused(model, tmp_path)
    model = batched(4, 6)
    model.node("Transpose", model.last, perm=[1, 0])
    assert "moves the batch axis" in refused(model, tmp_path)
    model = batched(4, 6)
    model.node("Mul", model.last, model.constant(weights(4, 6)))
    assert "makes a tensor of shape" in refused(model, tmp_path)
    model = batched(4, 6)
    model.more_inputs["more"] = (3, 6)
    model.node("Add", model.last, model.quant("more", 0.25, 4))
    assert "batches of different lengths" in refused(model, tmp_path)


def test_output_that_is_read_and_named_twice(tmp_path: Path) -> None:
    model = dense()
    model.outputs += [model.act(0.25, 4)] * 2
    model.dense(weights(3, 5), 0.125, 4)
    path = model.save(tmp_path / "model.onnx")
    imported = import_model(path)
    assert len(imported.graph.outputs) == 3


def test_raw_inputs_side_by_side(tmp_path: Path) -> None:
    """Two inputs are joined, scaled and quantized: each is quantized by the host."""
    model = ModelBuilder((1, 3, 4))
    model.more_inputs["y"] = (1, 2, 4)
    model.node("Concat", "x", "y", axis=1)
    model.node("Mul", model.last, model.constant(0.5))
    model.node("Relu", model.last)
    model.act(0.25, 4)
    model.node("Flatten", model.last)
    model.dense(weights(4, 20), 0.125, 4)
    imported = import_model(model.save(tmp_path / "model.onnx"))
    assert len(imported.graph.inputs) == 2
    equal(imported, {"x": normal(3, 4), "y": normal(2, 4)[::-1]})


@pytest.mark.parametrize("how", ["Split", "Slice", "Gather"])
@pytest.mark.parametrize("opset", [9, 13])
def test_parts_of_a_raw_input(how: str, opset: int, tmp_path: Path) -> None:
    model = ModelBuilder((1, 6, 4), opset)
    if how == "Split" and opset < 13:
        first, second = model.several("Split", 2, "x", axis=1, split=[2, 4])
    elif how == "Split":
        first, second = model.several("Split", 2, "x", model.constant(np.array([2, 4])), axis=1)
    elif how == "Slice" and opset < 10:
        first = model.node("Slice", "x", starts=[0], ends=[2], axes=[1])
        second = model.node("Slice", "x", starts=[2], ends=[6], axes=[1])
    elif how == "Slice":
        edges = [model.constant(np.array([item])) for item in (0, 2, 6, 1)]
        first = model.node("Slice", "x", edges[0], edges[1], edges[3])
        second = model.node("Slice", "x", edges[1], edges[2], edges[3])
    else:
        first = model.node("Gather", "x", model.constant(np.array([0, 1])), axis=1)
        second = model.node("Gather", "x", model.constant(np.array([5, 4, 3, 2])), axis=1)
    parts = []
    for part, size in ((first, 2), (second, 4)):
        model.node("Sub", part, model.constant(0.25))
        model.act(0.25, 4)
        model.node("Flatten", model.last)
        parts.append(model.dense(weights(3, size * 4), 0.125, 4))
    model.node("Add", *parts)
    agrees(model, tmp_path)
