"""Pads and pools around QuantizeLinear and DequantizeLinear, with zero points, and on integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from hwcompress.frontend import Imported, import_model
from hwcompress.frontend.check import check_float64, check_values, encoded
from hwcompress.ir import Conv, MaxPool, SumPool, trace


class Linear:
    """Writes nodes of a model that onnxruntime and the import both read."""

    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.last = "x"

    def constant(self, value: object, dtype: object = np.float32) -> str:
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def node(self, op: str, *inputs: str, **attributes: object) -> str:
        self.last = f"t{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(op, [*inputs], [self.last], name=self.last, **attributes)
        )
        return self.last

    def to_integers(self, scale: float, zero: int) -> None:
        given = self.constant(scale), self.constant(zero, self.dtype)
        self.node("QuantizeLinear", self.last, *given)

    def to_reals(self, scale: float, zero: int) -> None:
        given = self.constant(scale), self.constant(zero, self.dtype)
        self.node("DequantizeLinear", self.last, *given)

    def quantized(self, scale: float, zero: int) -> None:
        self.to_integers(scale, zero)
        self.to_reals(scale, zero)

    def weights(self, shape: tuple[int, ...]) -> str:
        levels = np.random.default_rng(sum(shape)).integers(-127, 128, shape)
        given = self.constant(levels, np.int8), self.constant(2.0**-7), self.constant(0, np.int8)
        source, made = self.last, self.node("DequantizeLinear", *given)
        self.last = source
        return made

    def agrees(self, shape: tuple[int, ...], path: Path) -> Imported:
        graph = helper.make_graph(
            self.nodes,
            "linear",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(self.last, TensorProto.FLOAT, None)],
            self.initializers,
        )
        opsets = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        file = path / "model.onnx"
        file.write_bytes(model.SerializeToString())
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        imported = import_model(file)
        x = np.random.default_rng(1).normal(0, 1, (5, *shape[1:])).astype(np.float32)
        real = np.concatenate([session.run(None, {"x": row[None]})[0] for row in x])
        integers = trace(imported.graph, encoded(imported, x))
        tensor = imported.graph.outputs[0].inputs[0]
        checks = check_values(imported, "onnxruntime", {tensor: real}, x, integers)
        for result in [*checks, *check_float64(imported, x, integers)]:
            assert result.mismatches == 0, result
        return imported


TYPES = pytest.mark.parametrize(("dtype", "zero"), [("int8", -17), ("uint8", 100), ("int8", 0)])


@TYPES
def test_pad_between_quantizers(dtype: str, zero: int, tmp_path: Path) -> None:
    """As TFLite's PAD becomes: the border goes into the convolution."""
    model = Linear(dtype)
    model.quantized(2.0**-5, zero)
    model.node("Pad", model.last, model.constant([0, 0, 0, 0, 0, 0, 1, 1], np.int64))
    model.quantized(2.0**-5, zero)
    model.node("Conv", model.last, model.weights((4, 3, 3, 3)), strides=[2, 2])
    model.quantized(2.0**-3, 3)
    imported = model.agrees((1, 3, 8, 8), tmp_path)
    convs = [op for op in imported.graph.ops if isinstance(op, Conv)]
    assert [op.padding for op in convs] == [(0, 0, 1, 1)]
    assert convs[0].pad_value == zero


@TYPES
@pytest.mark.parametrize("include", [0, 1])
def test_averages(dtype: str, zero: int, include: int, tmp_path: Path) -> None:
    model = Linear(dtype)
    model.quantized(2.0**-5, zero)
    window = {"kernel_shape": [2, 2], "pads": [1, 0, 0, 1], "strides": [2, 2]}
    model.node("AveragePool", model.last, count_include_pad=include, **window)
    model.quantized(2.0**-6, zero)
    imported = model.agrees((1, 3, 7, 6), tmp_path)
    assert any(isinstance(op, SumPool) for op in imported.graph.ops)


@TYPES
def test_on_integers(dtype: str, zero: int, tmp_path: Path) -> None:
    """Pad and MaxPool of the integers themselves."""
    model = Linear(dtype)
    model.to_integers(2.0**-5, zero)
    pads, value = model.constant([0, 0, 1, 0, 0, 0, 0, 2], np.int64), model.constant(zero, dtype)
    model.node("Pad", model.last, pads, value)
    model.node("MaxPool", model.last, kernel_shape=[2, 2], strides=[2, 2])
    model.to_reals(2.0**-5, zero)
    imported = model.agrees((1, 3, 7, 6), tmp_path)
    assert any(isinstance(op, MaxPool) for op in imported.graph.ops)
