"""Random samples reach every level, and do not depend on how they are cut into blocks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from hwcompress.frontend import import_model
from hwcompress.inspect.assume import attempt_import
from hwcompress.inspect.draw import Drawn
from hwcompress.inspect.header import parse_onnx, source_format
from tests.frontend.onnx_builder import ModelBuilder
from tests.inspect.nets import image_net, raw_mlp


def test_every_level_of_the_models_quantizer_is_reached(tmp_path: Path) -> None:
    imported = import_model(image_net(tmp_path))
    samples = Drawn(imported, 7).block(0, 40)
    assert isinstance(samples, np.ndarray)
    assert samples.shape == (40, 2, 6, 6) and samples.dtype == np.float32
    (op,) = imported.graph.inputs
    integers = op.encode(samples)
    assert set(np.unique(integers)) == set(range(-8, 8))
    assert np.all(integers[0] == -8) and np.all(integers[1] == 7)
    assert set(np.unique(integers[2])) == {-8, 7}
    assert not np.array_equal(op.decode(integers), samples), "samples lie beside their levels"


def test_blocks_are_parts_of_one_stream(tmp_path: Path) -> None:
    drawn = Drawn(import_model(image_net(tmp_path)), 7)
    whole = drawn.block(0, 12)
    parts = np.concatenate([np.asarray(drawn.block(start, 4)) for start in (0, 4, 8)])
    assert np.array_equal(whole, parts)
    other = Drawn(import_model(tmp_path / "image.onnx"), 8).block(0, 12)
    assert not np.array_equal(whole, other)


def test_a_function_before_the_quantizer_is_inverted(tmp_path: Path) -> None:
    model = ModelBuilder((1, 6))
    model.node("Mul", model.last, model.constant(3.0))
    model.node("Tanh", model.last)
    model.act(0.25, 3)
    model.dense(np.ones((2, 6)), 1.0, 3)
    imported = import_model(model.save(tmp_path / "tanh.onnx"))
    (op,) = imported.graph.inputs
    assert op.boundaries is not None
    integers = op.encode(np.asarray(Drawn(imported, 1).block(0, 200)))
    assert set(np.unique(integers)) == set(range(-4, 4))


@pytest.mark.parametrize("known", [True, False])
def test_inputs_without_a_quantizer(tmp_path: Path, known: bool) -> None:
    path = raw_mlp(tmp_path)
    ports = source_format(parse_onnx(path)).inputs
    stated = "uint8*1/16" if known else None
    attempt = attempt_import(path, ports, samples=None, input_type=stated)
    drawn = Drawn(attempt.imported, 3, normal=attempt.unknown)
    samples = np.asarray(drawn.block(3, 300), np.float64)
    if known:
        assert np.array_equal(samples * 16, np.rint(samples * 16))
        assert samples.min() < 1 and samples.max() > 15
        assert "uniform over the 256 levels" in drawn.describe()[0]
    else:
        assert abs(samples.mean()) < 0.1 and 0.9 < samples.std() < 1.1
        assert np.array_equal(samples * 4096, np.rint(samples * 4096))
        assert "standard normal" in drawn.describe()[0]


def test_several_inputs(tmp_path: Path) -> None:
    model = ModelBuilder((1, 4))
    model.more_inputs["z"] = (1, 4)
    first = model.act(1.0, 3)
    second = model.quant("z", 1.0, 5, signed=False)
    model.node("Add", first, second)
    model.act(2.0, 4)
    imported = import_model(model.save(tmp_path / "sum.onnx"))
    samples = Drawn(imported, 0).block(0, 60)
    assert isinstance(samples, Mapping)
    assert set(samples) == {"x", "z"}
    for op in imported.graph.inputs:
        integers = op.encode(samples[imported.inputs[op.outputs[0]]])
        assert set(np.unique(integers)) == set(range(op.dtype.lo, op.dtype.hi + 1))
