"""Forms of quantized networks that public models have, as converters write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from hwcompress.frontend import import_model
from hwcompress.frontend.function import affine_function
from hwcompress.frontend.ort_runtime import OrtRuntime
from hwcompress.frontend.paired_sum import PairedSum, paired_region
from hwcompress.frontend.region import EveryChannel, StepFunction
from hwcompress.frontend.replay import Replay
from hwcompress.frontend.runtimes import runtime_of
from hwcompress.ir import Concat, IntType, Mul, Range, Rescale, Upsample
from tests.frontend.qdq_builder import QdqBuilder
from tests.frontend.test_qdq import exact, samples, weights

LAST = (5, 6, 3)


def gated(opset: int = 13) -> tuple[QdqBuilder, str, str]:
    """An image with the channels last, and a value for each channel beside it."""
    model = QdqBuilder((1, *LAST), opset)
    image = model.act(0.03, np.int8(-7))
    model.node("ReduceMean", image, axes=[1, 2], keepdims=1)
    model.act(0.01, np.int8(3))
    model.node("Sigmoid", model.last)
    return model, image, model.act(1 / 256, np.int8(-128))


@pytest.mark.parametrize(("op", "made"), [("Mul", Mul), ("Add", Upsample)])
def test_a_value_for_each_channel_that_is_the_last_axis(
    tmp_path: Path, op: str, made: type
) -> None:
    """Squeeze and excitation as tf2onnx leaves it between its transposes."""
    model, image, gate = gated()
    model.node(op, image, gate)
    model.act(0.025, np.int8(11))
    imported, _ = exact(model.save(tmp_path / "model.onnx"), samples(LAST, 60))
    assert any(isinstance(item, made) for item in imported.graph.ops)


def test_pooled_channels_beside_a_vector(tmp_path: Path) -> None:
    """Both are vectors in the source; the graph has the mean as an image of one pixel."""
    model = QdqBuilder((1, 3, 4, 4))
    image = model.act(0.03, np.uint8(120))
    model.node("ReduceMean", image, axes=[2, 3], keepdims=0)
    mean = model.act(0.02, np.uint8(121))
    flat = model.node("Flatten", image)
    kernel = model.dequantize(
        model.constant(weights((48, 5)).astype(np.int8)), np.float32(0.01), np.int8(0)
    )
    model.node("MatMul", flat, kernel)
    vector = model.act(0.1, np.uint8(110))
    model.node("Concat", mean, vector, axis=1)
    model.act(0.1, np.uint8(110))
    imported, _ = exact(model.save(tmp_path / "model.onnx"), samples((3, 4, 4), 60))
    assert any(isinstance(item, Concat) for item in imported.graph.ops)


def test_replay_where_positions_are_in_the_batch_axis(tmp_path: Path) -> None:
    """onnxruntime's preparation makes a Gemm of a MatMul over positions, between Reshapes."""
    model = QdqBuilder((1, 4, 6))
    model.node("Reshape", model.last, model.constant(np.array([-1, 6])))
    rows = model.act(0.03, np.uint8(120))
    kernel = model.dequantize(
        model.constant(weights((6, 5)).astype(np.int8)), np.float32(0.01), np.int8(0)
    )
    model.node("MatMul", rows, kernel)
    model.quantize(model.last, np.float32(0.05), np.uint8(110))
    model.node("Reshape", model.last, model.constant(np.array([-1, 4, 5])))
    path, x = model.save(tmp_path / "model.onnx"), samples((4, 6), 50)
    imported = import_model(path)
    replayed = Replay(imported.float64, imported.model, runtime_of(path)).run(x)
    assert replayed.wrong.shape == replayed.ties.shape == (50,)
    assert replayed.wrong.sum() == 0
    exact(path, x)


@pytest.mark.parametrize("op", ["GlobalAveragePool", "Add", "Mul"])
def test_a_relu_that_no_quantizer_follows(tmp_path: Path, op: str) -> None:
    """onnxruntime leaves such a gap where it quantizes some operators only."""
    model = QdqBuilder((1, 3, 5, 5))
    image = model.act(0.03, np.uint8(120))
    scale = np.float32([0.01, 0.02, 0.03])
    kernel = model.dequantize(
        model.constant(weights((3, 3, 3, 3)).astype(np.int8)), scale, np.zeros(3, np.int8), axis=0
    )
    bias = model.dequantize(
        model.constant(np.array([400, -900, 70], np.int32)),
        np.float32(0.03) * scale,
        np.zeros(3, np.int32),
        axis=0,
    )
    relu = model.node("Relu", model.node("Conv", image, kernel, bias, pads=[1, 1, 1, 1]))
    model.node(op, relu) if op == "GlobalAveragePool" else model.node(op, relu, image)
    model.quantize(model.last, np.float32(0.07), np.uint8(3))
    imported, _ = exact(model.save(tmp_path / "model.onnx"), samples((3, 5, 5), 60))
    relus = [item for item in imported.graph.ops if item.name.endswith("_relu")]
    assert [type(item) for item in relus] == [Rescale]


def test_channels_that_are_the_same_are_looked_at_once() -> None:
    """The sum of two branches with a scale each, in three channels that reach other integers."""
    gains = np.repeat([[0.031], [0.0123]], 3, axis=1)
    bounds = (
        Range(np.array([-128, -100, 0]), np.array([127, 90, 127])),
        Range(np.array([-90, -128, 3]), np.array([127, 100, 3])),
    )
    paired = PairedSum.ordered(gains, np.full(3, 0.7), bounds)
    relu = affine_function(np.ones(3), np.zeros(3))
    relu = relu.then(lambda x: np.maximum(x, 0), 1, lambda x: (np.maximum(x[0], 0), x[1]))

    def levels(real: np.ndarray) -> np.ndarray:
        return np.clip(np.rint(real / 0.02) - 128, -128, 127).astype(np.int64)

    dtype = IntType(-128, 127)
    once = paired_region(paired, relu, EveryChannel(levels), dtype, "sum")
    each = paired_region(paired, relu, lambda real, channel: levels(real), dtype, "sum")
    assert isinstance(once, StepFunction)
    assert isinstance(each, StepFunction)
    assert np.array_equal(once.thresholds, each.thresholds)
    random = np.random.default_rng(3)
    for channel in range(3):
        x, y = (random.integers(b.lo[channel], b.hi[channel] + 1, 500) for b in bounds)
        total = paired.multipliers[0, channel] * x + paired.multipliers[1, channel] * y
        made = -128 + np.searchsorted(once.thresholds[channel], total, side="right")
        real = np.maximum(gains[0, channel] * x + gains[1, channel] * y + 0.7, 0)
        assert np.array_equal(made, levels(real))


def test_float16_between_the_quantizers(tmp_path: Path) -> None:
    """Scales, a weight and a Cast in float16: onnxruntime calculates in float32."""
    model = QdqBuilder((1, 60), 21, TensorProto.FLOAT16)
    image = model.quantize("x", np.float16(0.03), np.uint8(120))
    real = model.dequantize(image, np.float16(0.03), np.uint8(120))
    kernel = model.dequantize(
        model.constant(weights((60, 7)).astype(np.int8)), np.float16(0.01), np.int8(0)
    )
    model.node("MatMul", real, kernel)
    model.node("Add", model.last, model.constant(weights((7,)).astype(np.float16)))
    model.quantize(model.last, np.float16(0.7), np.uint8(110))
    model.dequantize(model.last, np.float16(0.7), np.uint8(110))
    model.node("Cast", model.last, to=TensorProto.FLOAT16)
    model.node("Relu", model.last)
    model.quantize(model.last, np.float16(0.9), np.uint8(3))
    path = model.save(tmp_path / "model.onnx")
    exact(path, samples((60,), 100))
    assert OrtRuntime(path, (model.last,)).arithmetic == "float32 (the file: float16)"
