"""``pack``, ``unpack``, and ``simulate`` on a packed file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hwcompress.frontend import import_model
from hwcompress.ir import fingerprint, load
from hwcompress.packing import read_packed
from tests.cli.test_models import run
from tests.cli.test_simulate_data import jet_data, jet_net


def test_a_model_packed_simulated_and_unpacked(tmp_path: Path) -> None:
    model = jet_net(tmp_path)
    jet_data(tmp_path / "x.npy", 300)
    packed = tmp_path / "jet.hwc"
    facts = json.loads(run(tmp_path, "pack", "jet.onnx", "--out", "jet.hwc", "--json")[0])
    assert facts["bytes"] == packed.stat().st_size
    arrays = sum(item["table"] + item["words"] for item in facts["arrays"])
    assert facts["bytes"] == facts["header"] + facts["facts"] + arrays
    graph = import_model(model).graph
    assert fingerprint(read_packed(packed)) == fingerprint(graph)

    said = ""
    for source in ("jet.onnx", "jet.hwc"):
        words = ["simulate", source, "--data", "x.npy", "--integers", "--out", f"{source}.npy"]
        said, _ = run(tmp_path, *words)
    assert "packed integer graph" in said
    one, other = np.load(tmp_path / "jet.onnx.npy"), np.load(tmp_path / "jet.hwc.npy")
    assert one.shape == (300, 5) and np.array_equal(one, other)

    assert "graph.json" in run(tmp_path, "unpack", "jet.hwc", "--out", "folder")[0]
    assert fingerprint(load(tmp_path / "folder")) == fingerprint(graph)
    assert "bits each" in run(tmp_path, "pack", "folder", "--out", "again.hwc")[0]
    assert (tmp_path / "again.hwc").read_bytes() == packed.read_bytes()
    assert not list(tmp_path.glob("*.partial*")) and not list(tmp_path.glob(".tmp-*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("unpack jet.onnx --out new", "is no packed graph (.hwc)"),
        ("pack jet.onnx --out .", "is a folder"),
        ("simulate bad.hwc --random 3", "its header alone is longer"),
    ],
)
def test_what_is_refused(words: str, message: str, tmp_path: Path) -> None:
    jet_net(tmp_path)
    (tmp_path / "bad.hwc").write_bytes(b"HWC")
    assert message in " ".join(run(tmp_path, *words.split(), code=2)[1].split())
    assert sorted(item.name for item in tmp_path.iterdir()) == ["bad.hwc", "jet.onnx"]
