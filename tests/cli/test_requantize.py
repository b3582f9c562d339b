"""``requantize``: the folder, the tables, what is refused, and a build of the result."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from hwcompress.compress.calibration.edge import export_float
from hwcompress.errors import InputError
from hwcompress.flow.settings import BuildSettings
from hwcompress.frontend import import_model
from hwcompress.inspect.opening import ModelRequest
from hwcompress.ir import evaluate, fingerprint, load
from hwcompress.packing import read_packed
from hwcompress.requantize import requantize_graph
from hwcompress.running.requantizing import RequantizeRequest, parse_layer
from tests.cli.test_models import run
from tests.cli.test_simulate_data import jet_data, jet_net
from tests.shared_data import shared_file


def test_a_model_requantized_and_built(tmp_path: Path) -> None:
    graph = import_model(jet_net(tmp_path)).graph
    jet_data(tmp_path / "x.npy", 60)
    real = np.load(tmp_path / "x.npy")
    np.savez(tmp_path / "data.npz", x=real, y=np.load(tmp_path / "labels.npy").astype(np.int64))
    words = (
        "requantize jet.onnx --bits 3 --layer @first=2 --layer gemm_1[0-3]=keep --out small"
        " --compare data.npz --no-synthesis --target-cycles 512"
    ).split()
    said, _ = run(tmp_path, *words)
    for part in ("own rescaling", "(kept)", "ternary", "i3[-3..3]", "Accuracy", "steps of the"):
        assert part in said, part
    facts = json.loads((tmp_path / "small" / "result.json").read_text())
    assert [item["bits_after"] for item in facts["layers"]] == [2, 3, 4, 3]
    made = load(tmp_path / "small" / "graph")
    assert fingerprint(made) == fingerprint(read_packed(tmp_path / "small" / "model.hwc"))
    names = [item["name"] for item in facts["layers"]]
    own = dict(zip(names, (2, 3, None, 3), strict=True))
    assert fingerprint(requantize_graph(graph, 3, layers=own).graph) == fingerprint(made)

    # The figures, computed here.
    tensor = graph.outputs[0].inputs[0]
    feeds = {graph.inputs[0].outputs[0]: graph.inputs[0].encode(real)}
    before, after = (
        item.tensors[tensor].affine.apply(evaluate(item, feeds)[tensor]) for item in (graph, made)
    )
    change, labels = facts["change"], np.arange(60) % 5
    assert change["samples"] == change["labelled"] == 60
    assert change["largest"] == np.abs(after - before).max() > 0
    assert change["mean"] == pytest.approx(np.abs(after - before).mean(), rel=1e-12)
    decided = [item.reshape(60, 5).argmax(axis=1) for item in (before, after)]
    assert change["changed"] == int((decided[0] != decided[1]).sum())
    assert change["right_after"] == int((decided[1] == labels).sum())
    assert facts["hardware_before"]["interval"] == facts["hardware_after"]["interval"] == 512

    said, _ = run(tmp_path, "simulate", "small/model.hwc", "--data", "x.npy", "--integers",
                  "--out", "y.npy")  # fmt: skip
    assert np.array_equal(np.load(tmp_path / "y.npy"), evaluate(made, feeds)[tensor])
    assert "small" in run(tmp_path, *words, code=2)[1]  # is there already


def test_reference_outputs_are_no_labels_and_json(tmp_path: Path) -> None:
    """The jet tagger that the page is about, with its reference file as it is."""
    model = shared_file("models/qonnx/jets_qkeras_w6a6.onnx")
    data = shared_file("models/qonnx/jets_qkeras_w6a6.io.npz")
    said, _ = run(tmp_path, "requantize", model, "--bits", "4", "--scales", "power-of-two",
                  "--compare", data, "--no-synthesis", "--json")  # fmt: skip
    facts = json.loads(said)
    assert (tmp_path / facts["folder"] / "model.hwc").is_file()
    assert facts["folder"].endswith("jets_qkeras_w6a6-w4")
    assert facts["change"]["samples"] == 4 and facts["change"]["labelled"] == 0
    assert any("holds no labels" in note for note in facts["notes"])
    assert facts["after"]["weight_bits"] == 4


def test_a_float_model_without_data(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    export_float(net, (4,), tmp_path / "float.onnx")
    said, error = run(tmp_path, "requantize", "float.onnx", "--bits", "4", code=2)
    assert said == "" and "the model is a float one" in error
    assert "`hwcompress compress`" in error and len(error.splitlines()) == 1
    assert not (tmp_path / "hwc-requantize").exists()


def test_a_layer_that_is_none(tmp_path: Path) -> None:
    jet_net(tmp_path)
    words = "--bits 3 --layer gemm_9=2 --no-synthesis --out new"
    error = run(tmp_path, "requantize", "jet.onnx", *words.split(), code=2)[1]
    assert "no layer is called 'gemm_9'" in error and "gemm_2, gemm_6, gemm_10" in error
    assert [item.name for item in tmp_path.iterdir()] == ["jet.onnx"]


@pytest.mark.parametrize("text", ["fc", "fc=", "=3", "fc=9", "fc=0", "fc=-2", "fc=all"])
def test_layers_of_another_form(text: str) -> None:
    with pytest.raises(InputError, match="give NAME=BITS with 1 to 8 bits, or NAME=keep"):
        parse_layer(text)


def test_requests_that_are_refused() -> None:
    model, hardware = ModelRequest("net.onnx"), BuildSettings("pynq-z2")
    with pytest.raises(InputError, match=r"--bits is 0. Remedy: give 1 to 8"):
        RequantizeRequest(model, 0, hardware)
    with pytest.raises(InputError, match="--labels without --compare"):
        RequantizeRequest(model, 3, hardware, labels="y.npy")
