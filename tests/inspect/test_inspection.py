"""What an inspection says, against facts that were counted by hand."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import pytest

from hwcompress.errors import InputError
from hwcompress.frontend import import_model
from hwcompress.inspect.examine import inspect_graph, inspect_onnx
from hwcompress.inspect.gaps import find_gaps
from hwcompress.inspect.layers import scale_kind, scale_text
from hwcompress.ir import Affine, Conv, Dense, Graph, Input, Output, TopK, save
from hwcompress.ir.types import IntType
from tests.frontend.onnx_builder import ModelBuilder
from tests.inspect.nets import image_net, raw_mlp, refused_net, two_outputs


def test_layers_and_totals(tmp_path: Path) -> None:
    facts = inspect_onnx(image_net(tmp_path))
    assert facts.accepted
    assert facts.problems == ()
    conv = next(layer for layer in facts.layers if layer.operation == "Conv")
    dense = next(layer for layer in facts.layers if layer.operation == "Dense")
    assert conv.shape == (4, 4, 3)
    assert (conv.weights, conv.weight_bits) == (3 * 2 * 9, 3 * 2 * 9 * 3)
    assert conv.macs == 3 * 2 * 9 * 16
    assert dense.macs == dense.weights == 5 * 48
    graph = import_model(tmp_path / "image.onnx").graph
    for layer in (conv, dense):
        assert layer.accumulator_bits == graph.tensors[layer.name].dtype.bits
    assert facts.totals is not None
    assert facts.totals.macs == conv.macs + dense.macs
    assert facts.totals.weight_bits == conv.weight_bits + dense.weight_bits
    assert facts.totals.layers == len(facts.layers) == sum(facts.totals.operations.values())
    (given,), (made,) = facts.inputs, facts.outputs
    assert given.source_shape == (2, 6, 6)
    assert given.shape == (6, 6, 2)
    assert (given.type, given.why) == ("i4", "the model's own quantizer")
    assert made.source_shape == (5,)
    assert facts.gaps == ()


def test_the_source_is_described(tmp_path: Path) -> None:
    source = inspect_onnx(image_net(tmp_path)).source
    assert source is not None
    assert source.kind == "QONNX"
    assert source.opsets == {"ai.onnx": 13, "qonnx.custom_op.general": 2}
    assert source.operators["qonnx.custom_op.general.Quant"] == 4
    assert source.operators["Conv"] == 1
    assert source.quantizers == {
        "activations int4, power-of-two scale": 1,
        "activations uint3, scale": 1,
        "weights int3 narrow, power-of-two scale": 1,
        "weights int3, power-of-two scale": 1,
    }
    assert [(port.name, port.element, port.shape) for port in source.inputs] == [
        ("x", "float", (1, 2, 6, 6))
    ]


def test_an_input_of_unknown_type_is_assumed_and_said(tmp_path: Path) -> None:
    path = raw_mlp(tmp_path)
    facts = inspect_onnx(path)
    assert facts.inputs[0].type == "i16"
    (line,) = facts.assumptions
    assert "input 'x' is not quantized by the model" in line
    assert "--input-type" in line and "--data" in line
    assert any("softmax left to the host" in note for note in facts.notes)
    assert facts.outputs[0].host == ("softmax",)
    stated = inspect_onnx(path, input_type="fixed<8,3>")
    assert stated.assumptions == ()
    assert stated.inputs[0].type == "i8"
    derived = inspect_onnx(path, samples=np.array([[0.0, 1.0, 2.0, 3.0]], np.float32))
    assert derived.assumptions == ()
    assert derived.inputs[0].type == "u2"


@pytest.mark.parametrize(
    ("name", "kind"), [("BIPOLAR", "bipolar"), ("UINT4", "u4"), ("INT3", "i3")]
)
def test_a_data_type_of_finn_is_taken(tmp_path: Path, name: str, kind: str) -> None:
    path = raw_mlp(tmp_path)
    model = onnx.load(path)
    note = model.graph.quantization_annotation.add(tensor_name="x")
    note.quant_parameter_tensor_names.add(key="finn_datatype", value=name)
    path.write_bytes(model.SerializeToString())
    facts = inspect_onnx(path)
    assert facts.inputs[0].type == kind
    assert f"annotation {name} in the file" in facts.assumptions[0]


def test_every_refused_node_has_a_status_and_a_reason(tmp_path: Path) -> None:
    facts = inspect_onnx(refused_net(tmp_path))
    assert not facts.accepted
    assert facts.layers == () and facts.totals is None
    status = {node.name: node.status for node in facts.nodes}
    assert status["memory"] == status["sum"] == "refused"
    assert status["innocent"] == "behind"
    assert facts.nodes[0].status == "ok"
    assert {problem.node for problem in facts.problems} == {"LSTM 'memory'", "Einsum 'sum'"}
    reasons = {node.name: node.message for node in facts.nodes if node.message}
    assert reasons["memory"].startswith("operator 'LSTM' is not supported (it keeps a state")
    assert all(problem.remedy for problem in facts.problems)
    assert facts.remedy == ""  # each operator has its own


def test_nodes_that_nothing_needs_are_said_to_be_left_out(tmp_path: Path) -> None:
    model = ModelBuilder((1, 6))
    model.act(1.0, 4)
    kept = model.last
    model.node("Relu", kept, name="forgotten")
    model.last = kept
    model.dense(np.ones((2, 6)), 1.0, 3)
    facts = inspect_onnx(model.save(tmp_path / "dead.onnx"))
    assert {node.name: node.status for node in facts.nodes}["forgotten"] == "removed"
    assert any("1 node(s) that no output depends on" in note for note in facts.notes)


def test_weights_are_constant_nodes(tmp_path: Path) -> None:
    facts = inspect_onnx(two_outputs(tmp_path))
    constant = [node for node in facts.nodes if node.status == "constant"]
    assert len(constant) == 2
    assert {node.operator for node in constant} == {"Quant"}
    assert len(facts.outputs) == 2


def test_a_stored_graph(tmp_path: Path) -> None:
    graph = import_model(image_net(tmp_path)).graph
    folder = tmp_path / "build" / "graph"
    folder.mkdir(parents=True)
    save(graph, folder)
    for place in (folder, folder.parent):
        facts = inspect_graph(place)
        assert facts.source is None
        assert facts.layers == inspect_onnx(tmp_path / "image.onnx").layers
    with pytest.raises(InputError):
        inspect_graph(tmp_path)


def test_a_realisation_that_lacks_a_layer_is_named() -> None:
    kind = IntType.signed_bits(4)
    graph = Graph.build(
        "sorted",
        [
            Input("x", (), ("x",), (5,), (0,), (5,), kind, 1.0),
            TopK("best", ("x",), ("best",), 2),
            Output("y", ("best",), ()),
        ],
    )
    gaps = find_gaps(graph)
    assert {gap.realisation for gap in gaps} <= {"hls4ml", "rtl"}
    for gap in gaps:
        assert "best" in gap.message


@pytest.mark.parametrize(
    ("scales", "kind", "text"),
    [
        ((0.25,), "power of two", "2^-2"),
        ((0.3,), "per tensor", "0.3"),
        ((0.5, 2.0), "powers of two per channel", "2^-1 to 2"),
        ((0.5, 0.6), "per channel", "2^-1 to 0.6"),
    ],
)
def test_kinds_of_scales(scales: tuple[float, ...], kind: str, text: str) -> None:
    affine = Affine(scales)
    assert scale_kind(affine) == kind
    assert scale_text(affine) == text


def test_an_inspection_is_json(tmp_path: Path) -> None:
    for path in (image_net(tmp_path), refused_net(tmp_path)):
        document = json.loads(json.dumps(asdict(inspect_onnx(path))))
        assert document["schema"] == "hwcompress-inspect-1"
        assert document["nodes"]


def test_macs_are_those_of_the_definition(tmp_path: Path) -> None:
    """Counted by feeding a graph whose weights and inputs are all one."""
    graph = import_model(image_net(tmp_path)).graph
    facts = {layer.name: layer for layer in inspect_onnx(tmp_path / "image.onnx").layers}
    for op in graph.layers:
        if not isinstance(op, Conv | Dense):
            continue
        ones = type(op)(**{**vars(op), "weight": np.ones_like(op.weight), "bias": None})
        shape = graph.tensors[op.inputs[0]].shape
        (sums,) = ones.evaluate([np.ones((1, *shape), np.int64)])
        assert facts[op.name].macs == int(sums.sum())
