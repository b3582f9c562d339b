"""QuantizeLinear and DequantizeLinear in all their forms equal exact arithmetic and onnxruntime."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto

from hwcompress.errors import InputError, UnsupportedError
from hwcompress.frontend import Imported, import_model
from hwcompress.frontend.check import check_float64, check_runtime
from hwcompress.ir import Conv, Dense, Input, trace
from hwcompress.sim import Simulator
from tests.frontend.qdq_builder import QdqBuilder

SEED = 5


def exact(path: Path, x: np.ndarray) -> tuple[Imported, dict[str, np.ndarray]]:
    """Import, and hold simulator = definition = source in float64 = onnxruntime."""
    imported = import_model(path, samples=x)
    op, *_ = imported.graph.inputs
    integers = trace(imported.graph, op.encode(x))
    fast = Simulator(imported.graph).trace(op.encode(x))
    assert all(np.array_equal(fast[name], item) for name, item in integers.items())
    for result in check_float64(imported, x, integers):
        assert result.mismatches == 0, result
    for result in check_runtime(imported, x, integers):
        assert result.exact, result
        assert result.explained <= result.values // 5, result
    return imported, integers


def samples(shape: tuple[int, ...], count: int = 200) -> np.ndarray:
    return np.random.default_rng(SEED).normal(0, 1, (count, *shape)).astype(np.float32)


def dense(opset: int = 13) -> QdqBuilder:
    """6 inputs, asymmetric uint8; the caller adds the rest."""
    model = QdqBuilder((1, 6), opset)
    model.act(0.031, np.uint8(113))
    return model


def weights(shape: tuple[int, ...], low: int = -100, high: int = 100) -> np.ndarray:
    return np.random.default_rng(SEED + 1).integers(low, high, shape)


@pytest.mark.parametrize("opset", [10, 13, 19, 21])
@pytest.mark.parametrize(
    ("kind", "zero"),
    [(np.uint8, 0), (np.uint8, 131), (np.int8, -128), (np.int8, 5), (np.uint8, 255)],
)
def test_asymmetric_activations_and_weights(
    tmp_path: Path, opset: int, kind: type, zero: int
) -> None:
    model = dense(opset)
    source = model.last
    low, high = (0, 255) if kind is np.uint8 else (-128, 127)
    real = model.dequantize(
        model.constant(weights((6, 4), low, high).astype(kind)), np.float32(0.017), kind(zero)
    )
    model.node("MatMul", source, real)
    model.quantize(model.last, np.float32(0.11), kind(zero))
    exact(model.save(tmp_path / "model.onnx"), samples((6,)))


@pytest.mark.parametrize(
    ("opset", "kind"),
    [
        (21, np.int16),
        (21, np.uint16),
        (21, ml_dtypes.int4),
        (21, ml_dtypes.uint4),
    ],
)
def test_wide_and_narrow_integers(tmp_path: Path, opset: int, kind: type) -> None:
    """Weights of 4 bits, activations of 16 bits."""
    model = dense(opset)
    source = model.last
    narrow = np.dtype(kind).itemsize == 1
    levels = weights((6, 4), 0, 8).astype(kind if narrow else np.int8)
    zero = np.zeros((), levels.dtype)
    real = model.dequantize(model.constant(levels), np.float32(0.05), zero)
    model.node("MatMul", source, real)
    scale = np.float32(0.21 if narrow else 0.0003)
    model.quantize(model.last, scale, np.ones((), kind))
    imported, _ = exact(model.save(tmp_path / "model.onnx"), samples((6,)))
    output = imported.graph.tensors[imported.graph.outputs[0].inputs[0]]
    assert output.dtype.bits == (4 if narrow else 16)


def test_output_dtype_without_zero_point(tmp_path: Path) -> None:
    model = dense(21)
    model.node(
        "QuantizeLinear",
        model.last,
        model.constant(np.float32(0.09)),
        output_dtype=TensorProto.INT8,
    )
    imported, integers = exact(model.save(tmp_path / "model.onnx"), samples((6,)))
    values = integers[imported.graph.outputs[0].inputs[0]]
    assert values.min() < 0 <= values.max()


def test_no_zero_point_means_unsigned_bytes(tmp_path: Path) -> None:
    model = QdqBuilder((1, 6))
    scale = model.constant(np.float32(0.02))
    model.node("QuantizeLinear", "x", scale)
    model.node("DequantizeLinear", model.last, scale)
    imported, _ = exact(model.save(tmp_path / "model.onnx"), samples((6,)))
    op = imported.graph.ops[0]
    assert isinstance(op, Input)
    assert (op.dtype.lo, op.dtype.hi, op.boundaries) == (0, 255, None)


@pytest.mark.parametrize("zero", [6, 7])
def test_the_zero_point_is_added_after_rounding(tmp_path: Path, zero: int) -> None:
    """Halves are rounded to even before an odd zero point turns even into odd."""
    model = QdqBuilder((1, 6))
    model.quantize("x", np.float32(0.25), np.int8(zero))
    x = (np.arange(-60, 60).reshape(-1, 6) * 0.125).astype(np.float32)
    imported, integers = exact(model.save(tmp_path / "model.onnx"), x)
    assert np.array_equal(
        integers[imported.graph.inputs[0].outputs[0]],
        np.clip(np.rint(x / 0.25) + zero, -128, 127),
    )


@pytest.mark.parametrize("axis", [0, -4])
def test_scales_per_channel_and_bias_of_integers(tmp_path: Path, axis: int) -> None:
    """A depthwise and a plain Conv with padding, an int32 bias, a float bias."""
    model = QdqBuilder((1, 3, 7, 6))
    model.act(0.024, np.int8(-11))
    source = model.last
    scale = np.float32([0.01, 0.003, 0.02])
    zeros = np.zeros(3, np.int8)
    kernel = model.constant(weights((3, 1, 3, 3)).astype(np.int8))
    real = model.dequantize(kernel, scale, zeros, axis=axis)
    stored = model.constant(np.array([400, -2000, 33], np.int32))
    bias = model.dequantize(
        stored, np.float32(scale * np.float32(0.024)), np.zeros(3, np.int32), axis=0
    )
    model.node("Conv", source, real, bias, kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=3)
    model.node("Relu", model.last)
    model.act(0.05, np.int8(-128))
    source = model.last
    kernel = model.constant(weights((2, 3, 1, 1)).astype(np.uint8))
    real = model.dequantize(kernel, np.float32([0.02, 0.01]), np.uint8([7, 120]), axis=axis)
    model.node("Conv", source, real, model.constant(np.float32([0.3, -0.7])), strides=[2, 2])
    model.quantize(model.last, np.float32(0.3), np.int8(3))
    imported, _ = exact(model.save(tmp_path / "model.onnx"), samples((3, 7, 6), 60))
    depthwise, plain = (op for op in imported.graph.ops if isinstance(op, Conv))
    assert depthwise.pad_value == -11
    assert plain.wtype.lo < 0  # its zero points are taken off


def test_an_activation_with_a_scale_per_channel(tmp_path: Path) -> None:
    model = QdqBuilder((1, 3, 4, 4))
    model.act(0.03, np.uint8(120))
    scale, zero = np.float32([0.02, 0.05, 0.031]), np.int8([3, -4, 0])
    model.quantize(model.last, scale, zero, axis=1)
    model.dequantize(model.last, scale, zero, axis=-3)
    exact(model.save(tmp_path / "model.onnx"), samples((3, 4, 4), 60))


def test_weights_move_after_their_dequantizer(tmp_path: Path) -> None:
    """Transpose, Reshape and Identity keep weights quantized; so does a quantizer at run time."""
    model = dense()
    source = model.last
    stored = model.constant(weights((4, 6)).astype(np.int8))
    model.dequantize(stored, np.float32([0.01, 0.02, 0.03, 0.04]), np.zeros(4, np.int8), axis=0)
    model.node("Identity", model.last)
    model.node("Transpose", model.last, perm=[1, 0])
    model.node("MatMul", source, model.last)
    model.act(0.09, np.uint8(128))
    source = model.last
    real = model.constant(np.random.default_rng(3).normal(0, 0.2, (2, 2, 5)).astype(np.float32))
    model.quantize(real, np.float32(0.004), np.int8(0))
    model.node("Reshape", model.last, model.constant(np.array([4, 5])))
    model.dequantize(model.last, np.float32(0.004), np.int8(0))
    model.node("Gemm", source, model.last)
    model.quantize(model.last, np.float32(0.02), np.uint8(100))
    imported, _ = exact(model.save(tmp_path / "model.onnx"), samples((6,)))
    assert sum(isinstance(op, Dense) for op in imported.graph.ops) == 2


def test_scales_of_half_precision(tmp_path: Path) -> None:
    """A float16 scale is the number that is stored."""
    model = QdqBuilder((1, 6), 19)
    model.node("Cast", "x", to=TensorProto.FLOAT16)
    model.quantize(model.last, np.float16(0.03), np.int8(4))
    imported = import_model(model.save(tmp_path / "model.onnx"), samples=samples((6,)))
    (op,) = imported.graph.inputs
    assert op.scale == float(np.float16(0.03))


def test_an_input_of_integers_takes_integers_or_real_values(tmp_path: Path) -> None:
    """As TFLite models come: int8 in, channels last, int8 out."""
    model = QdqBuilder((1, 5, 5, 2), element=TensorProto.INT8)
    model.node("Transpose", "x", perm=[0, 3, 1, 2])
    model.dequantize(model.last, np.float32(0.05), np.int8(-7))
    source = model.last
    kernel = model.constant(weights((3, 2, 3, 3)).astype(np.int8))
    real = model.dequantize(kernel, np.float32([0.01, 0.02, 0.03]), np.zeros(3, np.int8), axis=0)
    model.node("Conv", source, real, pads=[1, 1, 1, 1])
    model.node("Transpose", model.last, perm=[0, 2, 3, 1])
    model.quantize(model.last, np.float32(0.4), np.int8(11))
    path = model.save(tmp_path / "model.onnx")
    levels = np.random.default_rng(SEED).integers(-128, 128, (60, 5, 5, 2)).astype(np.int8)
    imported, integers = exact(path, levels)
    (op,) = imported.graph.inputs
    assert (op.scale, op.zero, op.dtype.lo) == (1.0, 0.0, -128)
    assert np.array_equal(integers[op.outputs[0]], levels)
    assert any("int8" in note for note in imported.graph.notes)
    real_values = (levels.astype(np.float32) + 7) * np.float32(0.05) + np.float32(0.004)
    imported, integers = exact(path, real_values)
    (op,) = imported.graph.inputs
    assert np.array_equal(integers[op.outputs[0]], levels)
    assert any("real values" in note for note in imported.graph.notes)


def test_real_samples_need_to_know_what_the_integers_mean(tmp_path: Path) -> None:
    model = QdqBuilder((1, 6), element=TensorProto.UINT8)
    model.node("Cast", "x", to=TensorProto.FLOAT)
    model.quantize(model.last, np.float32(2.0), np.uint8(3))
    path = model.save(tmp_path / "model.onnx")
    exact(path, np.arange(60).reshape(10, 6).astype(np.uint8))
    with pytest.raises(InputError, match=r"uint8 integers.*0 \.\.\. 255"):
        import_model(path, samples=samples((6,)))


def test_softmax_in_front_of_the_last_quantizer_runs_on_the_host(tmp_path: Path) -> None:
    model = dense()
    model.act(0.05, np.int8(3))
    model.node("Softmax", model.last, axis=-1)
    model.quantize(model.last, np.float32(1 / 256), np.int8(-128))
    x = samples((6,))
    imported, integers = exact(model.save(tmp_path / "model.onnx"), x)
    (output,) = imported.graph.outputs
    tensor = imported.graph.tensors[output.inputs[0]]
    given = output.finish(output.in_source_order(tensor.affine.apply(integers[output.inputs[0]])))
    assert np.array_equal(given, imported.float64.trace(x)[imported.model.outputs[0]])


def test_blocked_and_dynamic_quantization_are_refused(tmp_path: Path) -> None:
    model = dense(21)
    source = model.last
    stored = model.constant(weights((6, 4)).astype(np.int8))
    scale, zero = np.full((2, 4), 0.1, np.float32), np.zeros((2, 4), np.int8)
    model.dequantize(stored, scale, zero, axis=0, block_size=3)
    model.node("MatMul", source, model.last)
    with pytest.raises(UnsupportedError, match=r"blocked quantization \(block_size 3"):
        import_model(model.save(tmp_path / "blocked.onnx"))
    model = QdqBuilder((1, 6))
    outputs = ["q", "s", "z"]
    import onnx

    model.nodes.append(onnx.helper.make_node("DynamicQuantizeLinear", ["x"], outputs, name="dyn"))
    model.node("DequantizeLinear", "q", "s", "z")
    with pytest.raises(UnsupportedError, match=r"dyn.*dynamic quantization.*quantize_static"):
        import_model(model.save(tmp_path / "dynamic.onnx"))


@pytest.mark.parametrize(
    ("scale", "zero", "message"),
    [
        (np.float32([0.1, 0.2]), np.int8([0, 0]), r"2 scales along axis 1 of \(1, 6\)"),
        (np.float32(0.0), np.int8(0), "scale 0 is not a positive number"),
        (np.float32(np.nan), np.int8(0), "scale nan is not a positive number"),
    ],
)
def test_damaged_parameters_are_refused(
    tmp_path: Path, scale: object, zero: object, message: str
) -> None:
    model = dense()
    model.quantize(model.last, scale, zero)
    with pytest.raises(UnsupportedError, match=message):
        import_model(model.save(tmp_path / "model.onnx"), samples=samples((6,)))
