"""Attributes that are easily overlooked, against onnxruntime."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from hwcompress.frontend import import_model
from hwcompress.frontend.geometry import resize_sources
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.slices import resize_target
from tests.frontend.against_ort import agrees_with_ort
from tests.frontend.onnx_builder import ModelBuilder
from tests.frontend.test_legal_forms import dense, image, refused, weights

MODES = ("asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners")
ROUNDINGS = ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")
SCALES = (0.3, 0.4, 0.6, 0.7, 0.9, 1.1, 1.25, 1.4, 1.7, 2.2, 2.7)


def resized(size: int, node: Node, scale: float | None, result: int) -> np.ndarray:
    """The positions that onnxruntime repeats; by scale, or by the resulting size."""
    scales = np.array([] if scale is None else [1, 1, 1, scale], np.float32)
    constants = [numpy_helper.from_array(scales, "scales")]
    names = ["x", "scales"] if node.opset < 11 else ["x", "", "scales"]
    if scale is None:
        constants.append(numpy_helper.from_array(np.array([1, 1, 1, result]), "sizes"))
        names = ["x", "", "", "sizes"]
    attributes = {"mode": "nearest", **node.attributes}
    graph = helper.make_graph(
        [helper.make_node("Resize", names, ["y"], **attributes)],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 1, size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        constants,
    )
    opset = helper.make_opsetid("", node.opset)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x = np.arange(size, dtype=np.float32).reshape(1, 1, 1, size)
    return np.asarray(session.run(None, {"x": x})[0]).reshape(-1).astype(np.int64)


def resizings() -> Iterator[Node]:
    for mode in MODES:
        for rounding in ROUNDINGS:
            attributes = {"coordinate_transformation_mode": mode, "nearest_mode": rounding}
            yield Node("Resize", "", "", ("x",), ("y",), attributes, 13)
    yield Node("Resize", "", "", ("x",), ("y",), {}, 10)


@pytest.mark.parametrize("node", resizings(), ids=lambda node: "-".join(node.attributes.values()))
def test_resize_repeats_the_positions_of_onnxruntime(node: Node) -> None:
    """Also where float32 and float64 disagree about a position, or about the size."""
    for size in (2, 5, 7, 8):
        for given in SCALES:
            factors = np.array([1, 1, 1, given], np.float32)
            others = [factors] if node.opset < 11 else [None, factors]
            if int(np.float32(size) * factors[3]) in (0, size):
                continue
            scales, target = resize_target(node, (1, 1, 1, size), others)
            found = resize_sources(node, size, target[3], scales[3])
            assert np.array_equal(found, resized(size, node, given, 0)), (size, given)
        for result in (1, 2, 3, 4, 12, 16) if node.opset > 10 else ():
            found = resize_sources(node, size, result, result / size)
            assert np.array_equal(found, resized(size, node, None, result)), (size, result)


def test_resize_that_changes_no_length_is_refused(tmp_path: Path) -> None:
    """The standard repeats elements where onnxruntime copies the tensor."""
    model = image()
    scales = model.constant(np.array([1, 1, 1.1, 1.1], np.float32))
    model.node("Resize", model.last, "", scales, mode="nearest")
    model.act(0.25, 4)
    assert "changes no length" in refused(model, tmp_path)


def test_product_over_the_batch_is_refused(tmp_path: Path) -> None:
    """``(3, 1) @ (1, 6)`` takes the batch for a matrix's rows."""
    model = ModelBuilder((1, 6))
    source = model.act(0.125, 4)
    weight = model.quant(model.constant(weights(3, 1)), 0.125, 4)
    model.node("MatMul", weight, source)
    model.act(0.25, 4)
    assert "put the data first" in refused(model, tmp_path)


@pytest.mark.parametrize("in_order", [0, 1])
def test_top_k_says_that_its_order_was_open(in_order: int, tmp_path: Path) -> None:
    model = dense()
    model.act(0.25, 8)
    count = model.constant(np.array([3]))
    model.several("TopK", 2, model.last, count, axis=1, sorted=in_order)
    imported = import_model(model.save(tmp_path / "model.onnx"))
    notes = [note for note in imported.graph.notes if "sorted=0" in note]
    assert len(notes) == 1 - in_order


@pytest.mark.parametrize("factor", [1.0, 0.5, -2.0])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("shape", [None, (), (1,), (5,), (1, 5)])
def test_gemm(factor: float, share: float, shape: tuple[int, ...] | None, tmp_path: Path) -> None:
    """alpha scales the product, beta the bias, of whatever shape."""

    def build(model: ModelBuilder) -> None:
        source = model.act(0.125, 4)
        weight = model.quant(model.constant(weights(6, 5)), 0.125, 4)
        bias = [] if shape is None else [model.constant(np.rint(4 * np.ones(shape)) / 8)]
        model.node("Gemm", source, weight, *bias, alpha=factor, beta=share)
        model.act(0.25, 5)

    agrees_with_ort(build, (1, 6), tmp_path)


@pytest.mark.parametrize("shape", [(3, 1, 1), (1, 3, 1, 1), (1,), (), (3, 4, 4), (4, 4), (4,)])
def test_bias_in_an_add_behind_a_convolution(shape: tuple[int, ...], tmp_path: Path) -> None:
    """Per channel, per row, per column or per element, by numpy's rules."""

    def build(model: ModelBuilder) -> None:
        model.act(0.125, 4)
        model.conv(weights(3, 2, 3, 3), 0.125, 4)
        bias = np.rint(8 * np.random.default_rng(3).normal(0, 1, shape)) / 64
        model.node("Add", model.constant(bias), model.last)
        model.act(0.25, 5)

    agrees_with_ort(build, (1, 2, 6, 6), tmp_path)


@pytest.mark.parametrize("include", [0, 1])
@pytest.mark.parametrize("kernel", [2, 3])
def test_average_over_padding_and_a_rounded_up_size(
    include: int, kernel: int, tmp_path: Path
) -> None:
    """What lies beyond the padding counts in no case."""

    def build(model: ModelBuilder) -> None:
        model.act(0.125, 4)
        model.node(
            "AveragePool",
            model.last,
            kernel_shape=[kernel, kernel],
            strides=[3, 2],
            pads=[1, 1, 1, 1],
            ceil_mode=1,
            count_include_pad=include,
        )
        model.act(2.0**-5, 7)

    agrees_with_ort(build, (1, 2, 6, 5), tmp_path, opset=22)
