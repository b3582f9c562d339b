"""Parts of a tensor, the order of its elements, resizing, signals, TopK."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.ir import Conv, Shuffle, Split, Transpose
from tests.frontend.onnx_builder import ModelBuilder
from tests.frontend.test_branches import image, kinds, tail
from tests.frontend.test_legal_forms import agrees, weights


def test_split_and_channel_shuffle(tmp_path: Path) -> None:
    """A ShuffleNet unit: split, work on one half, concatenate, shuffle, and again."""
    model = image(8)
    for _ in range(2):
        left, right = model.several(
            "Split", 2, model.last, model.constant(np.array([4, 4])), axis=1
        )
        model.conv(weights(4, 1, 3, 3), 0.125, 4, pads=[1, 1, 1, 1], group=4)
        model.act(0.25, 4)
        model.node("Concat", left, model.last, axis=1)
        model.node("Reshape", model.last, model.constant(np.array([1, 2, 4, 5, 5])))
        model.node("Transpose", model.last, perm=[0, 2, 1, 3, 4])
        model.node("Reshape", model.last, model.constant(np.array([1, -1, 5, 5])))
        assert right != left
    model.conv(weights(3, 8, 1, 1), 0.125, 4)
    found = kinds(agrees(model, tmp_path))
    assert found.count("Shuffle") == 2
    assert found.count("Split") == 2
    assert "Transpose" not in found


def bounds(model: ModelBuilder, start: int, stop: int, axis: int = 1, step: int = 1) -> list[str]:
    return [model.constant(np.array([item])) for item in (start, stop, axis, step)]


def test_slices_share_one_split(tmp_path: Path) -> None:
    model = image(8)
    source = model.last
    first = model.node("Slice", source, *bounds(model, 0, 3))
    second = model.node("Slice", source, *bounds(model, 3, 2**31))
    model.outputs.append(model.quant(first, 0.5, 4))
    model.quant(second, 0.5, 3)
    imported = agrees(model, tmp_path)
    (split,) = (op for op in imported.graph.ops if isinstance(op, Split))
    assert split.sizes == (3, 5)


def test_overlapping_slices(tmp_path: Path) -> None:
    model = image(8)
    source = model.last
    first = model.node("Slice", source, *bounds(model, 0, 5))
    second = model.node("Slice", source, *bounds(model, 3, 8))
    model.node("Add", first, second)
    assert kinds(agrees(tail(model), tmp_path)).count("Split") == 1


@pytest.mark.parametrize("vector", [False, True])
def test_channels_that_nothing_reads(vector: bool, tmp_path: Path) -> None:
    model = image(8)
    if vector:
        model = ModelBuilder((1, 8))
        model.act(0.25, 4)
    source = model.last
    first = model.node("Slice", source, *bounds(model, 1, 3))
    second = model.node("Slice", source, *bounds(model, -2, -1))
    model.outputs.append(model.quant(first, 0.5, 4))
    model.quant(second, 0.5, 3)
    imported = agrees(model, tmp_path)
    assert ("Dense" if vector else "Conv") in kinds(imported)
    assert any("cut off" in note for note in imported.graph.notes)


def test_every_second_pixel(tmp_path: Path) -> None:
    """The shortcut of ResNet without weights."""
    model = image()
    constants = [model.constant(np.array(item)) for item in ([0, 0], [99, 99], [2, 3], [2, 2])]
    model.node("Slice", model.last, *constants)
    model.conv(weights(3, 4, 1, 1), 0.125, 4)
    agrees(model, tmp_path)


def test_elements_in_another_order(tmp_path: Path) -> None:
    """Height and width change places before a convolution, and channels with height."""
    model = ModelBuilder((1, 3, 4, 5))
    source = model.act(0.25, 4)
    model.node("Transpose", source, perm=[0, 1, 3, 2])
    model.conv(weights(2, 3, 3, 3), 0.125, 4)
    model.outputs.append(model.last)
    model.node("Transpose", source, perm=[0, 2, 1, 3])
    model.conv(weights(2, 4, 3, 3), 0.125, 4)
    model.outputs.append(model.last)
    model.node("Reshape", source, model.constant(np.array([1, 12, 1, 5])))
    model.conv(weights(2, 12, 1, 3), 0.125, 4)
    imported = agrees(model, tmp_path)
    assert sum(isinstance(op, Transpose) for op in imported.graph.ops) == 3


def test_outputs_in_another_order(tmp_path: Path) -> None:
    model = image(3, 4)
    model.outputs.append(model.node("Transpose", model.last, perm=[0, 1, 3, 2]))
    model.node("Flatten", model.outputs[0])
    assert "Transpose" in kinds(agrees(model, tmp_path))


def test_shuffled_output(tmp_path: Path) -> None:
    model = image(6)
    model.node("Reshape", model.last, model.constant(np.array([1, 2, 3, 25])))
    model.node("Transpose", model.last, perm=[0, 2, 1, 3])
    model.node("Reshape", model.last, model.constant(np.array([1, 6, 5, 5])))
    (shuffle,) = (op for op in agrees(model, tmp_path).graph.ops if isinstance(op, Shuffle))
    assert shuffle.permutation.tolist() == [0, 3, 1, 4, 2, 5]


@pytest.mark.parametrize("sizes", [False, True])
@pytest.mark.parametrize(
    ("mode", "nearest"), [("asymmetric", "floor"), ("half_pixel", "round_prefer_floor")]
)
def test_upsample(mode: str, nearest: str, sizes: bool, tmp_path: Path) -> None:
    model = image()
    target = [1, 4, 10, 15] if sizes else [1.0, 1.0, 2.0, 3.0]
    empty = "" if sizes else model.constant(np.array(target))
    model.node(
        "Resize",
        model.last,
        "",
        *([empty, model.constant(np.array(target))] if sizes else [empty]),
        mode="nearest",
        coordinate_transformation_mode=mode,
        nearest_mode=nearest,
    )
    model.conv(weights(3, 4, 3, 3), 0.125, 4)
    assert kinds(agrees(model, tmp_path)) == ["Upsample", "Conv"]


@pytest.mark.parametrize("scales", [(1.5, 2.0), (0.5, 0.5), (0.4, 1.0), (2.5, 0.75)])
@pytest.mark.parametrize("mode", ["asymmetric", "half_pixel", "pytorch_half_pixel"])
def test_resize_by_fractions(mode: str, scales: tuple[float, float], tmp_path: Path) -> None:
    model = image(3, 8)
    factors = model.constant(np.array([1.0, 1.0, *scales]))
    model.node(
        "Resize", model.last, "", factors, mode="nearest", coordinate_transformation_mode=mode
    )
    model.act(0.5, 4)
    agrees(model, tmp_path)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("signal", [False, True])
def test_conv_transpose(groups: int, signal: bool, tmp_path: Path) -> None:
    random = np.random.default_rng(9)
    rank = 1 if signal else 2
    model = ModelBuilder((1, 4, *(5,) * rank))
    model.act(0.25, 4)
    source = model.last
    weight = random.normal(0, 1, (4, 6 // groups, *(3,) * rank))
    scale = np.repeat(random.choice([0.125, 0.25], (1, 6 // groups)), 4, axis=0)
    quantized = model.quant(
        model.constant(weight), scale.reshape(4, -1, *(1,) * rank), 4, narrow=True
    )
    model.node(
        "ConvTranspose",
        source,
        quantized,
        model.constant(random.normal(0, 1, 6)),
        kernel_shape=[3] * rank,
        strides=[2] * rank,
        pads=[1] * 2 * rank,
        output_padding=[1] * rank,
        group=groups,
    )
    imported = agrees(tail(model), tmp_path, explained=True)
    assert kinds(imported).count("ConvTranspose") == 1


def test_signals(tmp_path: Path) -> None:
    """One-dimensional convolution, batch norm, pooling of both kinds, and the mean."""
    model = ModelBuilder((1, 2, 32))
    model.act(0.25, 4)
    model.conv(weights(4, 2, 5), 0.125, 4, strides=[2], pads=[2, 1], dilations=[1])
    model.batch_norm(np.random.default_rng(4), 4, 1.0)
    model.node("Relu", model.last)
    model.act(0.25, 4, signed=False)
    model.node("MaxPool", model.last, kernel_shape=[2], strides=[2])
    model.conv(weights(4, 1, 3), 0.125, 4, group=4, dilations=[2], pads=[2, 2])
    model.act(0.5, 4)
    model.outputs.append(model.node("ReduceMean", model.last, axes=[2], keepdims=0))
    model.node("AveragePool", model.nodes[-2].output[0], kernel_shape=[3], strides=[1])
    model.act(0.25, 5)
    model.node("Flatten", model.last)
    model.dense(weights(3, 4 * (1 + 6 - 1)), 0.125, 4)
    imported = agrees(model, tmp_path, explained=True)
    assert imported.graph.inputs[0].shape == (32, 2)
    assert all(op.kernel[0] == 1 for op in imported.graph.ops if isinstance(op, Conv))


@pytest.mark.parametrize("values", [False, True])
def test_top_k(values: bool, tmp_path: Path) -> None:
    model = ModelBuilder((1, 6))
    model.act(0.25, 4)
    model.dense(weights(8, 6), 0.125, 4)
    best, _ = model.several("TopK", 2, model.last, model.constant(np.array([3])), axis=1)
    if values:
        model.last = best
        model.act(0.25, 4)
        host = agrees(model, tmp_path).graph.outputs[0].host
        assert host == ("top_values(3, 1, 1)", "quantize(0.25, 0, -8, 7)", "dequantize(0.25, 0)")
        return
    assert kinds(agrees(model, tmp_path)) == ["Dense", "TopK"]
