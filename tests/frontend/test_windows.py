"""Windows of every kind against onnxruntime: padding, rounding up, dilation, one dimension."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.frontend.against_ort import agrees_with_ort
from tests.frontend.onnx_builder import ModelBuilder

Random = np.random.Generator


def image_input(model: ModelBuilder, random: Random) -> None:
    """A quantized input: signed, unsigned, or with a zero point."""
    match int(random.integers(3)):
        case 0:
            model.act(0.125, 4)
        case 1:
            model.act(0.25, 3, signed=False)
        case 2:
            model.act(0.125, 5, signed=False, zero=13.0)


def geometry(random: Random, rank: int, sizes: tuple[int, ...], pool: bool) -> dict[str, object]:
    """Attributes of a window that fits; pads below the kernel, as onnxruntime wants of pools."""
    kernel = [int(random.integers(1, min(4, size) + 1)) for size in sizes]
    strides = [int(item) for item in random.integers(1, 4, rank)]
    mode = str(random.choice(["NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    if mode.startswith("SAME"):  # onnxruntime cannot do it with pixels that no window reads
        strides = [min(pair) for pair in zip(strides, kernel, strict=True)]
    result: dict[str, object] = {"kernel_shape": kernel, "strides": strides}
    if mode == "NOTSET":
        ends = kernel if pool else [item + 2 for item in kernel]
        result["pads"] = [int(random.integers(0, end)) for end in ends * 2]
    else:
        result["auto_pad"] = mode
    if random.integers(3) == 0 and not mode.startswith("SAME"):  # onnxruntime knows it not
        widest = [(size - 1) // max(k - 1, 1) for size, k in zip(sizes, kernel, strict=True)]
        result["dilations"] = [int(random.integers(1, max(2, min(3, w + 1)))) for w in widest]
    return result


def shape_of(random: Random, rank: int) -> tuple[int, ...]:
    return (1, int(random.integers(1, 4)), *(int(item) for item in random.integers(4, 9, rank)))


@pytest.mark.parametrize("seed", range(12))
def test_conv(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    rank = 1 + int(random.integers(2))
    shape = shape_of(random, rank)
    groups = int(random.choice([1, shape[1]]))
    attributes = geometry(random, rank, shape[2:], False)
    kernel = tuple(attributes.pop("kernel_shape"))  # type: ignore[arg-type]
    weight = random.normal(0, 1, (2 * groups, shape[1] // groups, *kernel))

    def build(model: ModelBuilder) -> None:
        image_input(model, np.random.default_rng(seed))
        model.conv(weight, 0.25, 4, group=groups, **attributes)

    agrees_with_ort(build, shape, tmp_path)


@pytest.mark.parametrize("seed", range(16))
def test_pools(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(100 + seed)
    rank = 1 + int(random.integers(2))
    shape = shape_of(random, rank)
    attributes = geometry(random, rank, shape[2:], True)
    op = str(random.choice(["MaxPool", "AveragePool"]))
    if op == "AveragePool":
        attributes["count_include_pad"] = int(random.integers(2))
    attributes["ceil_mode"] = int(random.integers(2)) if "auto_pad" not in attributes else 0

    def build(model: ModelBuilder) -> None:
        image_input(model, np.random.default_rng(seed))
        model.node(op, model.last, **attributes)

    agrees_with_ort(build, shape, tmp_path, opset=int(random.choice([19, 21])))


@pytest.mark.parametrize("seed", range(12))
def test_conv_transpose(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(200 + seed)
    rank = 1 + int(random.integers(2))
    shape = shape_of(random, rank)
    groups = int(random.choice([1, shape[1]]))
    kernel = [int(item) for item in random.integers(1, 4, rank)]
    strides = [int(item) for item in random.integers(1, 4, rank)]
    attributes: dict[str, object] = {"strides": strides, "group": groups}
    whole = [(n - 1) * s + k for n, s, k in zip(shape[2:], strides, kernel, strict=True)]
    match int(random.integers(4)):
        case 0:
            attributes["pads"] = [int(random.integers(0, k)) for k in kernel * 2]
            attributes["output_padding"] = [int(random.integers(0, s)) for s in strides]
        case 1:
            attributes["output_shape"] = [int(random.integers(max(1, n - 3), n + 1)) for n in whole]
            attributes["auto_pad"] = str(random.choice(["NOTSET", "SAME_UPPER", "SAME_LOWER"]))
        case 2:
            attributes["auto_pad"] = str(random.choice(["SAME_UPPER", "SAME_LOWER"]))
            kernel = [max(pair) for pair in zip(kernel, strides, strict=True)]
        case 3:
            attributes["auto_pad"] = "VALID"
    weight = random.normal(0, 1, (shape[1], 2, *kernel))

    def build(model: ModelBuilder) -> None:
        image_input(model, np.random.default_rng(seed))
        source = model.last
        kernels = model.quant(model.constant(weight.astype(np.float32)), 0.25, 4, narrow=True)
        model.node("ConvTranspose", source, kernels, kernel_shape=kernel, **attributes)

    agrees_with_ort(build, shape, tmp_path)


def reduce_node(model: ModelBuilder, op: str, axes: list[int], **attributes: object) -> None:
    if model.opset >= (13 if op == "ReduceSum" else 18):
        model.node(op, model.last, model.constant(np.array(axes)), **attributes)
    else:
        model.node(op, model.last, axes=axes, **attributes)


@pytest.mark.parametrize("seed", range(16))
def test_reductions(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(300 + seed)
    rank = int(random.integers(1, 4))
    shape = (1, *(int(item) for item in random.integers(2, 6, rank)))
    op = str(random.choice(["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"]))
    chosen = random.permutation(np.arange(1, rank + 1))[: int(random.integers(1, rank + 1))]
    axes = [int(axis) - (rank + 1 if random.integers(2) else 0) for axis in chosen]
    keep, opset = int(random.integers(2)), int(random.choice([12, 13, 18]))

    def build(model: ModelBuilder) -> None:
        image_input(model, np.random.default_rng(seed))
        reduce_node(model, op, axes, keepdims=keep)

    agrees_with_ort(build, shape, tmp_path, opset)


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool"])
@pytest.mark.parametrize("shape", [(1, 3, 5), (1, 2, 4, 3), (1, 1, 4, 4)])
def test_global_pools(op: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    def build(model: ModelBuilder) -> None:
        model.act(0.125, 4)
        model.node(op, model.last)

    agrees_with_ort(build, shape, tmp_path)


@pytest.mark.parametrize("axes", [[2, 3], [1, 2]])
@pytest.mark.parametrize("op", ["ReduceMean", "ReduceMax", "ReduceMin"])
def test_reductions_of_scaled_channels(op: str, axes: list[int], tmp_path: Path) -> None:
    """Channels with scales of their own, first or last."""
    gains = np.array([0.5, -0.25, 1.0])

    def build(model: ModelBuilder) -> None:
        model.act(0.125, 4)
        last = axes == [1, 2]
        model.node("Mul", model.last, model.constant(gains if last else gains[:, None, None]))
        reduce_node(model, op, axes)

    shape = (1, 4, 5, 3) if axes == [1, 2] else (1, 3, 4, 5)
    agrees_with_ort(build, shape, tmp_path)
