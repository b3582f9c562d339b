"""Graphs with branches: sums, products, concatenations, parts, and the order of elements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.frontend import Imported, import_model
from hwcompress.frontend.check import check_float64, check_qonnx, encoded
from hwcompress.ir import Add, Concat, Mul, Table, trace
from tests.frontend.onnx_builder import ModelBuilder
from tests.frontend.test_legal_forms import agrees, refused, weights


def kinds(imported: Imported) -> list[str]:
    return [op.kind for op in imported.graph.layers]


def image(channels: int = 4, size: int = 5, scale: float = 0.25) -> ModelBuilder:
    model = ModelBuilder((1, channels, size, size))
    model.act(scale, 4)
    return model


def tail(model: ModelBuilder, scale: float = 0.5) -> ModelBuilder:
    model.act(scale, 4)
    return model


def branches(model: ModelBuilder, scales: tuple[float, float], bits: int = 4) -> tuple[str, str]:
    """Two convolutions of the chain's end, each quantized."""
    source, ends = model.last, []
    for index, scale in enumerate(scales):
        model.last = source
        model.conv(weights(4, 4, 3, 3) * (1 + index), 0.125, 4, pads=[1, 1, 1, 1])
        ends.append(model.act(scale, bits))
    return ends[0], ends[1]


@pytest.mark.parametrize("op", ["Add", "Sub"])
@pytest.mark.parametrize(
    ("scales", "multipliers"),
    [
        ((0.25, 0.25), (1, 1)),
        ((0.25, 0.125), (2, 1)),
        ((0.75, 0.5), (3, 2)),
        ((0.1875, 1.25), (3, 20)),
    ],
)
def test_sum_of_related_scales(
    op: str, scales: tuple[float, float], multipliers: tuple[int, int], tmp_path: Path
) -> None:
    model = image()
    model.node(op, *branches(model, scales))
    imported = agrees(tail(model), tmp_path)
    (add,) = (item for item in imported.graph.ops if isinstance(item, Add))
    sign = -1 if op == "Sub" else 1
    assert add.multipliers.tolist() == [[multipliers[0]], [sign * multipliers[1]]]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("relu", [False, True])
def test_sum_of_unrelated_scales(seed: int, relu: bool, tmp_path: Path) -> None:
    """Multipliers proven for every pair of values; the executor agrees but for float32 ties."""
    random = np.random.default_rng(seed)
    scales = (float(random.uniform(0.05, 1)), float(random.uniform(0.05, 1)))
    model = image()
    model.node(("Add", "Sub")[seed % 2], *branches(model, scales))
    if seed % 3 == 0:
        model.batch_norm(random, 4, 1.0)
    if relu:
        model.node("Relu", model.last)
    first = model.last
    model.outputs.append(model.quant(first, random.uniform(0.2, 0.6), 4, signed=not relu))
    model.quant(first, 0.9, 3)  # a second reader of the sum
    imported = agrees(model, tmp_path, explained=True)
    adds = [item for item in imported.graph.ops if isinstance(item, Add)]
    assert 1 <= len(adds) <= 2
    assert any("proven for all 1024 combinations" in note for note in imported.graph.notes)


def test_sum_of_three_with_unrelated_scales(tmp_path: Path) -> None:
    model = image(scale=0.31)
    source = model.last
    first, second = branches(model, (0.17, 0.4), bits=3)
    model.node("Add", first, second)
    model.node("Add", source, model.last)
    imported = agrees(tail(model), tmp_path, explained=True)
    (add,) = (item for item in imported.graph.ops if isinstance(item, Add))
    assert len(add.inputs) == 3


def test_sum_of_unrelated_scales_that_is_too_wide_to_try(tmp_path: Path) -> None:
    model = image()
    first, second = branches(model, (0.01, 0.007), bits=16)
    third = model.node("Div", second, model.constant(np.float32(3.0)))
    model.node("Add", first, third)
    imported = import_model(tail(model).save(tmp_path / "model.onnx"))
    samples = np.random.default_rng(1).normal(0, 1.5, (40, 4, 5, 5))
    integers = trace(imported.graph, encoded(imported, samples))
    assert all(result.exact for result in check_float64(imported, samples, integers))
    assert any("order the integer sums" in note for note in imported.graph.notes)


def test_wide_sum_of_float32_scales(tmp_path: Path) -> None:
    """A ratio of two float32 is one of integers, too; behind a quantizer smaller ones do."""
    for reader, largest in (("Quant", 1 << 15), ("output", 1 << 24)):
        model = image()
        model.node("Add", *branches(model, (0.01, 0.007), bits=16))
        if reader == "Quant":
            tail(model)
        # Sixteen bits of such a scale are more than float32 resolves: float64 alone decides.
        imported = import_model(model.save(tmp_path / "model.onnx"))
        samples = np.random.default_rng(1).normal(0, 1.5, (40, 4, 5, 5))
        integers = trace(imported.graph, encoded(imported, samples))
        assert all(result.exact for result in check_float64(imported, samples, integers))
        (add,) = (item for item in imported.graph.ops if isinstance(item, Add))
        assert largest >> 4 < add.multipliers.max() <= largest
        wide = any("wide multipliers" in note for note in imported.graph.notes)
        assert wide == (reader == "output")


def read(model: ModelBuilder, reader: str) -> ModelBuilder:
    """A reader of the chain's end that is no quantizer."""
    total = model.last
    if reader == "Conv":
        model.conv(weights(2, 4, 1, 1), 0.125, 4)
    elif reader == "MaxPool":
        model.node("MaxPool", total, kernel_shape=[2, 2])
    elif reader == "Concat":
        model.node("Concat", total, total, axis=1)
    return model


@pytest.mark.parametrize("reader", ["Conv", "MaxPool", "Concat", "output"])
def test_sum_of_unrelated_scales_without_quantizer(reader: str, tmp_path: Path) -> None:
    """Wide multipliers where the ratio is one of integers, a message where it is not."""
    model = image()
    model.node("Add", *branches(model, (0.1, 0.07)))
    imported = import_model(read(model, reader).save(tmp_path / "wide.onnx"))
    # Such sums have more bits than float32 resolves: float64 alone decides.
    samples = np.random.default_rng(1).normal(0, 1.5, (40, 4, 5, 5))
    integers = trace(imported.graph, encoded(imported, samples))
    assert all(result.exact for result in check_float64(imported, samples, integers))
    assert any("wide multipliers" in note for note in imported.graph.notes)
    model = image()
    first, second = branches(model, (0.1, 0.07))
    model.node("Add", first, model.node("Div", second, model.constant(0.7)))
    assert "unrelated scales" in refused(read(model, reader), tmp_path)


def test_accumulators_add(tmp_path: Path) -> None:
    """Neither branch is quantized: sums of two convolutions, one after a batch norm."""
    model = image()
    source = model.last
    first = model.conv(weights(3, 4, 3, 3), 0.125, 4, pads=[1, 1, 1, 1])
    model.last = source
    model.conv(weights(3, 4, 1, 1), 0.25, 4)
    gains = np.array([0.5, -1.25, 3.0])
    rows = (gains, np.array([0.25, 0, -1]), np.zeros(3), np.ones(3))
    model.node("BatchNormalization", model.last, *map(model.constant, rows), epsilon=0.0)
    model.node("Add", first, model.last)
    model.node("Relu", model.last)
    imported = agrees(tail(model), tmp_path)
    (add,) = (item for item in imported.graph.ops if isinstance(item, Add))
    assert add.multipliers.shape == (2, 3)


def test_one_tensor_with_many_readers(tmp_path: Path) -> None:
    """A batch norm's output feeds a sum, two quantizers and a pool."""
    random = np.random.default_rng(3)
    model = image()
    model.conv(weights(4, 4, 1, 1), 0.125, 4)
    norm = model.batch_norm(random, 4, 1.0)
    model.outputs.append(model.quant(norm, 0.5, 4))
    model.outputs.append(model.quant(model.node("Relu", norm), 0.25, 3, signed=False))
    pooled = model.node("MaxPool", norm, kernel_shape=[2, 2])
    model.outputs.append(model.quant(pooled, 0.5, 4))
    model.node("Add", norm, model.node("Mul", norm, model.constant(2.0)))
    agrees(tail(model), tmp_path, explained=True)


def test_two_views_of_one_tensor(tmp_path: Path) -> None:
    """A constant per element makes one branch a vector; both are the same integers."""
    model = image(3, 2)
    flat = model.node("Flatten", model.last)
    scaled = model.node("Mul", flat, model.constant(np.linspace(0.5, 2.0, 12).reshape(1, 12)))
    model.node("Add", flat, scaled)
    assert "Add" not in kinds(agrees(tail(model), tmp_path, explained=True))


def test_sum_of_one_value_per_channel(tmp_path: Path) -> None:
    model = image()
    source = model.last
    model.node("GlobalAveragePool", source)
    model.node("Add", source, model.act(0.5, 4))
    assert "Upsample" in kinds(agrees(tail(model), tmp_path))


@pytest.mark.parametrize("zero", [0.0, 3.0])
def test_gate(zero: float, tmp_path: Path) -> None:
    """Squeeze and excite, with a quantizer whose zero is no integer zero, too."""
    model = ModelBuilder((1, 4, 5, 5))
    source = model.act(0.25, 4, signed=False, zero=zero)
    model.node("GlobalAveragePool", source)
    model.act(0.125, 4, signed=False)
    model.conv(weights(4, 4, 1, 1), 0.125, 4, weights(4))
    model.node("Sigmoid", model.last)
    model.node("Mul", source, model.act(0.0625, 4, signed=False))
    imported = agrees(tail(model), tmp_path, explained=True)
    (gate,) = (item for item in imported.graph.ops if isinstance(item, Mul))
    types = [imported.graph.tensors[name].type for name in gate.inputs]
    assert types[1].size == 4
    assert types[0].dtype.hi == 15 - int(zero)


def test_product_of_images(tmp_path: Path) -> None:
    model = image()
    model.node("Mul", *branches(model, (0.1, 0.3)))
    model.node("Sigmoid", model.last)
    agrees(tail(model, 0.0625), tmp_path, explained=True)


@pytest.mark.parametrize("kind", ["silu", "gelu", "hardswish", "mish", "abs", "elu"])
def test_tables(kind: str, tmp_path: Path) -> None:
    model = image()
    model.conv(weights(4, 4, 3, 3), 0.125, 4)
    x = model.act(0.125, 8)
    if kind == "silu":
        model.node("Mul", x, model.node("Sigmoid", x))
    elif kind == "gelu":
        half = model.node("Div", x, model.constant(np.float32(np.sqrt(2))))
        model.node("Add", model.node("Erf", half), model.constant(1.0))
        model.node("Mul", x, model.last)
        model.node("Mul", model.last, model.constant(0.5))
    elif kind == "hardswish":
        clipped = model.node("Add", x, model.constant(3.0))
        model.node("Clip", clipped, model.constant(0.0), model.constant(6.0))
        model.node("Mul", x, model.node("Div", model.last, model.constant(6.0)))
    elif kind == "mish":
        model.node("Mul", x, model.node("Tanh", model.node("Softplus", x)))
    else:
        model.node(kind.capitalize(), x)
    model.act(0.0625, 5)
    imported = agrees(model, tmp_path, explained=True)
    tables = [op for op in imported.graph.ops if isinstance(op, Table)]
    assert len(tables) == (kind != "elu")
    assert all(op.values.shape == (1, 256) for op in tables)


def test_table_on_an_accumulator_with_a_batch_norm(tmp_path: Path) -> None:
    model = image()
    model.conv(weights(3, 4, 1, 1), 0.125, 4)
    x = model.batch_norm(np.random.default_rng(5), 3, 1.0)
    model.node("Mul", x, model.node("HardSigmoid", x))
    imported = agrees(tail(model, 0.125), tmp_path, explained=True)
    (table,) = (op for op in imported.graph.ops if isinstance(op, Table))
    assert table.values.shape[0] == 3


@pytest.mark.parametrize("scales", [(0.25, 0.25), (0.25, 0.0625), (0.3, 0.11)])
def test_concat(scales: tuple[float, float], tmp_path: Path) -> None:
    """A scale per channel; a convolution behind it takes ratios of integers into its weights."""
    model = image()
    model.node("Concat", *branches(model, scales), axis=1)
    if scales[0] != 0.3:
        model.conv(weights(2, 8, 3, 3), 0.125, 4, pads=[1, 1, 1, 1])
    imported = agrees(tail(model), tmp_path, explained=True)
    assert "Concat" in kinds(imported)


def test_concat_of_accumulators(tmp_path: Path) -> None:
    """One with a batch norm and Relu, one without: one region each, channel by channel."""
    model = image()
    source = model.last
    model.conv(weights(3, 4, 3, 3), 0.125, 4, pads=[1, 1, 1, 1])
    model.batch_norm(np.random.default_rng(2), 3, 1.0)
    first = model.node("Relu", model.last)
    model.last = source
    second = model.conv(weights(2, 4, 1, 1), 0.125, 4)
    model.node("Concat", first, second, source, axis=1)
    imported = agrees(tail(model), tmp_path, explained=True)
    (concat,) = (op for op in imported.graph.ops if isinstance(op, Concat))
    assert imported.graph.tensors[concat.outputs[0]].shape == (5, 5, 9)


def test_concat_of_vectors(tmp_path: Path) -> None:
    """A flattened image, whose elements lie channels last, beside a dense layer's output."""
    model = image()
    flat = model.node("Flatten", model.last)
    model.dense(weights(5, 100), 0.125, 4)
    model.node("Concat", flat, model.act(0.25, 4), axis=1)
    model.dense(weights(3, 105), 0.125, 4)
    agrees(model, tmp_path)


def test_several_inputs(tmp_path: Path) -> None:
    """Two inputs, one quantized by the model and one by its data."""
    model = ModelBuilder((1, 4, 5, 5))
    model.more_inputs["y"] = (1, 4, 5, 5)
    first = model.act(0.25, 4)
    model.last = "y"
    model.conv(weights(4, 4, 1, 1), 0.125, 4)
    model.node("Add", first, model.act(0.25, 4))
    path = tail(model).save(tmp_path / "model.onnx")
    random = np.random.default_rng(1)
    samples = {
        "x": random.normal(0, 1.5, (30, 4, 5, 5)).astype(np.float32),
        "y": random.integers(-8, 8, (30, 4, 5, 5)) / 8,
    }
    imported = import_model(path, samples=samples)
    assert imported.inputs == {"x": "x", "y": "y"}
    integers = trace(imported.graph, encoded(imported, samples))
    for result in [
        *check_float64(imported, samples, integers),
        *check_qonnx(imported, samples, integers),
    ]:
        assert result.samples == 30
        assert result.mismatches == 0, result
