"""Slices, splits, gathers, concatenations and repetitions along every axis; matrix products
per position. Exact against the qonnx executor (onnxruntime) and float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.ir import Conv, ConvTranspose, Dense, MaxPool, Split
from tests.frontend.onnx_builder import ModelBuilder
from tests.frontend.test_branches import image, kinds, tail
from tests.frontend.test_legal_forms import agrees, refused, weights
from tests.frontend.test_parts_and_order import bounds

SCALES = (0.25, 0.5)


def scaled(model: ModelBuilder, channels: int) -> ModelBuilder:
    """Another scale for each channel, so that a wrong channel shows."""
    model.node("Mul", model.last, model.constant(2.0 ** (np.arange(channels) % 3)[:, None, None]))
    return model


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("start", [0, 1, 3])
def test_slices_of_every_axis(axis: int, start: int, step: int, tmp_path: Path) -> None:
    model = scaled(image(7, 7), 7)
    model.node("Slice", model.last, *bounds(model, start, 6, axis, step))
    channels = len(range(start, 6, step)) if axis == 1 else 7
    model.conv(weights(3, channels, 1, 1), 0.125, 4)
    agrees(model, tmp_path)


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_backward_slices(axis: int, tmp_path: Path) -> None:
    model = scaled(image(5, 5), 5)
    model.node("Slice", model.last, *bounds(model, 2**31, -(2**31), axis, -1))
    agrees(tail(model), tmp_path)


def test_crop_of_both_axes_with_steps(tmp_path: Path) -> None:
    model = image(3, 9)
    constants = [model.constant(np.array(item)) for item in ([1, 2], [-1, 9], [2, 3], [1, 2])]
    model.node("Slice", model.last, *constants)
    model.conv(weights(3, 3, 3, 3), 0.125, 4)
    found = agrees(model, tmp_path).graph.ops
    assert sum(isinstance(op, ConvTranspose) for op in found) == 1
    assert sum(isinstance(op, MaxPool) for op in found) == 1


def test_crop_of_bipolar_values_stays_bipolar(tmp_path: Path) -> None:
    model = ModelBuilder((1, 2, 5, 5))
    model.bipolar("x")
    model.node("Slice", model.last, *bounds(model, 1, 4, 2))
    model.conv(weights(3, 2, 3, 3), 0.125, 4)
    imported = agrees(model, tmp_path)
    (conv,) = (op for op in imported.graph.ops if isinstance(op, Conv))
    assert imported.graph.tensors[conv.inputs[0]].dtype.is_bipolar


def test_halves_of_rows_share_one_split(tmp_path: Path) -> None:
    model = scaled(image(2, 6), 2)
    source = model.last
    upper = model.node("Slice", source, *bounds(model, 0, 2, 2))
    lower = model.node("Slice", source, *bounds(model, 2, 6, 2))
    model.node("Concat", lower, upper, axis=2)
    found = kinds(agrees(tail(model), tmp_path))
    assert found.count("Split") == found.count("Concat") == 1
    assert "ConvTranspose" not in found


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
def test_split_of_every_axis(axis: int, tmp_path: Path) -> None:
    model = scaled(image(6, 6), 6)
    sizes = model.constant(np.array([1, 3, 2]))
    parts = model.several("Split", 3, model.last, sizes, axis=axis)
    model.outputs += [model.quant(part, 0.5, 4) for part in parts[:2]]
    model.quant(parts[2], 0.25, 3)
    agrees(model, tmp_path)


@pytest.mark.parametrize("size", [6, 64])
def test_parts_that_nothing_reads(size: int, tmp_path: Path) -> None:
    """A part of the rows alone is a crop; small ones are chosen by a matrix."""
    model = ModelBuilder((1, 4, size))
    model.act(0.25, 4)
    parts = model.several(
        "Split", 3, model.last, model.constant(np.array([2, 3, size - 5])), axis=2
    )
    model.outputs.append(model.quant(parts[0], 0.5, 4))
    model.quant(parts[2], 0.5, 4)
    agrees(model, tmp_path)


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize(
    "index", [[2], 3, [[0, 2], [4, 1]], [4, 3, 2, 1, 0], [0, 0, 1, 1, 2, 2], [0, -1, 0, 1]]
)
def test_gather(axis: int, index: object, tmp_path: Path) -> None:
    model = scaled(image(5, 5), 5)
    model.node("Gather", model.last, model.constant(np.array(index)), axis=axis)
    model.act(0.5, 4)
    model.node("Flatten", model.last)
    count = 25 * np.array(index).size
    model.dense(weights(3, count), 0.125, 4)
    agrees(model, tmp_path)


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("same", [True, False])
def test_concat_of_every_axis(axis: int, same: bool, tmp_path: Path) -> None:
    model = image(4, 6)
    source = model.last
    first = model.conv(weights(4, 4, 1, 1), 0.125, 4)
    first = model.quant(first, 0.25, 4)
    model.last = source
    model.node("MaxPool", source, kernel_shape=[3, 3], strides=[1, 1], pads=[1] * 4)
    if axis > 1:
        source = model.node("Slice", model.last, *bounds(model, 0, 4, axis))
    model.act(0.25 if same else 0.5, 4)
    model.node("Concat", first, model.last, axis=axis)
    channels = 8 if axis == 1 else 4
    if not same and axis > 1:
        model.act(0.125, 6)
    model.conv(weights(3, channels, 2, 2), 0.125, 4)
    found = kinds(agrees(model, tmp_path))
    assert "Transpose" not in found
    assert found.count("Concat") == 1


def test_concat_of_images_in_different_layouts(tmp_path: Path) -> None:
    model = image(4, 6)
    first = model.last
    model.node("Transpose", first, perm=[0, 1, 3, 2])
    model.node("Concat", model.last, first, axis=3)
    model.conv(weights(3, 4, 2, 2), 0.125, 4)
    agrees(model, tmp_path)


def test_concat_behind_relu(tmp_path: Path) -> None:
    """Functions that are not affine side by side, along rows."""
    model = image(4, 6)
    parts = [
        model.node("Relu", model.node("Slice", model.last, *bounds(model, i, i + 3, 2)))
        for i in (0,)
    ]
    model.last = "t0"
    first = model.node("LeakyRelu", model.nodes[0].output[0], alpha=0.25)
    model.node("Concat", first, parts[0], axis=2)
    model.act(0.25, 3)
    agrees(model, tmp_path)


def test_focus(tmp_path: Path) -> None:
    """Every second pixel in four phases, side by side (YOLO's first layer)."""
    model = image(3, 6)
    source = model.last
    parts = []
    for row in (0, 1):
        for column in (0, 1):
            rows = model.node("Slice", source, *bounds(model, row, 2**31, 2, 2))
            parts.append(model.node("Slice", rows, *bounds(model, column, 2**31, 3, 2)))
    model.node("Concat", *parts, axis=1)
    model.conv(weights(4, 12, 3, 3), 0.125, 4)
    agrees(model, tmp_path)


@pytest.mark.parametrize("repeats", [[1, 1, 2, 3], [1, 2, 1, 1], [1, 3, 1, 2]])
def test_tile(repeats: list[int], tmp_path: Path) -> None:
    model = scaled(image(3, 4), 3)
    model.node("Tile", model.last, model.constant(np.array(repeats)))
    agrees(tail(model), tmp_path)


@pytest.mark.parametrize("target", [[1, 3, 5, 5], [3, 5, 1], [5, 5]])
def test_expand(target: list[int], tmp_path: Path) -> None:
    """One value per channel (or per row) spread over the image."""
    model = image(3, 5)
    if len(target) == 3:
        model.node("MaxPool", model.last, kernel_shape=[1, 5], strides=[1, 1])
    else:
        model.node("MaxPool", model.last, kernel_shape=[5, 5], strides=[1, 1])
    model.node("Expand", model.last, model.constant(np.array(target)))
    model.conv(weights(3, 3, 1, 1), 0.125, 4)
    agrees(model, tmp_path)


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("rank", [3, 4])
def test_dense_per_position(rank: int, left: bool, tmp_path: Path) -> None:
    model = ModelBuilder((1, *(3, 4, 6)[4 - rank :]))
    source = model.act(0.125, 4)
    weight = model.quant(model.constant(weights(5, 4 if left else 6)), 0.125, 4)
    if not left:
        weight = model.node("Transpose", weight, perm=[1, 0])
    model.node("MatMul", *((weight, source) if left else (source, weight)))
    model.node("Add", model.last, model.constant(weights(5, 1) if left else weights(5)))
    model.node("Relu", model.last)
    model.act(0.25, 4)
    model.node("Flatten", model.last)
    size = int(np.prod((3, 5, 6) if left else (3, 4, 5))) // (3 if rank == 3 else 1)
    model.dense(weights(3, size), 0.125, 4)
    found = kinds(agrees(model, tmp_path, explained=True))
    assert found.count("Conv") == 1


def test_dense_between_images(tmp_path: Path) -> None:
    """Conv, channels last, a matrix product for each pixel, and back: no element moves."""
    model = image(3, 5)
    model.conv(weights(4, 3, 3, 3), 0.125, 4)
    model.act(0.25, 4)
    model.node("Transpose", model.last, perm=[0, 2, 3, 1])
    source = model.last
    model.node("MatMul", source, model.quant(model.constant(weights(4, 6)), 0.125, 4))
    model.act(0.5, 4)
    model.node("Transpose", model.last, perm=[0, 3, 1, 2])
    model.conv(weights(2, 6, 3, 3), 0.125, 4)
    found = kinds(agrees(model, tmp_path))
    assert found.count("Conv") == 3
    assert "Transpose" not in found


def test_weights_in_front_of_a_vector(tmp_path: Path) -> None:
    model = ModelBuilder((1, 6, 1))
    source = model.act(0.125, 4)
    model.node("MatMul", model.quant(model.constant(weights(5, 6)), 0.125, 4), source)
    (dense,) = (op for op in agrees(model, tmp_path).graph.ops if isinstance(op, Dense))
    assert dense.weight.shape == (5, 6)


@pytest.mark.parametrize("alpha", [-0.5, 2.0])
def test_gemm_with_a_factor(alpha: float, tmp_path: Path) -> None:
    model = ModelBuilder((1, 6))
    source = model.act(0.125, 4)
    weight = model.quant(model.constant(weights(6, 5)), 0.125, 4)
    model.node("Gemm", source, weight, alpha=alpha, beta=0.5)
    model.act(0.25, 4)
    agrees(model, tmp_path)


def test_products_that_are_refused(tmp_path: Path) -> None:
    model = ModelBuilder((1, 4, 4))
    source = model.act(0.125, 4)
    model.node("MatMul", source, model.node("Transpose", source, perm=[0, 2, 1]))
    assert "both operands, (1, 4, 4) and (1, 4, 4), depend on the data" in refused(model, tmp_path)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space(mode: str, tmp_path: Path) -> None:
    model = image(8, 3)
    model.conv(weights(8, 8, 1, 1), 0.125, 4)
    model.act(0.25, 4)
    model.node("DepthToSpace", model.last, blocksize=2, mode=mode)
    model.conv(weights(3, 2, 3, 3), 0.125, 4)
    agrees(model, tmp_path)


def test_space_to_depth(tmp_path: Path) -> None:
    model = image(2, 6)
    model.node("SpaceToDepth", model.last, blocksize=2)
    model.conv(weights(3, 8, 1, 1), 0.125, 4)
    agrees(model, tmp_path)


def test_split_is_shared_with_slices(tmp_path: Path) -> None:
    model = image(8)
    source = model.last
    first = model.node("Slice", source, *bounds(model, 0, 2))
    parts = model.several("Split", 2, source, model.constant(np.array([5, 3])), axis=1)
    model.outputs += [model.quant(item, 0.5, 4) for item in (first, parts[0])]
    model.quant(parts[1], 0.5, 3)
    (split,) = (op for op in agrees(model, tmp_path).graph.ops if isinstance(op, Split))
    assert split.sizes == (2, 3, 3)


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "message"),
    [
        ("Slice", ([0], [0], [2]), {}, "it takes nothing"),
        ("Gather", ([9],), {"axis": 2}, "indices [9] of axis 2"),
    ],
)
def test_parts_that_are_refused(
    op: str, inputs: tuple, attributes: dict, message: str, tmp_path: Path
) -> None:
    model = image(4, 5)
    constants = [model.constant(np.array(item)) for item in inputs]
    model.node(op, model.last, *constants, **attributes)
    assert message in refused(tail(model), tmp_path)


def test_crops_of_crops_are_one(tmp_path: Path) -> None:
    """An exporter writes a node for each axis."""
    model = image(3, 8)
    for axis in (2, 3, 2):
        model.node("Slice", model.last, *bounds(model, 1, -1, axis))
    model.conv(weights(3, 3, 1, 1), 0.125, 4)
    assert kinds(agrees(model, tmp_path)) == ["ConvTranspose", "Conv"]


@pytest.mark.parametrize("how", ["Slice", "Gather", "Concat", "Split", "Tile"])
def test_weights_that_move_stay_quantized(how: str, tmp_path: Path) -> None:
    model = ModelBuilder((1, 6))
    source = model.act(0.125, 4)
    scale = 2.0 ** -np.arange(1.0, 9.0)[:, None]
    weight = model.quant(model.constant(weights(8, 6)), scale, 4)
    if how == "Slice":
        weight = model.node("Slice", weight, *bounds(model, 2, 7, 0))
    elif how == "Gather":
        weight = model.node("Gather", weight, model.constant(np.array([5, 0, 3])), axis=0)
    elif how == "Concat":
        other = model.quant(model.constant(weights(3, 6)), 0.5, 2)
        weight = model.node("Concat", weight, other, axis=0)
    elif how == "Split":
        weight = model.several("Split", 2, weight, model.constant(np.array([3, 5])), axis=0)[1]
    else:
        weight = model.node("Tile", weight, model.constant(np.array([2, 1])))
    model.node("Gemm", source, weight, transB=1)
    agrees(model, tmp_path)
