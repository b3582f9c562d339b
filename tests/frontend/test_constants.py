"""Constants that meet computed tensors: beside them, and different at every position."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.frontend import Imported
from hwcompress.ir import Constant, Threshold
from tests.frontend.onnx_builder import ModelBuilder
from tests.frontend.test_legal_forms import agrees, refused, weights


def image(channels: int = 3, size: int = 4, scale: float = 0.25) -> ModelBuilder:
    model = ModelBuilder((1, channels, size, size))
    model.act(scale, 4)
    return model


def constants(imported: Imported) -> list[Constant]:
    return [op for op in imported.graph.layers if isinstance(op, Constant)]


_RNG = np.random.default_rng(7)
_VALUES = {
    "zeros": np.zeros((1, 2, 4, 4)),
    "of the other's scale": np.rint(_RNG.normal(0, 4, (1, 2, 4, 4))) * 0.25,
    "of a finer scale": np.rint(_RNG.normal(0, 40, (1, 2, 4, 4))) * 0.03125,
    "by channel": np.broadcast_to(_RNG.normal(0, 1, (1, 2, 1, 1)), (1, 2, 4, 4)),
    "unrelated": _RNG.normal(0, 1, (1, 2, 4, 4)),
}


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("what", _VALUES)
def test_beside_a_computed_tensor(what: str, first: bool, tmp_path: Path) -> None:
    model = image()
    parts = [model.last, model.constant(_VALUES[what].astype(np.float32))]
    model.node("Concat", *(parts[::-1] if first else parts), axis=1)
    model.act(0.375, 4)
    imported = agrees(model, tmp_path)
    (made,) = constants(imported)
    assert made.values.shape == (4, 4, 2)
    if what in ("zeros", "by channel"):
        assert made.dtype.count == 1


@pytest.mark.parametrize("what", ["zeros", "of the other's scale", "of a finer scale"])
def test_channels_are_padded_before_a_convolution(what: str, tmp_path: Path) -> None:
    model = image()
    model.node("Concat", model.last, model.constant(_VALUES[what].astype(np.float32)), axis=1)
    model.conv(weights(4, 5, 3, 3), 0.125, 4, pads=[1, 1, 1, 1])
    model.act(0.5, 4)
    assert len(constants(agrees(model, tmp_path))) == 1


def test_beside_vectors_and_along_rows(tmp_path: Path) -> None:
    model = ModelBuilder((1, 6))
    model.act(0.25, 4)
    model.node("Concat", model.constant(np.float32([[1.5, -0.25]])), model.last, axis=-1)
    model.dense(weights(5, 8), 0.125, 4)
    model.act(0.5, 4)
    agrees(model, tmp_path)
    model = image()
    model.node("Concat", model.last, model.constant(np.ones((1, 3, 2, 4), np.float32)), axis=2)
    model.act(0.5, 4)
    agrees(model, tmp_path)


def test_a_quantized_constant(tmp_path: Path) -> None:
    """On the integers of its own quantizer, whatever the scale."""
    model = image(scale=0.31)
    source = model.last
    given = model.constant(_VALUES["unrelated"].astype(np.float32))
    model.node("Concat", source, model.quant(given, 0.17, 4), axis=1)
    model.act(0.4, 4)
    imported = agrees(model, tmp_path, explained=True)
    (made,) = constants(imported)
    assert made.dtype.bits <= 4


def positions(scale: float = 0.25, channels: int = 3, size: int = 4, *, same: bool = False):  # type: ignore[no-untyped-def]
    """Multiples of a scale, different at every position (of all channels alike if ``same``)."""
    shape = (1, 1 if same else channels, size, size)
    return (np.rint(_RNG.normal(0, 5, shape)) * scale).astype(np.float32)


@pytest.mark.parametrize("op", ["Add", "Sub"])
@pytest.mark.parametrize("swapped", [False, True])
def test_added_by_position_before_a_convolution(op: str, swapped: bool, tmp_path: Path) -> None:
    model = image()
    parts = [model.last, model.constant(positions(0.125))]
    model.node(op, *(parts[::-1] if swapped else parts))
    model.conv(weights(4, 3, 3, 3), 0.125, 4)
    model.act(0.5, 4)
    imported = agrees(model, tmp_path)
    (made,) = constants(imported)
    assert made.values.shape == (4, 4, 3)
    assert [item.kind for item in imported.graph.layers].count("Add") == 1


def test_multiplied_by_position_before_a_convolution(tmp_path: Path) -> None:
    """A mask, and factors with a common scale."""
    for factors in (np.abs(np.sign(positions())), positions(0.375, same=True)):
        model = image()
        model.node("Mul", model.last, model.constant(factors))
        model.conv(weights(4, 3, 3, 3), 0.125, 4)
        model.act(0.5, 4)
        imported = agrees(model, tmp_path)
        assert len(constants(imported)) == 1
        assert [item.kind for item in imported.graph.layers].count("Mul") == 1


def test_divided_by_position(tmp_path: Path) -> None:
    model = image()
    model.node("Div", model.last, model.constant(2.0 ** np.arange(16).reshape(1, 1, 4, 4) / 64))
    model.node("MaxPool", model.last, kernel_shape=[2, 2], strides=[2, 2])
    model.act(0.5, 4)
    assert len(constants(agrees(model, tmp_path))) == 1


def test_factors_that_are_multiples_of_nothing_are_refused(tmp_path: Path) -> None:
    model = image()
    model.node("Mul", model.last, model.constant(_RNG.normal(1, 1, (1, 1, 4, 4))))
    model.conv(weights(4, 3, 3, 3), 0.125, 4)
    text = refused(model, tmp_path)
    assert "constants that differ by position need the tensor's scale" in text


@pytest.mark.parametrize("bits", [1, 3, 4])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("op", ["Add", "Mul"])
def test_any_constants_by_position_before_a_quantizer(
    op: str, relu: bool, bits: int, tmp_path: Path
) -> None:
    """Thresholds by channel where they save memory; in any case every level is right."""
    model = image(channels=8, size=16, scale=0.23)
    given = (
        _RNG.normal(0, 1, (1, 8, 16, 16)) if op == "Add" else _RNG.uniform(0.5, 2, (1, 8, 16, 16))
    )
    model.node(op, model.last, model.constant(given))
    if relu:
        model.node("Relu", model.last)
    model.act(0.31, bits, signed=not relu and bits > 1)
    imported = agrees(model, tmp_path, explained=True)
    (steps,) = (item for item in imported.graph.layers if isinstance(item, Threshold)
                if item.inputs[0] not in imported.inputs)  # fmt: skip
    if bits == 4 and op == "Add":
        assert len(constants(imported)) == 1
        assert steps.thresholds.shape[0] <= 8


def test_an_embedding_by_position(tmp_path: Path) -> None:
    """As in a vision transformer: quantized, added, quantized again."""
    model = ModelBuilder((1, 6, 8))
    model.act(0.25, 4)
    source = model.last
    given = model.quant(model.constant(_RNG.normal(0, 1, (1, 6, 8))), 0.0625, 8)
    model.node("Add", source, given)
    model.act(0.5, 4)
    agrees(model, tmp_path)


def test_a_constant_larger_than_the_tensor(tmp_path: Path) -> None:
    """One value per channel is added to, or gates, a constant image."""
    for op in ("Add", "Mul"):
        model = image()
        model.node("GlobalAveragePool", model.last)
        model.act(0.125, 4)
        model.node(op, model.constant(positions(0.0625)), model.last)
        model.act(0.5, 4)
        imported = agrees(model, tmp_path)
        assert len(constants(imported)) == 1


def test_a_constant_on_a_sum_with_unrelated_scales(tmp_path: Path) -> None:
    model = image(scale=0.31)
    source = model.last
    model.conv(weights(3, 3, 1, 1), 0.125, 3)
    model.node("Add", source, model.act(0.17, 3))
    model.node("Add", model.last, model.constant(positions(0.5)))
    model.act(0.4, 4)
    agrees(model, tmp_path, explained=True)


def test_a_constant_output_is_left_out(tmp_path: Path) -> None:
    model = image()
    given = model.constant(np.ones((1, 3)))
    model.outputs.append(model.node("Neg", given))
    model.node("Relu", "t0")
    model.act(0.5, 4)
    imported = agrees(model, tmp_path)
    assert len(imported.graph.outputs) == 1
    assert any("is left out: it is a constant" in note for note in imported.graph.notes)
