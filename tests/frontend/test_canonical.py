"""The canonical stage: shapes and constants for expansions, names, refusals, moved Pads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.canonical import Context, canonical, expands, is_known
from hwcompress.frontend.onnx_model import Node, OnnxModel, read_onnx
from tests.frontend.onnx_builder import ModelBuilder

MARK = "test.canonical"


@expands("Twice", domain=MARK)
def _twice(node: Node, context: Context) -> list[Node]:
    """Two of another one, which is expanded in turn."""
    middle = context.fresh("t1")
    first = Node("Once", "", MARK, node.inputs, (middle,), {})
    return [first, Node("Once", "", MARK, (middle,), node.outputs, {})]


@expands("Once", domain=MARK)
def _once(node: Node, context: Context) -> list[Node]:
    shape = context.shape(node.inputs[0])
    if shape is None:
        raise UnsupportedError(f"no shape of {node.inputs[0]}", where=node.label)
    size = context.add_constant("size", np.array(float(shape[-1])))
    return [Node("Mul", "", "", (node.inputs[0], size), node.outputs, {}, node.opset)]


@expands("Broken", domain=MARK)
def _broken(node: Node, context: Context) -> list[Node]:
    raise IndexError("nothing there")


def written(model: ModelBuilder, path: Path) -> OnnxModel:
    return read_onnx(model.save(path / "model.onnx"))


def test_expansions_of_expansions(tmp_path: Path) -> None:
    model = ModelBuilder((1, 3, 5))
    model.act(0.5, 4)
    model.node("Twice", model.last, domain=MARK, name="mine")
    read = written(model, tmp_path)
    made = canonical(read)
    assert not made.refused
    _, first, second = made.model.nodes
    assert [node.op for node in (first, second)] == ["Mul", "Mul"]
    assert {first.label, second.label} == {"Twice 'mine'"}
    assert second.outputs == read.outputs
    assert first.outputs == second.inputs[:1] == ("t1_2",)  # "t1" is the file's
    assert made.model.added == {"t1_2"}
    sizes = [made.model.initializers[node.inputs[1]] for node in (first, second)]
    assert sizes == [5.0, 5.0]
    assert is_known(read.nodes[-1])


def test_refusals_are_collected(tmp_path: Path) -> None:
    model = ModelBuilder((1, 3))
    model.node("Elsewhere", "x", domain="nowhere")
    model.node("Twice", model.last, domain=MARK, name="first")
    model.node("Broken", model.last, domain=MARK, name="second")
    read = written(model, tmp_path)
    made = canonical(read)
    assert made.model.nodes == read.nodes
    reasons = {node.name: reason for node, reason in made.refused.items()}
    assert reasons["first"] == "Twice 'first': no shape of t0"
    assert "Broken 'second': its inputs and attributes do not fit" in reasons["second"]


def facts(model: ModelBuilder, path: Path) -> Context:
    read = written(model, path)
    context = Context(read)
    for node in read.nodes:
        context.append(node)
    return context


def test_shapes_that_exporters_compute(tmp_path: Path) -> None:
    """Shape, Gather, Concat, Reshape, as torch writes a flatten."""
    model = ModelBuilder((1, 3, 4, 5))
    source = model.act(0.5, 4)
    model.node("Conv", source, model.constant(np.ones((2, 3, 3, 3))), strides=[1, 2])
    image = model.last
    shape = model.node("Shape", image)
    first = model.node("Gather", shape, model.constant(np.array([0])), axis=0)
    target = model.node("Concat", first, model.constant(np.array([-1])), axis=0)
    flat = model.node("Reshape", image, target)
    model.node("Size", flat)
    model.outputs.append(flat)
    context = facts(model, tmp_path)
    assert context.shape(source) == (1, 3, 4, 5)
    assert context.shape(image) == (1, 2, 2, 2)
    assert context.shape(flat) == (1, 8)
    known = [context.constant(name) for name in (shape, target, model.last, image)]
    assert [None if item is None else item.tolist() for item in known] == [
        [1, 2, 2, 2],
        [1, -1],
        8,
        None,
    ]
    assert context.is_constant(target)
    assert not context.is_constant(image)


def test_constants_are_folded(tmp_path: Path) -> None:
    model = ModelBuilder((1, 4))
    weight = model.quant(model.constant(np.array([[0.3], [0.8], [-0.4], [5.0]])), 0.25, 3)
    turned = model.node("Transpose", weight, perm=[1, 0])
    model.node("Mul", "x", turned)
    context = facts(model, tmp_path)
    folded = context.constant(turned)
    assert folded is not None
    assert folded.tolist() == [[0.25, 0.75, -0.5, 0.75]]
    assert context.shape(model.last) == (1, 4)
    assert context.constant(model.last) is None


def test_long_constant_chains(tmp_path: Path) -> None:
    """No recursion, whatever the file holds."""
    model = ModelBuilder((1, 4))
    model.last = model.constant(np.ones(4))
    for _ in range(3000):
        model.node("Identity", model.last)
    model.node("Add", "x", model.last)
    context = facts(model, tmp_path)
    value = context.constant(model.nodes[-1].input[1])
    assert value is not None
    assert value.tolist() == [1.0] * 4
    assert context.shape(model.last) == (1, 4)


def test_a_shape_that_does_not_follow(tmp_path: Path) -> None:
    model = ModelBuilder((1, 4))
    model.node("MatMul", "x", model.constant(np.ones((3, 3))))
    bad = model.last
    model.node("Relu", bad)
    context = facts(model, tmp_path)
    assert context.shape(model.last) is None
    assert context.shape("unheard of") is None


@pytest.mark.parametrize(("kind", "moves"), [("scalar", True), ("channels", False)])
def test_pads_move_past_scalars(kind: str, moves: bool, tmp_path: Path) -> None:
    model = ModelBuilder((1, 2, 4, 4))
    pads = model.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    model.node("Pad", "x", pads, model.constant(np.float32(0.5)))
    factor = np.float32(2.0) if kind == "scalar" else np.ones((2, 1, 1))
    model.node("Mul", model.constant(factor), model.last)
    model.node("Clip", model.last, model.constant(np.float32(-1)), model.constant(np.float32(0.75)))
    read = written(model, tmp_path)
    made = canonical(read).model
    ops = [node.op for node in made.nodes]
    assert ops == (["Mul", "Clip", "Pad"] if moves else ["Pad", "Mul", "Clip"])
    assert made.nodes[-1].outputs == read.outputs
    if moves:
        assert float(made.initializers[made.nodes[-1].inputs[2]]) == 0.75
