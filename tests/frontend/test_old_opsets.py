"""Models of old opsets give the integers of the same models as today's opsets write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from hwcompress.frontend import import_model
from hwcompress.ir import trace
from tests.frontend.onnx_builder import ModelBuilder
from tests.frontend.test_legal_forms import dense, refused, weights

Build = Callable[[ModelBuilder], object]


def outputs(model: ModelBuilder, path: Path, opset: int | None = None) -> np.ndarray:
    model.save(path)
    if opset is not None:
        proto = onnx.load(path)
        proto.opset_import[0].version = opset
        onnx.save(proto, path)
    imported = import_model(path)
    op = imported.graph.inputs[0]
    samples = np.random.default_rng(1).normal(0, 1.5, (20, *op.source_shape))
    integers = trace(imported.graph, op.encode(samples))
    real = imported.float64.trace(samples)[imported.model.outputs[0]]
    result = imported.graph.outputs[0].inputs[0]
    affine = imported.graph.tensors[result].affine
    given = integers[result] * np.array(affine.scale) + np.array(affine.offset)
    assert np.allclose(np.sort(given.reshape(20, -1)), np.sort(real.reshape(20, -1)))
    return np.asarray(real)


def image(opset: int) -> ModelBuilder:
    model = ModelBuilder((1, 2, 4, 6), opset)
    model.act(0.125, 4)
    return model


def same(old: int, first: Build, second: Build, path: Path) -> None:
    """Two ways to write a model, the first one of an old opset."""
    models = []
    for opset, build in ((9, first), (9, second)):
        model = image(opset)
        build(model)
        model.act(0.25, 5)
        models.append(model)
    found = outputs(models[0], path / "old.onnx", old)
    assert np.array_equal(found, outputs(models[1], path / "new.onnx"))
    assert len(np.unique(found)) > 3


@pytest.mark.parametrize("op", ["Add", "Mul", "Sub"])
@pytest.mark.parametrize(("axis", "shape"), [(1, (2,)), (2, (4,)), (1, (2, 4)), (-1, (6,))])
def test_operands_along_an_axis(op: str, axis: int, shape: tuple[int, ...], tmp_path: Path) -> None:
    place = axis % 4
    wide = weights(*shape).reshape(*shape, *(1,) * (4 - place - len(shape)))
    same(
        6,
        lambda m: m.node(op, m.last, m.constant(weights(*shape)), broadcast=1, axis=axis),
        lambda m: m.node(op, m.last, m.constant(wide)),
        tmp_path,
    )


def test_two_branches_with_an_axis(tmp_path: Path) -> None:
    """The second operand is computed."""

    def gate(model: ModelBuilder, old: bool) -> None:
        source = model.last
        model.node("GlobalAveragePool", source)
        model.act(0.125, 4)
        small = model.node("Flatten", model.last)
        vector = model.node("Reshape", small, model.constant(np.array([1, 2])))
        if old:
            model.node("Mul", source, vector, broadcast=1, axis=0)
        else:
            wide = model.node("Reshape", vector, model.constant(np.array([1, 2, 1, 1])))
            model.node("Mul", source, wide)

    same(6, lambda m: gate(m, True), lambda m: gate(m, False), tmp_path)


def test_shape_of_a_reshape_as_an_attribute(tmp_path: Path) -> None:
    shape = [1, 8, 6]
    same(
        1,
        lambda m: m.node("Reshape", m.last, shape=shape, consumed_inputs=[0]),
        lambda m: m.node("Reshape", m.last, m.constant(np.array(shape))),
        tmp_path,
    )


@pytest.mark.parametrize("spatial", [0, 1])
def test_batch_norm(spatial: int, tmp_path: Path) -> None:
    shape = (2,) if spatial else (2, 4, 6)
    rows = [weights(*shape), weights(*shape, 1)[..., 0], weights(*shape), weights(*shape) ** 2 + 1]
    gain = rows[0] / np.sqrt(rows[3] + 1e-5)
    offset = rows[1] - rows[2] * gain
    if spatial:
        gain, offset = gain[:, None, None], offset[:, None, None]

    def old(model: ModelBuilder) -> None:
        model.node(
            "BatchNormalization",
            model.last,
            *[model.constant(row) for row in rows],
            spatial=spatial,
            is_test=1,
            consumed_inputs=[0, 0, 0, 1, 1],
            epsilon=1e-5,
        )

    def new(model: ModelBuilder) -> None:
        model.node("Mul", model.last, model.constant(gain))
        model.node("Add", model.last, model.constant(offset))

    for opset in (6, 8) if not spatial else (6,):
        same(opset, old, new, tmp_path)


def test_slopes_of_a_prelu(tmp_path: Path) -> None:
    slope = np.array([0.25, -0.5])
    same(
        6,
        lambda m: m.node("PRelu", m.last, m.constant(slope)),
        lambda m: m.node("PRelu", m.last, m.constant(slope[:, None, None])),
        tmp_path,
    )


def test_upsample_with_two_attributes(tmp_path: Path) -> None:
    same(
        1,
        lambda m: m.node("Upsample", m.last, height_scale=2.0, width_scale=3.0, mode="nearest"),
        lambda m: m.node("Upsample", m.last, m.constant(np.array([1.0, 1.0, 2.0, 3.0]))),
        tmp_path,
    )


def test_other_forms(tmp_path: Path) -> None:
    """Dropout, Concat, Cast and Tile of the first opsets, and a Gemm that broadcasts."""

    def old(model: ModelBuilder) -> None:
        model.node("Dropout", model.last, is_test=1, ratio=0.5)
        model.node("Cast", model.last, to="FLOAT")
        model.node("Tile", model.last, model.constant(np.array([2])), model.constant(np.array([3])))
        first = model.last
        model.node("Concat", first, model.node("Relu", first))
        model.act(0.25, 4)
        model.node("Flatten", model.last)
        source = model.last
        weight = model.quant(model.constant(weights(192, 3)), 0.125, 4)
        model.node("Gemm", source, weight, model.constant(weights(3)), broadcast=1)

    def new(model: ModelBuilder) -> None:
        model.node("Tile", model.last, model.constant(np.array([1, 1, 1, 2])))
        first = model.last
        model.node("Concat", first, model.node("Relu", first), axis=1)
        model.act(0.25, 4)
        model.node("Flatten", model.last)
        source = model.last
        weight = model.quant(model.constant(weights(192, 3)), 0.125, 4)
        model.node("Gemm", source, weight, model.constant(weights(3)))

    same(1, old, new, tmp_path)


def test_opset_that_is_not_stated(tmp_path: Path) -> None:
    path = dense().save(tmp_path / "model.onnx")
    proto = onnx.load(path)
    wanted = import_model(path).graph
    proto.opset_import[0].domain = "ai.onnx"
    onnx.save(proto, path)
    assert import_model(path).graph.notes == wanted.notes
    del proto.opset_import[0]
    onnx.save(proto, path)
    assert any("no opset; 17 is assumed" in note for note in import_model(path).graph.notes)
    proto.opset_import.append(helper.make_opsetid("", 0))
    onnx.save(proto, path)
    with pytest.raises(Exception, match="states opset 0"):
        import_model(path)


def test_old_operands_that_do_not_fit(tmp_path: Path) -> None:
    model = image(6)
    model.node("Add", model.last, model.constant(weights(4, 6)), broadcast=1, axis=3)
    assert "(4, 6) along axis 3 of (1, 2, 4, 6)" in refused(model, tmp_path)
