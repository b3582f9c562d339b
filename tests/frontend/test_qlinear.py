"""Operators on integers (QLinearConv, ConvInteger, com.microsoft) equal exact arithmetic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from hwcompress.errors import UnsupportedError
from hwcompress.frontend import import_model
from hwcompress.ir import Add, Conv, Dense, MaxPool, Mul, SumPool
from tests.frontend.qdq_builder import QdqBuilder
from tests.frontend.test_qdq import exact, samples, weights

MICROSOFT = "com.microsoft"
IMAGE = (3, 6, 6)


def start(shape: tuple[int, ...] = IMAGE, kind: type = np.uint8) -> tuple[QdqBuilder, list[str]]:
    """A model whose input is quantized, and that tensor with its scale and zero point."""
    model = QdqBuilder((1, *shape))
    scale, zero = np.float32(0.029), kind(117 if kind is np.uint8 else -9)
    model.quantize("x", scale, zero)
    return model, [model.last, model.constant(scale), model.constant(zero)]


def parameters(model: QdqBuilder, scale: object, zero: object) -> list[str]:
    return [model.constant(scale), model.constant(zero)]


def kernel(model: QdqBuilder, shape: tuple[int, ...], scale: object, zero: np.ndarray) -> list[str]:
    """Constant weights with their parameters."""
    low, high = (0, 256) if zero.dtype == np.uint8 else (-128, 128)
    stored = model.constant(weights(shape, low, high).astype(zero.dtype))
    return [stored, *parameters(model, scale, zero)]


@pytest.mark.parametrize("kind", [np.uint8, np.int8])
def test_qlinear_conv(tmp_path: Path, kind: type) -> None:
    """Scales and zero points of the weights per channel, bias in units of the products."""
    model, x = start(kind=kind)
    scale = np.float32([0.011, 0.002, 0.007, 0.031])
    zeros = np.array([0, 3, -7, 0], np.int8) if kind is np.int8 else np.zeros(4, np.int8)
    weight = kernel(model, (4, 3, 3, 2), scale, zeros)
    bias = model.constant(np.array([1000, -70, 0, 4000], np.int32))
    out = parameters(model, np.float32(0.21), kind(40))
    model.node("QLinearConv", *x, *weight, *out, bias, pads=[1, 0, 1, 1], strides=[1, 2])
    model.dequantize(model.last, np.float32(0.21), kind(40))
    imported, _ = exact(model.save(tmp_path / "model.onnx"), samples(IMAGE, 60))
    assert any(isinstance(op, Conv) for op in imported.graph.ops)


def test_qlinear_matmul(tmp_path: Path) -> None:
    model, x = start((6,))
    weight = kernel(model, (6, 4), np.float32([0.01, 0.02, 0.03, 0.04]), np.zeros(4, np.int8))
    model.node("QLinearMatMul", *x, *weight, *parameters(model, np.float32(0.2), np.uint8(99)))
    exact(model.save(tmp_path / "model.onnx"), samples((6,)))


@pytest.mark.parametrize("opset", [10, 13])
def test_integer_operators_and_their_scale_afterwards(tmp_path: Path, opset: int) -> None:
    """ConvInteger and MatMulInteger give the sums; Cast and Mul make them real."""
    model, x = start()
    model.opset = opset
    stored = model.constant(weights((4, 3, 3, 3), 0, 256).astype(np.uint8))
    model.node("ConvInteger", x[0], stored, x[2], model.constant(np.uint8(128)))
    model.node("Cast", model.last, to=TensorProto.FLOAT)
    model.node("Mul", model.last, model.constant(np.float32(0.029 * 0.01)))
    scale, zero = np.float32(0.3), np.uint8(101)
    model.quantize(model.last, scale, zero)
    model.node("Flatten", model.last)
    weight = model.constant(weights((64, 5)).astype(np.int8))
    model.node("MatMulInteger", model.last, weight, model.constant(zero))
    model.node("Cast", model.last, to=TensorProto.FLOAT)
    model.node("Mul", model.last, model.constant(np.float32([0.1, 0.2, 0.3, 0.4, 0.5])))
    model.quantize(model.last, np.float32(60.0), np.int8(0))
    imported, _ = exact(model.save(tmp_path / "model.onnx"), samples(IMAGE, 60))
    assert any(isinstance(op, Dense) for op in imported.graph.ops)


@pytest.mark.parametrize(("quantized", "transposed"), [(True, 1), (True, 0), (False, 1)])
def test_qgemm(tmp_path: Path, quantized: bool, transposed: int) -> None:
    """With and without a quantized output; alpha scales the bias, too."""
    model, x = start((6,), np.int8)
    scale = np.float32([0.01, 0.02, 0.03, 0.04])
    weight = kernel(model, (4, 6) if transposed else (6, 4), scale, np.zeros(4, np.int8))
    bias = model.constant(np.array([1000, -70, 0, 4000], np.int32))
    out = parameters(model, np.float32(0.2), np.int8(9)) if quantized else []
    attributes = {"alpha": 0.5, "transB": transposed}
    model.node("QGemm", *x, *weight, bias, *out, domain=MICROSOFT, **attributes)
    exact(model.save(tmp_path / "model.onnx"), samples((6,)))


def test_sums_and_products_of_branches(tmp_path: Path) -> None:
    model, x = start()
    first = parameters(model, np.float32(0.05), np.uint8(120))
    weight = kernel(model, (3, 3, 1, 1), np.float32(0.01), np.zeros((), np.int8))
    model.node("QLinearConv", *x, *weight, *first)
    branch = [model.last, *first]
    total = parameters(model, np.float32(0.061), np.uint8(127))
    model.node("QLinearAdd", *x, *branch, *total, domain=MICROSOFT)
    product = parameters(model, np.float32(0.09), np.uint8(130))
    model.node("QLinearMul", model.last, *total, *branch, *product, domain=MICROSOFT)
    # A constant operand, without a zero point of its own.
    fixed = [model.constant(weights((3, 1, 1), 1, 200).astype(np.uint8))]
    fixed += [model.constant(np.float32(0.01)), model.constant(np.uint8(90))]
    model.node("QLinearAdd", model.last, *product, *fixed, *total, domain=MICROSOFT)
    imported, _ = exact(model.save(tmp_path / "model.onnx"), samples(IMAGE, 60))
    kinds = {type(op) for op in imported.graph.ops}
    assert {Add, Mul} <= kinds


def test_concatenation_pooling_and_activations(tmp_path: Path) -> None:
    """Integers pass MaxPool, Transpose and Reshape as they are."""
    model, x = start()
    leaky = parameters(model, np.float32(0.02), np.uint8(60))
    model.node("QLinearLeakyRelu", *x, *leaky, domain=MICROSOFT, alpha=0.25)
    one = [model.last, *leaky]
    sigmoid = parameters(model, np.float32(1 / 256), np.uint8(0))
    model.node("QLinearSigmoid", *x, *sigmoid, domain=MICROSOFT)
    two = [model.last, *sigmoid]
    joined = parameters(model, np.float32(0.021), np.uint8(55))
    model.node("QLinearConcat", *joined, *one, *two, domain=MICROSOFT, axis=1)
    model.node("MaxPool", model.last, kernel_shape=[2, 2], strides=[2, 2])
    means = parameters(model, np.float32(0.019), np.uint8(50))
    model.node(
        "QLinearAveragePool",
        *[model.last, *joined, *means],
        domain=MICROSOFT,
        kernel_shape=[2, 2],
        strides=[1, 1],
    )
    model.node("QLinearGlobalAveragePool", model.last, *means, *joined, domain=MICROSOFT)
    model.node("Reshape", model.last, model.constant(np.array([-1, 6])))
    model.dequantize(model.last, np.float32(0.021), np.uint8(55))
    imported, _ = exact(model.save(tmp_path / "model.onnx"), samples(IMAGE, 60))
    kinds = [type(op) for op in imported.graph.ops]
    assert MaxPool in kinds
    assert kinds.count(SumPool) == 2


def test_channels_last_pooling(tmp_path: Path) -> None:
    model, x = start((6, 6, 3))
    out = parameters(model, np.float32(0.03), np.uint8(110))
    options = {"domain": MICROSOFT, "channels_last": 1}
    model.node("QLinearAveragePool", *x, *out, kernel_shape=[2, 3], **options)  # type: ignore[arg-type]
    model.node("QLinearGlobalAveragePool", model.last, *out, *out, **options)  # type: ignore[arg-type]
    exact(model.save(tmp_path / "model.onnx"), samples((6, 6, 3), 60))


def test_softmax_of_integers_is_left_to_the_host(tmp_path: Path) -> None:
    model, x = start((6,), np.int8)
    out = parameters(model, np.float32(1 / 256), np.int8(-128))
    model.node("QLinearSoftmax", *x, *out, domain=MICROSOFT, axis=-1, opset=13)
    imported, _ = exact(model.save(tmp_path / "model.onnx"), samples((6,)))
    assert any("softmax" in note and "host" in note for note in imported.graph.notes)


def test_reduced_mean(tmp_path: Path) -> None:
    model, x = start()
    out = parameters(model, np.float32(0.01), np.uint8(100))
    model.node("QLinearReduceMean", *x, *out, domain=MICROSOFT, axes=[2, 3], keepdims=0)
    path = model.save(tmp_path / "model.onnx")
    imported = import_model(path)
    assert any(isinstance(op, SumPool) for op in imported.graph.ops)


def test_dynamic_quantization_is_refused_with_the_remedy(tmp_path: Path) -> None:
    model = QdqBuilder((1, 6))
    outputs = ["q", "s", "z"]
    model.nodes.append(onnx.helper.make_node("DynamicQuantizeLinear", ["x"], outputs, name="dyn"))
    weight = model.constant(weights((6, 4)).astype(np.int8))
    model.node("MatMulInteger", "q", weight, "z")
    with pytest.raises(UnsupportedError, match=r"dyn.*quantize_static"):
        import_model(model.save(tmp_path / "model.onnx"))


def test_an_output_without_a_zero_point_takes_the_type_of_the_input(tmp_path: Path) -> None:
    """Imported only: onnxruntime 1.32.0 aborts on it, though its documentation allows it."""
    model, x = start()
    scale = model.constant(np.float32(0.01))
    model.node("QLinearLeakyRelu", *x, scale, domain=MICROSOFT, alpha=0.5)
    imported = import_model(model.save(tmp_path / "model.onnx"))
    (output,) = imported.graph.outputs
    tensor = imported.graph.tensors[output.inputs[0]]
    assert (tensor.dtype.lo, tensor.dtype.hi) == (0, 255)
