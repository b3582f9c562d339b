"""Graphs that are no plain chain: outputs, dead nodes, branches, odd initializers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hwcompress.errors import CheckFailed, HwcompressError, InputError
from hwcompress.frontend import import_model
from hwcompress.frontend.check import check_qonnx
from hwcompress.ir import ArgMax, Conv, Input, trace
from tests.frontend.onnx_builder import ModelBuilder
from tests.frontend.test_legal_forms import agrees, dense, image, refused, weights


def test_dead_nodes_are_left_out(tmp_path: Path) -> None:
    model = dense()
    end = model.last
    model.node("Einsum", end)
    model.last = end
    agrees(model, tmp_path)


def test_output_read_by_later_nodes(tmp_path: Path) -> None:
    model = ModelBuilder((1, 6))
    model.act(0.125, 4)
    model.outputs.append(model.dense(weights(5, 6), 0.125, 4, weights(5)))
    model.outputs.append(model.act(0.25, 4))
    model.dense(weights(3, 5), 0.25, 4, 2.0 ** -np.arange(3.0))
    assert len(agrees(model, tmp_path, explained=True).graph.outputs) == 3


def test_one_tensor_as_two_outputs(tmp_path: Path) -> None:
    """Its bias moves into the sum once."""
    model = ModelBuilder((1, 6))
    model.act(0.125, 4)
    bias = np.array([0.5, -0.25, 1.0, 0.125, 0.0])
    model.outputs.append(model.dense(weights(5, 6), 0.125, 4, bias))
    model.node("Identity", model.last)
    graph = agrees(model, tmp_path).graph
    tensors = {op.inputs[0] for op in graph.outputs}
    assert len(graph.outputs) == 2
    assert len(tensors) == 1
    assert graph.tensors[tensors.pop()].affine.offset == (0.0,)


def test_outputs_in_different_units(tmp_path: Path) -> None:
    model = dense()
    model.outputs.append(model.last)
    model.node("Mul", model.last, model.constant(3.0))
    imported = agrees(model, tmp_path)
    first, second = (op.inputs[0] for op in imported.graph.outputs)
    scales = [imported.graph.tensors[name].affine.scale for name in (first, second)]
    assert scales[1] == tuple(3 * item for item in scales[0])


def test_output_with_a_channel_that_is_constant(tmp_path: Path) -> None:
    model = dense()
    model.node("Mul", model.last, model.constant(np.array([1.0, 0, 1, 1, 1])))
    imported = agrees(model, tmp_path)
    assert any("1 channel(s)" in note for note in imported.graph.notes)


def test_two_layers_read_one_tensor(tmp_path: Path) -> None:
    model = image()
    source = model.last
    model.outputs.append(model.conv(weights(3, 2, 3, 3), 0.125, 4))
    model.last = source
    model.conv(weights(4, 2, 2, 2), 0.125, 4)
    graph = agrees(model, tmp_path).graph
    assert sum(isinstance(op, Conv) for op in graph.ops) == 2
    assert sum(isinstance(op, Input) for op in graph.ops) == 1


@pytest.mark.parametrize("same", [True, False])
def test_the_input_is_quantized_twice(same: bool, tmp_path: Path) -> None:
    model = ModelBuilder((1, 6))
    model.act(0.125, 4)
    model.outputs.append(model.dense(weights(5, 6), 0.125, 4))
    model.quant("x", 0.125 if same else 0.25, 4)
    model.dense(weights(3, 6), 0.125, 4)
    if same:
        assert len(agrees(model, tmp_path).graph.inputs) == 1
    else:
        assert "quantized in two ways" in refused(model, tmp_path)


def test_constant_channel_before_a_maximum(tmp_path: Path) -> None:
    model = image()
    model.conv(weights(3, 2, 3, 3), 0.125, 4)
    model.node("Mul", model.last, model.constant(np.array([1.0, 0.0, -1.0]).reshape(1, 3, 1, 1)))
    model.node("MaxPool", model.last, kernel_shape=[2, 2])
    model.act(0.25, 4)
    agrees(model, tmp_path)


@pytest.mark.parametrize("keepdims", [0, 1])
def test_argmax(keepdims: int, tmp_path: Path) -> None:
    model = dense()
    model.node("ArgMax", model.last, axis=-1, keepdims=keepdims)
    graph = agrees(model, tmp_path).graph
    assert sum(isinstance(op, ArgMax) for op in graph.ops) == 1
    model = dense()
    model.node("ArgMax", model.last)  # over the batch
    assert "axis 0 holds the samples" in refused(model, tmp_path)


def changed(model: ModelBuilder, path: Path) -> onnx.ModelProto:
    return onnx.load(str(model.save(path / "model.onnx")))


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_other_float_types(kind: type, tmp_path: Path) -> None:
    model = ModelBuilder((1, 6))
    model.act(0.125, 4)
    model.dense(weights(5, 6).astype(np.float16), 0.125, 4)
    wanted = import_model(model.save(tmp_path / "model.onnx")).graph
    proto = changed(model, tmp_path)
    for tensor in proto.graph.initializer:
        array = numpy_helper.to_array(tensor).astype(kind)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    (tmp_path / "model.onnx").write_bytes(proto.SerializeToString())
    found = import_model(tmp_path / "model.onnx").graph
    x = np.arange(-9, 9).reshape(3, 6)
    first, second = (trace(graph, np.clip(x, -8, 7)) for graph in (wanted, found))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_initializers_as_inputs_and_constant_nodes(tmp_path: Path) -> None:
    proto = changed(dense(), tmp_path)
    keep = proto.graph.initializer[:3]
    nodes = []
    for tensor in proto.graph.initializer[3:]:
        nodes.append(helper.make_node("Constant", [], [tensor.name], value=tensor))
    initializers = [*keep]
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(initializers)
    for tensor in initializers:
        proto.graph.input.append(
            helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, list(tensor.dims))
        )
    before = [*nodes, *proto.graph.node]
    del proto.graph.node[:]
    proto.graph.node.extend(before)
    wanted = import_model(dense().save(tmp_path / "plain.onnx")).graph
    (tmp_path / "model.onnx").write_bytes(proto.SerializeToString())
    found = import_model(tmp_path / "model.onnx").graph
    assert [op.kind for op in wanted.ops] == [op.kind for op in found.ops]


def test_dynamic_batch(tmp_path: Path) -> None:
    proto = changed(dense(), tmp_path)
    axis = proto.graph.input[0].type.tensor_type.shape.dim[0]
    axis.Clear()
    axis.dim_param = "batch"
    (tmp_path / "model.onnx").write_bytes(proto.SerializeToString())
    assert import_model(tmp_path / "model.onnx").graph.inputs[0].source_shape == (6,)


def test_names_made_twice(tmp_path: Path) -> None:
    proto = changed(dense(), tmp_path)
    proto.graph.node[-1].output[0] = "t0"
    (tmp_path / "model.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(InputError, match="makes 't0' a second time"):
        import_model(tmp_path / "model.onnx")


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 0.0])
@pytest.mark.parametrize("place", ["scale", "zero", "variance", "weight", "bias"])
def test_parameters_that_are_no_numbers(value: float, place: str, tmp_path: Path) -> None:
    fine = {("zero", -1.0), ("zero", 0.0), ("weight", -1.0), ("weight", 0.0), ("variance", 0.0)}
    if (place, value) in fine | {("bias", -1.0), ("bias", 0.0)}:
        return
    model = ModelBuilder((1, 4))
    model.act(0.125, 4)
    weight, bias = weights(3, 4), np.ones(3)
    (weight if place == "weight" else bias)[0] = value if place in ("weight", "bias") else 1.0
    model.dense(weight, 0.125, 4, bias)
    variance = np.array([1.0, value if place == "variance" else 1.0, 1.0])
    rows = [np.ones(3), np.zeros(3), np.zeros(3), variance]
    model.node("BatchNormalization", model.last, *[model.constant(row) for row in rows])
    scale, zero = (
        value if place == name else one for name, one in (("scale", 0.25), ("zero", 1.0))
    )
    model.act(scale, 4, zero=zero)
    message = refused(model, tmp_path)
    assert "1 node(s)" in message
    variance_message = "not finite" if np.isinf(value) or np.isnan(value) else "variance negative"
    wanted = {"variance": variance_message, "weight": "NaN or inf", "bias": "NaN or inf"}
    assert wanted.get(place, place) in message


def test_a_bias_that_swallows_the_sum(tmp_path: Path) -> None:
    model = ModelBuilder((1, 4))
    model.act(0.125, 4)
    model.dense(weights(3, 4), 0.125, 4, np.array([0.0, 1e38, 0.0]))
    assert "swallows the sum" in refused(model, tmp_path)


@pytest.mark.parametrize("shape", [(1, 10**9), (1, 10**5, 10**5), (1, -4), (1, 2**40, 2**40)])
def test_absurd_input_shapes(shape: tuple[int, ...], tmp_path: Path) -> None:
    model = dense()
    model.shape = shape
    assert "input 'x' has shape" in refused(model, tmp_path)


@pytest.mark.parametrize("pads", [10**9, 8000])
def test_absurd_padding(pads: int, tmp_path: Path) -> None:
    model = image()
    model.conv(weights(3, 2, 3, 3), 0.125, 4, pads=[pads] * 4)
    assert "elements" in refused(model, tmp_path) or "over 8192" in refused(model, tmp_path)


def test_absurd_constant(tmp_path: Path) -> None:
    model = dense()
    one, two = (model.constant(np.ones(shape)) for shape in ((100_000, 1), (1, 100_000)))
    end = model.last
    model.node("Mul", end, model.node("Add", one, two))
    assert "10,000,000,000 elements" in refused(model, tmp_path)


def test_the_executor_fails(tmp_path: Path) -> None:
    model = dense()
    imported = import_model(model.save(tmp_path / "model.onnx"))
    (tmp_path / "model.onnx").write_bytes(changed(dense(opset=99), tmp_path).SerializeToString())
    x = np.zeros((2, 6))
    integers = trace(imported.graph, imported.graph.inputs[0].encode(x))
    with pytest.raises(CheckFailed, match="executor cannot run"):
        check_qonnx(imported, x, integers)


def test_every_problem_is_listed_with_its_node(tmp_path: Path) -> None:
    model = image()
    source = model.last
    model.outputs.append(model.conv(weights(3, 2, 3, 3), 0.125, 4, auto_pad="SAME"))
    model.last = source
    model.outputs.append(model.conv(weights(3, 1, 3, 3), 0.125, 4))
    model.last = source
    model.node("Einsum", model.last)
    with pytest.raises(HwcompressError) as caught:
        import_model(model.save(tmp_path / "model.onnx"))
    message = str(caught.value)
    assert "3 node(s)" in message
    for part in ("auto_pad 'SAME'", "do not fit (1, 2, 6, 6)", "operator 'Einsum'"):
        assert part in message
