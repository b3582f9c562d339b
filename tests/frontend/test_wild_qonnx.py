"""Faults that public QONNX models, and models written as their tools write them, brought up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from hwcompress.errors import UnsupportedError
from hwcompress.frontend import Imported, import_model
from hwcompress.frontend.check import check_float64, check_qonnx, encoded
from hwcompress.ir import Concat, Conv, Dense, IntType, trace
from tests.frontend.onnx_builder import DOMAIN, ModelBuilder


def agrees(model: ModelBuilder, folder: Path, explained: int | None = 0) -> Imported:
    """Import; equal to the qonnx executor but for ``explained`` integers (``None``: rounding
    ties are likely), and to float64."""
    return agrees_file(model.save(folder / "model.onnx"), model.shape, explained)


def agrees_file(path: Path, shape: tuple[int, ...], explained: int | None) -> Imported:
    """The same for a file."""
    x = np.random.default_rng(1).normal(0, 1, (12, *shape[1:])).astype(np.float32)
    imported = import_model(path, samples=x)
    integers = trace(imported.graph, encoded(imported, x))
    rows = check_qonnx(imported, x, integers)
    assert all(row.exact for row in rows), rows
    assert explained is None or sum(row.explained for row in rows) == explained
    assert all(row.exact for row in check_float64(imported, x, integers))
    return imported


def test_weights_are_quantized_in_float32(tmp_path: Path) -> None:
    """float32 decides a tie of a weight, as in every runtime; here three of two million."""
    weight = np.random.default_rng(0).normal(0, 0.1, 2_000_000).astype(np.float32)
    scale = np.abs(weight).max() / np.float32(127)
    near, exact = np.rint(weight / scale), np.rint(weight / np.float64(scale))
    (odd,) = np.nonzero(near != exact)
    assert odd.size
    rows = np.stack([weight[odd], weight[: odd.size]])
    model = ModelBuilder((1, odd.size))
    model.act(0.0625, 8)
    model.dense(rows, scale, 8)
    imported = agrees(model, tmp_path)
    (dense,) = (op for op in imported.graph.ops if isinstance(op, Dense))
    assert np.array_equal(dense.weight[0], near[odd])


def test_result_beyond_float32(tmp_path: Path) -> None:
    """A sum of 32 bits at the end: the runtime's last digits are float32's."""
    random = np.random.default_rng(2)
    model = ModelBuilder((1, 40))
    model.act(1e-4, 16)
    model.dense(random.normal(0, 1, (3, 40)), 3.1e-5, 16)
    agrees(model, tmp_path, explained=36)


def test_rounding_to_zero_by_the_name_of_brevitas(tmp_path: Path) -> None:
    model = ModelBuilder((1, 4))
    model.act(0.25, 8)
    model.act(0.5, 4, rounding="ROUND_TO_ZERO")
    model.save(tmp_path / "model.onnx")
    x = np.array([[-0.75, -0.5, 0.75, 1.0]])
    imported = import_model(tmp_path / "model.onnx")
    integers = trace(imported.graph, encoded(imported, x))
    assert integers[imported.graph.outputs[0].inputs[0]].tolist() == [[-1, -1, 1, 2]]


def test_rounded_result_under_a_softmax(tmp_path: Path) -> None:
    """As HAWQ writes its last layer: integers, a Round, a scale per channel, Softmax."""
    random = np.random.default_rng(3)
    model = ModelBuilder((1, 12), opset=11)
    model.act(0.1, 8)
    model.node("Div", model.last, model.constant([0.1]))
    weight = model.quant(model.constant(random.integers(-31, 32, (12, 4)) * 1.0), 1.0, 6)
    model.node("MatMul", "t1", weight)
    model.node("Add", model.constant([3.0, -7.0, 0.0, 12.0]), model.last)
    model.node("Round", model.last)
    model.node("Mul", model.last, model.constant([[0.01, 0.02, 0.015, 0.03]]))
    model.node("Softmax", model.last, axis=1)
    agrees(model, tmp_path)


def skip(model: ModelBuilder, scales: tuple[float, float]) -> None:
    """Two quantized branches of 3 and 5 channels side by side."""
    random = np.random.default_rng(4)
    source, ends = model.last, []
    for scale, channels in zip(scales, (3, 5), strict=True):
        model.last = source
        model.conv(random.normal(0, 0.4, (channels, 2, 1, 1)), 0.05, 4)
        ends.append(model.act(scale, 4))
    model.node("Concat", *ends, axis=1)


@pytest.mark.parametrize(("scale", "layers"), [(0.0113, 2), (0.0371 * 4, 1)])
def test_layer_over_two_scales(scale: float, layers: int, tmp_path: Path) -> None:
    """A skip connection of a U-Net without a common quantizer: a layer for each scale."""
    random = np.random.default_rng(5)
    model = ModelBuilder((1, 2, 5, 5))
    model.act(0.02, 8)
    skip(model, (0.0371, scale))
    model.conv(random.normal(0, 0.4, (4, 8, 3, 3)), 0.05, 4, random.normal(0, 1, 4), pads=[1] * 4)
    model.node("Relu", model.last)
    model.act(0.04, 4, signed=False)
    imported = agrees(model, tmp_path, None if layers == 1 else 0)
    convolutions = [op for op in imported.graph.ops if isinstance(op, Conv)]
    assert len(convolutions) == 2 + layers
    assert any(isinstance(op, Concat) for op in imported.graph.ops) == (layers == 1)


def test_product_over_two_scales(tmp_path: Path) -> None:
    """The same for MatMul, on vectors and on positions."""
    random = np.random.default_rng(6)
    model = ModelBuilder((1, 2, 3, 3))
    model.act(0.02, 8)
    skip(model, (0.0371, 0.0113))
    joined = model.last
    model.node("Transpose", joined, perm=[0, 2, 3, 1])
    weight = model.quant(model.constant(random.normal(0, 0.4, (8, 4))), 0.05, 4)
    model.node("MatMul", model.nodes[-2].output[0], weight)
    model.outputs.append(model.act(0.04, 4))
    model.node("Flatten", joined)
    model.dense(random.normal(0, 0.4, (3, 72)), 0.05, 4, random.normal(0, 1, 3))
    model.act(0.2, 5)
    agrees(model, tmp_path)


def test_result_over_two_scales_is_refused(tmp_path: Path) -> None:
    model = ModelBuilder((1, 2, 3, 3))
    model.act(0.02, 8)
    skip(model, (0.0371, 0.0113))
    model.conv(np.random.default_rng(7).normal(0, 0.4, (4, 8, 1, 1)), 0.05, 4)
    model.save(tmp_path / "model.onnx")
    with pytest.raises(UnsupportedError, match=r"unrelated scales.*no quantizer follows"):
        import_model(tmp_path / "model.onnx")


def lowered(model: ModelBuilder, path: Path) -> None:
    """Convolutions as Im2Col and MatMul, by FINN's own transformation."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.lower_convs_to_matmul import LowerConvsToMatMul
    from qonnx.util.cleanup import cleanup_model

    clean = cleanup_model(ModelWrapper(model.proto()))
    clean.transform(LowerConvsToMatMul()).save(str(path))


def test_lowered_convolutions(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    model = ModelBuilder((1, 3, 7, 6))
    model.act(0.02, 8)
    model.conv(
        random.normal(0, 0.4, (4, 3, 3, 2)), 0.05, 4, pads=[1, 0, 1, 1], strides=[2, 1], group=1
    )
    model.act(0.05, 4)
    model.conv(random.normal(0, 0.4, (4, 1, 3, 3)), 0.05, 4, group=4, pads=[1] * 4, strides=[1, 1])
    model.act(0.04, 4)
    model.conv(random.normal(0, 0.4, (2, 4, 1, 1)), 0.05, 4, group=1, pads=[0] * 4, strides=[1, 1])
    path = tmp_path / "lowered.onnx"
    lowered(model, path)
    imported = agrees_file(path, model.shape, explained=None)
    convolutions = [op for op in imported.graph.ops if isinstance(op, Conv)]
    assert [(op.groups, op.weight.shape) for op in convolutions] == [
        (1, (4, 3, 2, 3)),
        (4, (4, 3, 3, 1)),
        (1, (2, 1, 1, 4)),
    ]
    assert len(imported.graph.layers) == 5


def test_windows_that_something_else_reads(tmp_path: Path) -> None:
    """Im2Col is a convolution of its own then; padding holds the value that it states."""
    model = ModelBuilder((1, 4, 5, 2))
    model.act(0.25, 4)
    model.node(
        "Im2Col", model.last, domain=DOMAIN, kernel_size=[2, 3], stride=[1, 2],
        pad_amount=[1, 1, 0, 1], pad_value=1, input_shape="(1, 4, 5, 2)",
    )  # fmt: skip
    path = model.save(tmp_path / "model.onnx")
    x = np.random.default_rng(9).normal(0, 1, (3, *model.shape[1:]))
    imported = import_model(path)
    integers = trace(imported.graph, encoded(imported, x))
    output = imported.graph.outputs[0]
    found = output.in_source_order(integers[output.inputs[0]]) * 0.25
    real = np.clip(np.rint(x / 0.25), -8, 7) * 0.25
    padded = np.pad(real, ((0, 0), (1, 0), (1, 1), (0, 0)), constant_values=1.0)
    wanted = [
        padded[:, i : i + 2, j : j + 3].reshape(3, -1) for i in range(4) for j in range(0, 5, 2)
    ]
    assert np.array_equal(found.reshape(3, 12, 12), np.stack(wanted, axis=1))


def test_windows_that_are_too_wide(tmp_path: Path) -> None:
    model = ModelBuilder((1, 4, 5, 2))
    model.act(0.25, 4)
    model.node("Im2Col", model.last, domain=DOMAIN, kernel_size=[1 << 20, 1], stride=[1, 1])
    model.save(tmp_path / "model.onnx")
    with pytest.raises(UnsupportedError, match="windows of 2097152 elements.*before they were"):
        import_model(tmp_path / "model.onnx")


def test_bits_that_agree(tmp_path: Path) -> None:
    """XnorPopcountMatMul, as FINN writes a product of bits."""
    random = np.random.default_rng(10)
    model = ModelBuilder((1, 16))
    for width in (16, 8):
        model.node(
            "MultiThreshold", model.last, model.constant(random.normal(width / 32, 2, (width, 1))),
            domain=DOMAIN, out_dtype="BINARY",
        )  # fmt: skip
        bits = random.integers(0, 2, (width, 8)) * 1.0
        model.node("XnorPopcountMatMul", model.last, model.constant(bits), domain=DOMAIN)
    agrees(model, tmp_path)


@pytest.mark.parametrize("quantized", [True, False])
def test_input_of_bytes(quantized: bool, tmp_path: Path) -> None:
    """The file states uint8: the bytes enter the graph, whether a Quant follows or not."""
    random = np.random.default_rng(11)
    model = ModelBuilder((1, 3, 5, 5))
    model.node("Cast", model.last, to=TensorProto.FLOAT)
    model.node("Div", model.last, model.constant(255.0))
    if quantized:
        model.act(0.0131, 6, signed=False)
    model.conv(random.normal(0, 0.4, (4, 3, 3, 3)), 0.05, 4, pads=[1] * 4)
    model.act(0.11, 6)
    proto = model.proto()
    proto.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    path = tmp_path / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    x = random.integers(0, 256, (8, 3, 5, 5))
    imported = import_model(path, samples=x)
    (source,) = imported.graph.inputs
    assert source.dtype == IntType(0, 255)
    integers = trace(imported.graph, encoded(imported, x))
    rows = [*check_qonnx(imported, x, integers), *check_float64(imported, x, integers)]
    assert all(row.exact for row in rows), rows
