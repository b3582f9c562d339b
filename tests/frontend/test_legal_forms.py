"""Odd but legal forms of ONNX and QONNX: right against qonnx and float64, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import UnsupportedError
from hwcompress.frontend import Imported, import_model
from hwcompress.frontend.check import check_float64, check_qonnx
from hwcompress.ir import trace
from tests.frontend.onnx_builder import DOMAIN, ModelBuilder

SAMPLES = 40
Change = Callable[[ModelBuilder], object]


def weights(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(0, 1, shape)


def agrees(model: ModelBuilder, path: Path, explained: bool = False) -> Imported:
    """Import; every quantized tensor and output equals float64 and the qonnx executor."""
    imported = import_model(model.save(path / "model.onnx"))
    op = imported.graph.inputs[0]
    samples = np.random.default_rng(1).normal(0, 1.5, (SAMPLES, *op.source_shape))
    samples = samples.astype(np.float32)
    integers = trace(imported.graph, op.encode(samples))
    for result in [
        *check_float64(imported, samples, integers),
        *check_qonnx(imported, samples, integers),
    ]:
        assert result.exact, result
        assert explained or result.mismatches == 0, result
    return imported


def refused(model: ModelBuilder, path: Path) -> str:
    with pytest.raises(UnsupportedError) as caught:
        import_model(model.save(path / "model.onnx"))
    return str(caught.value)


def dense(opset: int = 13, features: int = 6, rows: int = 5) -> ModelBuilder:
    model = ModelBuilder((1, features), opset)
    model.act(0.125, 4)
    model.dense(weights(rows, features), 0.125, 4)
    return model


def image(opset: int = 13, channels: int = 2, size: int = 6) -> ModelBuilder:
    model = ModelBuilder((1, channels, size, size), opset)
    model.act(0.125, 4)
    return model


def clip(model: ModelBuilder, low: float | None, high: float | None) -> None:
    if model.opset < 11:
        bounds = {k: v for k, v in (("min", low), ("max", high)) if v is not None}
        model.node("Clip", model.last, **bounds)
    else:
        names = ["" if item is None else model.constant(item) for item in (low, high)]
        model.node("Clip", model.last, *names)


def axes_node(model: ModelBuilder, op: str, axes: list[int]) -> None:
    if model.opset < 13:
        model.node(op, model.last, axes=axes)
    else:
        model.node(op, model.last, model.constant(np.array(axes)))


@pytest.mark.parametrize("opset", [9, 11, 13, 20])
@pytest.mark.parametrize("bounds", [(None, 0.5), (-0.5, None), (-0.25, 0.75), (None, None)])
def test_clip(opset: int, bounds: tuple[float | None, float | None], tmp_path: Path) -> None:
    model = dense(opset)
    clip(model, *bounds)
    model.act(0.125, 4)
    model.dense(weights(3, 5), 0.25, 4)
    agrees(model, tmp_path)


@pytest.mark.parametrize("opset", [9, 12, 13, 18])
def test_moves(opset: int, tmp_path: Path) -> None:
    model = image(opset)
    model.conv(weights(3, 2, 6, 6), 0.125, 4)
    model.act(0.25, 4)
    # Axes may count from the end since opset 11.
    axes_node(model, "Squeeze", [-1, 2] if opset > 10 else [2, 3])
    axes_node(model, "Unsqueeze", [1, -1] if opset > 10 else [1, 3])
    model.node("Reshape", model.last, model.constant(np.array([0, 0, -1, 1])))
    model.node("Dropout", model.last)
    model.node("Transpose", model.last, perm=[0, 3, 2, 1])
    model.node("Flatten", model.last, axis=-3 if opset > 10 else 1)
    model.node("Identity", model.last)
    model.node("Flatten", model.last, axis=0)
    model.dense(weights(4, 3), 0.25, 4)
    agrees(model, tmp_path)


@pytest.mark.parametrize(
    "shape", [[0, -1], [-1, 72], [1, 2, -1, 1, 6], [1, -1, 1, 1, 72], [0, 2, 36]]
)
def test_reshape(shape: list[int], tmp_path: Path) -> None:
    model = image()
    model.node("Reshape", model.last, model.constant(np.array(shape)))
    model.node("Flatten", model.last)
    model.dense(weights(4, 72), 0.25, 4)
    agrees(model, tmp_path)


def test_reshape_that_moves_positions_into_the_batch(tmp_path: Path) -> None:
    """As for a dense layer over several positions; the model is a function of one sample."""
    model = image()
    model.node("Reshape", model.last, model.constant(np.array([2, 36])))
    model.dense(weights(4, 36), 0.25, 4)
    model.act(0.5, 4)
    assert agrees(model, tmp_path).graph.outputs[0].source_shape == (2, 4)
    model.node("Reshape", model.last, model.constant(np.array([1, -1])))
    model.dense(weights(3, 8), 0.25, 4)
    agrees(model, tmp_path)
    model = image(14)
    model.node("Reshape", model.last, model.constant(np.array([0, 72])), allowzero=1)
    assert "cannot become (0, 72)" in refused(model, tmp_path)


@pytest.mark.parametrize("to_batch", [[1, 0, 2], [2, 1, 0]])
def test_batch_transposed(to_batch: list[int], tmp_path: Path) -> None:
    model = dense()
    model.act(0.25, 4)
    model.node("Reshape", model.last, model.constant(np.array([1, 1, 5])))
    model.node("Transpose", model.last, perm=to_batch)
    model.node("Mul", model.last, model.constant(0.5))
    model.node("Flatten", model.last, axis=0)
    model.dense(weights(4, 5), 0.25, 4)
    agrees(model, tmp_path)


@pytest.mark.parametrize(("opset", "axis"), [(11, None), (11, 1), (13, None), (13, -1), (13, 1)])
def test_softmax(opset: int, axis: int | None, tmp_path: Path) -> None:
    model = dense(opset)
    model.node("Softmax", model.last, **({} if axis is None else {"axis": axis}))
    imported = agrees(model, tmp_path)
    assert imported.graph.outputs[0].host == ("softmax",)


@pytest.mark.parametrize(("opset", "axis"), [(13, 0), (11, 0)])
def test_softmax_over_the_batch(opset: int, axis: int, tmp_path: Path) -> None:
    model = dense(opset)
    model.node("Softmax", model.last, axis=axis)
    assert "Softmax along axis 0" in refused(model, tmp_path)


def test_softmax_over_channels_of_an_image(tmp_path: Path) -> None:
    model = image()
    model.conv(weights(3, 2, 3, 3), 0.125, 4)
    model.node("Softmax", model.last, axis=1)
    assert agrees(model, tmp_path).graph.outputs[0].host == ("softmax(1)",)


@pytest.mark.parametrize("shape", [(), (1,), (5,), (1, 5), (1, 1)])
@pytest.mark.parametrize("transposed", [0, 1])
def test_gemm(shape: tuple[int, ...], transposed: int, tmp_path: Path) -> None:
    model = ModelBuilder((1, 6))
    source = model.act(0.125, 4)
    weight = model.quant(model.constant(weights(6, 5)), 0.125, 4)
    if transposed:
        weight = model.node("Transpose", weight, perm=[1, 0])
        weight = model.node("Identity", weight)
    bias = model.constant(weights(*shape) if shape else 0.75)
    model.node("Gemm", source, weight, bias, alpha=0.5, beta=2.0, transB=transposed)
    model.act(0.125, 5)
    model.dense(weights(3, 5), 0.25, 4)
    agrees(model, tmp_path, explained=True)


def test_bias_that_does_not_fit(tmp_path: Path) -> None:
    model = ModelBuilder((1, 6))
    model.act(0.125, 4)
    model.dense(weights(5, 6), 0.125, 4, weights(5, 1))
    assert "a bias of shape (5, 1)" in refused(model, tmp_path)
    model = image()
    model.conv(weights(3, 2, 3, 3), 0.125, 4, weights(1))
    assert "does not fit (3,)" in refused(model, tmp_path)


@pytest.mark.parametrize("op", ["MatMul", "Gemm"])
def test_constant_first(op: str, tmp_path: Path) -> None:
    model = ModelBuilder((1, 6))
    source = model.act(0.125, 4)
    weight = model.quant(model.constant(weights(2, 3)), 0.125, 4)
    model.node(op, weight, source)
    assert "put the data first" in refused(model, tmp_path)


@pytest.mark.parametrize("op", ["MatMul", "Gemm"])
@pytest.mark.parametrize("shape", [(6,), (1, 6, 5), (5, 6)])
def test_weights_that_are_no_matrix(op: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    model = ModelBuilder((1, 6))
    source = model.act(0.125, 4)
    model.node(op, source, model.quant(model.constant(weights(*shape)), 0.125, 4))
    assert f"weights {shape} do not fit data (1, 6)" in refused(model, tmp_path)


def test_conv_without_attributes(tmp_path: Path) -> None:
    model = image()
    source = model.last
    model.node("Conv", source, model.quant(model.constant(weights(3, 2, 2, 3)), 0.125, 4))
    model.act(0.25, 4)
    model.conv(weights(3, 3, 3, 3), 0.125, 4, pads=[2, 0, 1, 3], strides=[2, 1], dilations=[2, 1])
    agrees(model, tmp_path)


def test_kernel_shape_that_contradicts_the_weights(tmp_path: Path) -> None:
    model = image()
    weight = model.quant(model.constant(weights(3, 2, 3, 3)), 0.125, 4)
    model.node("Conv", model.nodes[0].output[0], weight, kernel_shape=[3, 2])
    assert "kernel_shape (3, 2)" in refused(model, tmp_path)


@pytest.mark.parametrize("zero", [3.0, 7.0, 100.0])
@pytest.mark.parametrize("scale", [0.125, 0.1])
def test_padding_with_a_zero_point(zero: float, scale: float, tmp_path: Path) -> None:
    """The padded integer is the zero point, even one that no activation has."""
    model = ModelBuilder((1, 2, 5, 5))
    model.act(scale, 4, signed=False, zero=zero)
    model.conv(weights(3, 2, 3, 3), 0.125, 4, pads=[1, 1, 1, 1])
    model.act(0.25, 4)
    agrees(model, tmp_path, explained=True)


@pytest.mark.parametrize("include", [None, 0, 1])
def test_average_pool_with_padding(include: int | None, tmp_path: Path) -> None:
    model = image()
    options = {} if include is None else {"count_include_pad": include}
    model.node("AveragePool", model.last, kernel_shape=[2, 2], pads=[1, 1, 0, 0], **options)
    model.act(0.25, 4)
    agrees(model, tmp_path)


@pytest.mark.parametrize("factor", [-0.75, 1.5])
def test_max_pool_with_padding_after_a_factor(factor: float, tmp_path: Path) -> None:
    model = image()
    model.conv(weights(3, 2, 3, 3), 0.125, 4)
    model.node("Mul", model.last, model.constant(factor))
    model.node("MaxPool", model.last, kernel_shape=[3, 2], pads=[1, 0, 2, 1], strides=[2, 1])
    model.act(0.25, 4)
    agrees(model, tmp_path)


@pytest.mark.parametrize(
    "shape", [(), (1,), (1, 1), (5, 1), (1, 6), (5, 6)], ids=lambda shape: str(shape)
)
def test_weight_scales_of_every_shape(shape: tuple[int, ...], tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    scale = 2.0 ** random.integers(-4, -1, shape)
    zero = random.integers(-2, 3, shape).astype(float)
    model = ModelBuilder((1, 6))
    model.act(0.125, 4)
    model.dense(weights(5, 6), scale, 5, zero=zero)
    model.act(0.25, 4)
    agrees(model, tmp_path)


def test_activation_scale_per_channel(tmp_path: Path) -> None:
    model = image()
    model.conv(weights(3, 2, 3, 3), 0.125, 4)
    scale = np.array([0.5, 0.25, 1.0]).reshape(1, 3, 1, 1)
    source = model.act(scale, 4, zero=np.array([1.0, 0.0, 2.0]).reshape(1, 3, 1, 1))
    weight = model.quant(model.constant(weights(3, 1, 2, 2)), np.full((1,), 0.25), 4)
    model.node("Conv", source, weight, group=3)
    model.act(0.25, 6)
    agrees(model, tmp_path)


@pytest.mark.parametrize(
    "rounding",
    ["ROUND", "HALF_EVEN", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN", "round"],
)
@pytest.mark.parametrize("signed", [True, False])
def test_rounding(rounding: str, signed: bool, tmp_path: Path) -> None:
    model = dense()
    model.act(0.25, 4, rounding=rounding, signed=signed, narrow=True)
    model.dense(weights(3, 5), 0.25, 4)
    agrees(model, tmp_path)


@pytest.mark.parametrize("zero", [0.0, 1.0, -3.0])
@pytest.mark.parametrize("first", [True, False])
def test_one_signed_bit(zero: float, first: bool, tmp_path: Path) -> None:
    model = ModelBuilder((1, 5)) if first else dense()
    model.act(0.5, 1, zero=zero)
    model.dense(weights(3, 5), 0.25, 4)
    agrees(model, tmp_path)


@pytest.mark.parametrize("bits", [1, 2])
def test_unsigned_narrow(bits: int, tmp_path: Path) -> None:
    model = dense()
    model.act(0.5, bits, signed=False, narrow=True)
    model.dense(weights(3, 5), 0.25, 4)
    if bits == 1:
        assert "a single level" in refused(model, tmp_path)
    else:
        agrees(model, tmp_path)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_bipolar_with_a_scale(shape: tuple[int, ...], tmp_path: Path) -> None:
    model = ModelBuilder((1, 5))
    model.node("BipolarQuant", "x", model.constant(np.full(shape, 0.375)), domain=DOMAIN)
    model.dense(weights(4, 5), 0.25, 4)
    model.node("BipolarQuant", model.last, model.constant(np.full(shape, 0.5)), domain=DOMAIN)
    model.node("Relu", model.last)
    model.act(0.25, 3)
    model.dense(weights(3, 4), 0.25, 4)
    agrees(model, tmp_path)


def test_quantizer_on_quantizer(tmp_path: Path) -> None:
    model = dense()
    model.act(0.0625, 6)
    model.act(0.25, 3)
    model.act(0.25, 3)
    model.dense(weights(3, 5), 0.25, 4)
    agrees(model, tmp_path)


@pytest.mark.parametrize("rounding", ["FLOOR", "ROUND"])
def test_trunc_of_an_average(rounding: str, tmp_path: Path) -> None:
    model = image()
    model.node("GlobalAveragePool", model.last)
    model.node("Mul", model.last, model.constant(36.0))
    parameters = [model.constant(item) for item in (0.125, 0.0, 10.0, 4.0, 4.0)]
    model.node(
        "Trunc", model.last, *parameters, domain=DOMAIN, rounding_mode=rounding, signed=1, narrow=0
    )
    model.node("Flatten", model.last)
    model.dense(weights(3, 2), 0.25, 4)
    agrees(model, tmp_path)


def test_constants_per_position(tmp_path: Path) -> None:
    model = image()
    model.node("Mul", model.last, model.constant(2.0 ** (weights(1, 1, 6, 6) > 0)))
    model.act(0.25, 4)
    model.conv(weights(3, 2, 3, 3), 0.125, 4)
    model.act(0.25, 4)
    agrees(model, tmp_path)
    model = image()
    model.node("Mul", model.last, model.constant(2.0 ** (weights(1, 1, 6, 6) > 0)))
    model.conv(weights(3, 2, 3, 3), 0.125, 4)
    agrees(model, tmp_path)
    model = image()
    model.node("Mul", model.last, model.constant(np.exp(weights(1, 1, 6, 6))))
    model.conv(weights(3, 2, 3, 3), 0.125, 4)
    assert "one new channel have different scales" in refused(model, tmp_path)


@pytest.mark.parametrize("perm", [None, [0, 2, 3, 1], [0, 3, 1, 2]])
def test_flattening_in_another_order(perm: list[int] | None, tmp_path: Path) -> None:
    model = image()
    model.conv(weights(3, 2, 3, 4), 0.125, 4)
    model.act(0.25, 4)
    if perm:
        model.node("Transpose", model.last, perm=perm)
    model.node("Flatten", model.last)
    model.dense(weights(4, 36), 0.25, 4)
    agrees(model, tmp_path)


@pytest.mark.parametrize("operands", [1, 2])
def test_max_and_min(operands: int, tmp_path: Path) -> None:
    model = dense()
    model.node("Max", *[model.last, model.constant(-0.5)][:operands])
    model.node("Min", *[model.last, model.constant(weights(1, 5))][:operands])
    model.act(0.25, 4)
    model.dense(weights(3, 5), 0.25, 4)
    agrees(model, tmp_path)


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div"])
def test_constant_on_either_side(op: str, swapped: bool, tmp_path: Path) -> None:
    model = dense()
    model.node("Sigmoid", model.last)
    value = model.constant(np.array([0.5, 2.0, -4.0, 1.0, 0.25]))
    operands = [value, model.last] if swapped else [model.last, value]
    model.node(op, *operands)
    model.act(0.0625, 6)
    model.dense(weights(3, 5), 0.25, 4)
    agrees(model, tmp_path, explained=True)


def test_cast(tmp_path: Path) -> None:
    model = dense()
    model.node("Cast", model.last, to=1)
    model.act(0.25, 4)
    model.dense(weights(3, 5), 0.25, 4)
    agrees(model, tmp_path)
    model = dense()
    model.node("Cast", model.last, to=6)
    model.node("Cast", model.last, to=1)
    model.act(0.25, 4)
    agrees(model, tmp_path)
    model = dense()
    model.node("Cast", model.last, to=8)
    assert "a cast to STRING" in refused(model, tmp_path)


def test_training_mode(tmp_path: Path) -> None:
    model = dense(15)
    rows = [model.constant(np.ones(5)) for _ in range(4)]
    model.node("BatchNormalization", model.last, *rows, training_mode=1)
    assert "training mode" in refused(model, tmp_path)
    model = dense()
    model.node("Dropout", model.last, model.constant(0.5), model.constant(1))
    assert "training mode" in refused(model, tmp_path)
