"""Pad against onnxruntime: any axis, mode, value and sign, alone and before windows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import UnsupportedError
from hwcompress.frontend import import_model
from hwcompress.ir import Conv, MaxPool, SumPool
from tests.frontend.against_ort import agrees_with_ort
from tests.frontend.onnx_builder import ModelBuilder


def pad(model: ModelBuilder, pads: list[int], value: float | None = None, **rest: object) -> None:
    extra = [] if value is None else [model.constant(np.float32(value))]
    model.node("Pad", model.last, model.constant(np.array(pads)), *extra, **rest)


@pytest.mark.parametrize("seed", range(20))
def test_any_pad(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    rank = int(random.integers(1, 4))
    shape = (1, *(int(item) for item in random.integers(3, 6, rank)))
    mode = str(random.choice(["constant", "constant", "edge", "reflect"]))
    low = 0 if mode == "reflect" else -1
    pads = random.integers(low, 3, (2, rank)) * (random.random(rank) < 0.6)
    padded = [0, *(int(item) for item in pads[0]), 0, *(int(item) for item in pads[1])]
    value = float(random.integers(-3, 4)) * 0.125
    signed = bool(random.integers(2))

    def build(model: ModelBuilder) -> None:
        model.act(0.125, 4, signed=signed, zero=0.0 if signed else 5.0)
        pad(model, padded, value if mode == "constant" else None, mode=mode)

    agrees_with_ort(build, shape, tmp_path)


@pytest.mark.parametrize("opset", [11, 13, 18, 21])
@pytest.mark.parametrize("reader", ["Conv", "MaxPool", "AveragePool"])
@pytest.mark.parametrize("zero", [0.0, 6.0])
def test_merged(opset: int, reader: str, zero: float, tmp_path: Path) -> None:
    """A border of zeros goes into what reads it, with the level of zero."""

    def build(model: ModelBuilder) -> None:
        model.act(0.125, 4, signed=False, zero=zero)
        model.node("Relu", model.last)
        model.act(0.125, 4, signed=False, zero=zero)
        pad(model, [0, 0, 1, 1, 0, 0, 0, 2])
        if reader == "Conv":
            weight = np.random.default_rng(1).normal(0, 1, (3, 2, 3, 3))
            model.conv(weight, 0.25, 4, pads=[1, 0, 0, 1])
        else:
            more = {} if reader == "MaxPool" else {"count_include_pad": 1}
            model.node(reader, model.last, kernel_shape=[3, 3], strides=[2, 2], **more)

    imported = agrees_with_ort(build, (1, 2, 6, 5), tmp_path, opset)
    ops = imported.graph.ops
    windows = [op for op in ops if isinstance(op, Conv | MaxPool | SumPool)]
    assert len(windows) == 1
    assert windows[0].padding == ((2, 1, 0, 3) if reader == "Conv" else (1, 1, 0, 2))


def test_kept_for_other_readers(tmp_path: Path) -> None:
    """The padded tensor is read by a Conv, which pads itself, and is an output."""

    def build(model: ModelBuilder) -> None:
        model.act(0.125, 4)
        pad(model, [0, 0, 1, 1, 0, 0, 1, 1])
        model.outputs.append(model.last)
        weight = np.random.default_rng(1).normal(0, 1, (3, 2, 3, 3))
        model.conv(weight, 0.25, 4)

    imported = agrees_with_ort(build, (1, 2, 6, 5), tmp_path)
    assert sum(isinstance(op, Conv) for op in imported.graph.ops) == 2


@pytest.mark.parametrize("lowest", [-np.inf, -3.4e38])
def test_lowest_before_a_maximum(lowest: float, tmp_path: Path) -> None:
    def build(model: ModelBuilder) -> None:
        model.act(0.125, 4)
        pad(model, [0, 0, 1, 1, 0, 0, 1, 1], lowest)
        model.node("MaxPool", model.last, kernel_shape=[3, 3], strides=[2, 2])

    imported = agrees_with_ort(build, (1, 2, 6, 5), tmp_path)
    assert [op.kind for op in imported.graph.ops] == ["Input", "MaxPool", "Output"]


@pytest.mark.parametrize("strided", [False, True])
def test_option_a_shortcut(strided: bool, tmp_path: Path) -> None:
    """ResNet for CIFAR: every other pixel, and as many empty channels on both sides."""
    random = np.random.default_rng(2)
    one, two = random.normal(0, 1, (8, 4, 3, 3)), random.normal(0, 1, (8, 8, 3, 3))

    def build(model: ModelBuilder) -> None:
        source = model.act(0.125, 4, signed=False)
        model.conv(one, 0.25, 3, pads=[1] * 4, strides=[2, 2])
        model.node("Relu", model.last)
        model.act(0.25, 4, signed=False)
        model.conv(two, 0.25, 3, pads=[1] * 4)
        branch = model.act(0.125, 5)
        model.last = source
        if strided:
            bounds = ([0, 0], [2**62, 2**62], [2, 3], [2, 2])
            model.node("Slice", source, *(model.constant(np.array(item)) for item in bounds))
        else:
            model.node("MaxPool", source, kernel_shape=[1, 1], strides=[2, 2])
        pad(model, [0, 2, 0, 0, 0, 2, 0, 0])
        model.node("Add", branch, model.last)
        model.node("Relu", model.last)
        model.act(0.25, 4, signed=False)

    agrees_with_ort(build, (1, 4, 8, 8), tmp_path)


def test_old_attribute(tmp_path: Path) -> None:
    model = ModelBuilder((1, 2, 4, 4), 10)
    model.act(0.125, 4)
    model.node("Pad", model.last, pads=[0, 0, 1, 0, 0, 0, 0, 2], value=0.25)
    imported = import_model(model.save(tmp_path / "model.onnx"))
    conv = next(op for op in imported.graph.ops if isinstance(op, Conv))
    assert (conv.padding, conv.pad_value) == ((1, 0, 0, 2), 2)


@pytest.mark.parametrize(
    ("pads", "value", "message"),
    [
        ([1, 0, 0, 0, 0, 0, 0, 0], 0.0, "batch"),
        ([0, 0, 1, 0, 0, 0, 0, 0], 0.3, "no integer of the input stands for"),
        ([0, 0, 1, 0, 0, 0, 0, 0], -np.inf, "MaxPool"),
        ([0, 0, -4, 0, 0, 0, 3, 0], 0.0, "pads"),
        ([0, 0, 1], 0.0, "pads"),
    ],
)
def test_refused(pads: list[int], value: float, message: str, tmp_path: Path) -> None:
    model = ModelBuilder((1, 2, 4, 4))
    model.act(0.125, 4)
    pad(model, pads, value)
    with pytest.raises(UnsupportedError, match=message):
        import_model(model.save(tmp_path / "model.onnx"))


@pytest.mark.parametrize("last", [False, True])
def test_in_front_of_the_quantizer(last: bool, tmp_path: Path) -> None:
    """On the raw input, behind which an offset, a Transpose and a quantizer come."""

    def build(model: ModelBuilder) -> None:
        pads = [0, 1, 2, 0, 0, 1, 0, 0] if last else [0, 0, 1, 2, 0, 0, 1, 0]
        pad(model, pads, 0.5)
        model.node("Sub", model.last, model.constant(0.25))
        if last:
            model.node("Transpose", model.last, perm=[0, 3, 1, 2])
        model.act(0.125, 4)
        model.conv(np.random.default_rng(1).normal(0, 1, (3, 2, 3, 3)), 0.25, 4)

    shape = (1, 6, 5, 2) if last else (1, 2, 6, 5)
    imported = agrees_with_ort(build, shape, tmp_path)
    assert [op.kind for op in imported.graph.ops] == ["Input", "Conv", "Output"]


@pytest.mark.parametrize("mode", ["constant", "reflect"])
def test_on_an_accumulator(mode: str, tmp_path: Path) -> None:
    """Relu, batch norm and quantizer of a sum: no integer of the sum stands for zero."""
    bias = np.random.default_rng(3).normal(0, 1, 3)

    def build(model: ModelBuilder) -> None:
        model.act(0.125, 4)
        model.conv(np.random.default_rng(1).normal(0, 1, (3, 2, 3, 3)), 0.25, 4, bias)
        model.node("Relu", model.last)
        pad(model, [0, 0, 1, 1, 0, 0, 1, 1], mode=mode)
        padded = model.last
        model.act(0.25, 4, signed=False)
        model.conv(np.random.default_rng(2).normal(0, 1, (2, 3, 3, 3)), 0.25, 4)
        first = model.act(0.5, 6)
        model.last = padded
        model.node("MaxPool", model.act(0.5, 3, signed=False), kernel_shape=[3, 3])
        model.outputs.append(first)

    agrees_with_ort(build, (1, 2, 6, 5), tmp_path)
