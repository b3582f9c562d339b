"""Constants that meet computed tensors: beside them, and different at every position."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.frontend import Imported
from hwcompress.ir import Constant
from tests.frontend.onnx_builder import ModelBuilder
from tests.frontend.test_legal_forms import agrees, weights


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
