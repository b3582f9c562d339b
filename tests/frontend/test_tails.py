"""The ends of models: on the host or in hardware, final values equal to the qonnx executor's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import UnsupportedError
from hwcompress.frontend import Imported, import_model
from hwcompress.frontend.check import check_float64
from hwcompress.frontend.qonnx_runtime import QonnxRuntime
from hwcompress.ir import trace
from tests.frontend.onnx_builder import ModelBuilder
from tests.frontend.test_legal_forms import dense, image, weights

Tail = Callable[[ModelBuilder], object]


def finals(imported: Imported, samples: np.ndarray) -> list[np.ndarray]:
    """Final values of every output: the graph's integers, and what the host does to them."""
    graph = imported.graph
    integers = trace(graph, graph.inputs[0].encode(samples))
    for result in check_float64(imported, samples, integers):
        assert result.mismatches == 0, result
    return [
        op.finish(
            op.in_source_order(graph.tensors[op.inputs[0]].affine.apply(integers[op.inputs[0]]))
        )
        for op in graph.outputs
    ]


def agrees(model: ModelBuilder, path: Path) -> Imported:
    """Final values are those of the executor and of the source in float64."""
    imported = import_model(model.save(path / "model.onnx"))
    shape = imported.graph.inputs[0].source_shape
    samples = np.random.default_rng(3).normal(0, 1.5, (30, *shape)).astype(np.float32)
    found = finals(imported, samples)
    names = imported.model.outputs
    exact = imported.float64.trace(samples)
    theirs = QonnxRuntime(imported.model.path, tuple(names)).run(samples)
    assert len(found) == len(names)
    for name, ours, other in zip(names, found, theirs, strict=True):
        if ours.shape != other.shape:  # a number per sample stays a vector of length one
            assert other.shape == ours.shape[:1]
            ours = ours.reshape(other.shape)
        assert np.allclose(ours, exact[name], rtol=1e-12, atol=1e-12), name
        assert np.allclose(ours, other, rtol=1e-5, atol=1e-5), name
    return imported


def node(op: str, *constants: object, **attributes: object) -> Tail:
    return lambda model: model.node(
        op, model.last, *[model.constant(item) for item in constants], **attributes
    )


def chain(*tails: Tail) -> Tail:
    def append(model: ModelBuilder) -> None:
        for tail in tails:
            tail(model)

    return append


def first(constant: object, op: str) -> Tail:
    """With the constant in front."""
    return lambda model: model.node(op, model.constant(constant), model.last)


HOST: dict[str, tuple[Tail, tuple[str, ...]]] = {
    "softmax": (node("Softmax"), ("softmax",)),
    "log_softmax": (node("LogSoftmax", axis=1), ("log_softmax",)),
    "sigmoid": (node("Sigmoid"), ("sigmoid",)),
    "tanh scaled": (
        chain(node("Tanh"), node("Mul", 2.5), node("Add", -1.0)),
        ("tanh", "mul(2.5)", "add(-1)"),
    ),
    "two sigmoids": (
        chain(node("Sigmoid"), first(1.0, "Sub"), node("Clip", 0.25, 0.75)),
        ("sigmoid", "rsub(1)", "clip(0.25, 0.75)"),
    ),
    "leaky": (node("LeakyRelu", alpha=0.125), ("leaky_relu(0.125)",)),
    "softplus": (chain(node("Softplus"), node("Sqrt")), ("softplus", "sqrt")),
    "probability": (
        chain(node("Softmax"), node("Reshape", np.array([1, 5, 1]))),
        ("softmax", "reshape(5, 1)"),
    ),
    "rounded softmax": (
        chain(node("Softmax"), lambda model: model.act(1 / 256, 8, signed=False)),
        ("softmax", "quantize(0.00390625, 0, 0, 255)", "dequantize(0.00390625, 0)"),
    ),
    "clip": (node("Clip", -0.5, 0.75), ("clip(-0.5, 0.75)",)),
    "relu6": (node("Clip", 0.0, 6.0), ("clip(0, 6)",)),
    "gelu form": (chain(node("Erf"), node("Add", 1.0)), ("erf", "add(1)")),
    "hard sigmoid": (node("HardSigmoid", alpha=0.25), ("hard_sigmoid(0.25, 0.5)",)),
}


@pytest.mark.parametrize("name", HOST)
def test_left_to_the_host(name: str, tmp_path: Path) -> None:
    tail, steps = HOST[name]
    model = dense()
    tail(model)
    imported = agrees(model, tmp_path)
    assert imported.graph.outputs[0].host == steps
    assert any("left to the host" in note for note in imported.graph.notes)


HARDWARE: dict[str, tuple[Tail, str]] = {
    "class": (chain(node("Sigmoid"), node("Round")), "Threshold"),
    "threshold": (chain(node("Sigmoid"), node("Greater", 0.5)), "Threshold"),
    "sign": (node("Sign"), "Rescale"),
    "step": (chain(node("Mul", 1.7), node("Floor")), "Threshold"),
    "whole": (chain(node("Mul", 1.7), node("Cast", to=6), node("Cast", to=1)), "Threshold"),
    "argmax": (node("ArgMax", axis=1), "ArgMax"),
    "argmax of a softmax": (chain(node("Softmax"), node("ArgMax", axis=-1)), "ArgMax"),
    "argmax of a sigmoid": (chain(node("Sigmoid"), node("ArgMax", axis=1)), "ArgMax"),
    "last argmax": (node("ArgMax", axis=1, select_last_index=1, keepdims=0), "ArgMax"),
    "argmin": (node("ArgMin", axis=1), "ArgMax"),
    "offsets": (
        chain(node("Add", np.arange(5) * 0.015625), node("ArgMax", axis=1)),
        "ArgMax",
    ),
}


@pytest.mark.parametrize("name", HARDWARE)
def test_in_hardware(name: str, tmp_path: Path) -> None:
    tail, kind = HARDWARE[name]
    model = dense()
    tail(model)
    imported = agrees(model, tmp_path)
    assert imported.graph.outputs[0].host == ()
    assert kind in [op.kind for op in imported.graph.layers]


@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("wanted", ["values", "indices", "both"])
@pytest.mark.parametrize("scaled", [False, True])
def test_top_k(largest: int, wanted: str, scaled: bool, tmp_path: Path) -> None:
    model = dense()
    if scaled:  # no integers compare as the values: all of it runs on the host
        model.node("Mul", model.last, model.constant(np.array([1, 1.1, 0.7, 1, 2])))
    k = model.constant(np.array([2]))
    values, indices = model.several("TopK", 2, model.last, k, axis=1, largest=largest)
    if wanted == "both":
        model.outputs.append(values)
    model.last = values if wanted == "values" else indices
    imported = agrees(model, tmp_path)
    kinds = [op.kind for op in imported.graph.layers]
    assert ("TopK" in kinds) == (wanted != "values" and not scaled)
    hosts = [op.host for op in imported.graph.outputs]
    assert any("top_values" in " ".join(item) for item in hosts) == (wanted != "indices")
    assert any("top_indices" in " ".join(item) for item in hosts) == (wanted != "values" and scaled)


def test_argmax_of_different_scales_runs_on_the_host(tmp_path: Path) -> None:
    model = dense()
    model.node("Mul", model.last, model.constant(np.array([1, 1.1, 0.7, 1, 2])))
    model.node("ArgMax", model.last, axis=1, keepdims=0)
    imported = agrees(model, tmp_path)
    assert imported.graph.outputs[0].host == ("arg_max(1, 0, 0)",)
    assert any("ArgMax" in note and "runs on the host" in note for note in imported.graph.notes)


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax", "ArgMax"])
@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("opset", [11, 13])
def test_over_an_axis_of_an_image(op: str, axis: int, opset: int, tmp_path: Path) -> None:
    model = image(opset)
    model.conv(weights(3, 2, 3, 3), 0.125, 4)
    model.node(op, model.last, axis=axis)
    imported = agrees(model, tmp_path)
    assert imported.graph.outputs[0].host


def test_several_outputs_with_their_tails(tmp_path: Path) -> None:
    model = dense()
    logits = model.last
    model.outputs.append(model.node("Softmax", logits))
    model.outputs.append(logits)
    model.outputs.append(model.node("ArgMax", logits, axis=1))
    model.node("Sigmoid", logits)
    imported = agrees(model, tmp_path)
    hosts = [op.host for op in imported.graph.outputs]
    assert hosts == [("softmax",), (), (), ("sigmoid",)]


def test_a_layer_behind_a_softmax_is_refused(tmp_path: Path) -> None:
    model = dense()
    model.node("Softmax", model.last, name="soft")
    model.dense(weights(3, 5), 0.125, 4)
    with pytest.raises(UnsupportedError) as caught:
        import_model(model.save(tmp_path / "model.onnx"))
    message = str(caught.value)
    for part in ("Gemm", "the result of Softmax 'soft'", "run on the host", "cut the model there"):
        assert part in message


def test_an_output_that_no_host_has_words_for(tmp_path: Path) -> None:
    model = dense()
    model.node("Selu", model.last)
    with pytest.raises(UnsupportedError, match="is not quantized after Selu.*end the model with"):
        import_model(model.save(tmp_path / "model.onnx"))


def test_an_input_that_goes_straight_to_the_host(tmp_path: Path) -> None:
    """It is rounded to the type that was given before the source sees it, too."""
    model = ModelBuilder((1, 4))
    model.node("Softmax", model.last, axis=1)
    imported = import_model(model.save(tmp_path / "model.onnx"), input_type="fixed<6,3>")
    samples = np.random.default_rng(3).normal(0, 1.5, (30, 4))
    assert imported.graph.outputs[0].host
    assert len(finals(imported, samples)) == 1
