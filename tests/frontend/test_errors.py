"""What cannot be expressed is refused, all of it at once, with a remedy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from hwcompress.errors import InputError, UnsupportedError
from hwcompress.frontend import import_model
from tests.frontend.onnx_builder import ModelBuilder


def dense_model(random: np.random.Generator) -> ModelBuilder:
    model = ModelBuilder((1, 4))
    model.act(0.25, 4)
    model.dense(random.normal(0, 1, (3, 4)), 0.125, 4)
    return model


def refused(model: ModelBuilder, path: Path, **options: object) -> str:
    with pytest.raises(UnsupportedError) as caught:
        import_model(model.save(path / "model.onnx"), **options)  # type: ignore[arg-type]
    return str(caught.value)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(7)


def test_every_unknown_operator_is_listed(random: np.random.Generator, tmp_path: Path) -> None:
    model = dense_model(random)
    model.node("Einsum", model.last, name="first")
    model.node("LSTM", model.last, name="second")
    message = refused(model, tmp_path)
    assert "2 node(s)" in message
    assert "Einsum 'first': operator 'Einsum' is not supported" in message
    assert "LSTM 'second': operator 'LSTM' is not supported" in message


def test_unquantized_weights(random: np.random.Generator, tmp_path: Path) -> None:
    model = ModelBuilder((1, 4))
    model.act(0.25, 4)
    model.node("Gemm", model.last, model.constant(random.normal(0, 1, (3, 4))), transB=1)
    assert "its weights are not quantized" in refused(model, tmp_path)


def test_unquantized_activation_between_layers(random: np.random.Generator, tmp_path: Path) -> None:
    model = dense_model(random)
    model.node("Relu", model.last)
    model.dense(random.normal(0, 1, (2, 3)), 0.5, 3)
    message = refused(model, tmp_path)
    assert "its input is not quantized after Relu" in message
    assert "put a quantizer between" in message


def test_branch(random: np.random.Generator, tmp_path: Path) -> None:
    model = ModelBuilder((1, 4))
    first = model.act(0.25, 4)
    model.dense(random.normal(0, 1, (4, 4)), 0.125, 4)
    second = model.act(0.25, 4)
    model.node("Pow", first, second)
    assert "Pow of two different computed tensors" in refused(model, tmp_path)


def test_function_that_changes_too_often(random: np.random.Generator, tmp_path: Path) -> None:
    model = ModelBuilder((1, 4))
    model.act(2.0**-12, 16)
    model.dense(random.normal(0, 1, (3, 4)), 2.0**-14, 16)
    model.node("Mul", model.last, model.constant(1e5))
    model.node("Sin", model.last)
    model.act(0.25, 4)
    message = refused(model, tmp_path)
    assert "changes its level at too many integers" in message
    assert "quantize before the activation" in message


def test_input_without_quantizer_needs_a_type(random: np.random.Generator, tmp_path: Path) -> None:
    model = ModelBuilder((1, 4))
    model.dense(random.normal(0, 1, (3, 4)), 0.125, 4)
    assert "--input-type" in refused(model, tmp_path)
    path = model.save(tmp_path / "model.onnx")
    assert str(import_model(path, input_type="fixed<8,3>").graph.inputs[0].dtype) == "i8"


def test_geometry(random: np.random.Generator, tmp_path: Path) -> None:
    model = ModelBuilder((1, 2, 4, 4, 4))
    model.act(0.25, 4)
    model.conv(random.normal(0, 1, (3, 2, 3, 3, 3)), 0.125, 4)
    assert "needs an image" in refused(model, tmp_path)
    model = ModelBuilder((1, 2, 6, 6))
    model.act(0.25, 4)
    model.conv(random.normal(0, 1, (3, 2, 3, 3)), 0.125, 4, auto_pad="SAME")
    assert "auto_pad 'SAME'" in refused(model, tmp_path)


def test_padding_without_a_zero(random: np.random.Generator, tmp_path: Path) -> None:
    model = ModelBuilder((1, 1, 4, 4))
    model.act(0.25, 4)
    model.node("Add", model.last, model.constant(0.1))
    model.conv(random.normal(0, 1, (2, 1, 3, 3)), 0.125, 4, pads=[1, 1, 1, 1])
    assert "padding inserts zeros" in refused(model, tmp_path)


def test_softmax_inside(random: np.random.Generator, tmp_path: Path) -> None:
    model = dense_model(random)
    model.node("Softmax", model.last, axis=1)
    model.act(0.25, 4)
    model.dense(random.normal(0, 1, (3, 3)), 0.125, 4)
    message = refused(model, tmp_path)
    assert "the result of Softmax" in message
    assert "cut the model there" in message


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x00" * 100, b"PK\x03\x04" + b"x" * 50])
def test_not_onnx(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(InputError, match="ONNX file"):
        import_model(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the model: No such file"):
        import_model(tmp_path / "absent.onnx")


def test_external_data_is_refused(random: np.random.Generator, tmp_path: Path) -> None:
    path = dense_model(random).save(tmp_path / "model.onnx")
    proto = onnx.load(str(path))
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../secret"
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(InputError, match="it is not in the model's folder"):
        import_model(path)


def test_unknown_length(random: np.random.Generator, tmp_path: Path) -> None:
    model = dense_model(random)
    model.shape = (1, 0)
    assert "not stated" in refused(model, tmp_path)


def test_wrong_sizes_are_reported_with_the_node(
    random: np.random.Generator, tmp_path: Path
) -> None:
    model = ModelBuilder((1, 5))
    model.act(0.25, 4)
    model.dense(random.normal(0, 1, (3, 4)), 0.125, 4)
    assert "do not fit" in refused(model, tmp_path)


def test_every_node_of_an_unknown_domain_is_listed_and_the_remedy_comes_last(
    random: np.random.Generator, tmp_path: Path
) -> None:
    model = dense_model(random)
    model.node("Conv", model.last, name="first", domain="somewhere.else")
    model.node("Relu", model.last)
    model.node("Conv", model.last, name="second", domain="somewhere.else")
    lines = refused(model, tmp_path).splitlines()
    assert "2 node(s)" in lines[0]
    assert "Conv 'first': operator domain 'somewhere.else' is not supported" in lines[1]
    assert "Conv 'second'" in lines[2]
    assert lines[3].startswith("Remedy: ")
