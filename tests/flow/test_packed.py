"""Builds of packed graphs, which have no source but themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.flow.build import build
from hwcompress.flow.compressing.pipeline import COMPRESSION
from hwcompress.flow.compressing.settings import compress_settings
from hwcompress.flow.request import make_settings
from hwcompress.ir import evaluate, fingerprint, load
from hwcompress.packing import read_packed, write_packed
from hwcompress.report.convert import from_json
from hwcompress.report.facts import GraphFacts, SimulateFacts, SourceFacts, VerifyFacts
from hwcompress.requantize import requantize_graph
from tests.requantize.test_graph import small


def files(folder: Path) -> dict[str, object]:
    """A packed graph and data for it, as options of a build."""
    write_packed(small(), folder / "net.hwc")
    random = np.random.default_rng(0)
    x = random.integers(0, 16, (30, 6, 6, 2)).astype(np.float32)
    np.savez(folder / "data.npz", x=x, y=random.integers(0, 3, 30))
    return {"board": "pynq", "model": str(folder / "net.hwc"), "data": str(folder / "data.npz")}


def test_a_packed_graph_is_built(tmp_path: Path) -> None:
    settings = make_settings(**files(tmp_path))
    records = build(tmp_path / "b", settings, targets=["simulate"], jobs=1).records
    graph = read_packed(tmp_path / "net.hwc")
    assert fingerprint(load(tmp_path / "b" / "graph")) == fingerprint(graph)
    source = from_json(SourceFacts, records["train"].result)
    assert source.kind == "packed integer graph" and not source.framework
    assert from_json(GraphFacts, records["import"].result).inputs[0].source == "in"
    seen = from_json(SimulateFacts, records["simulate"].result)
    (check,) = seen.checks
    assert (check.level, check.samples, check.mismatches) == ("Numba simulator", 30, 0)
    with np.load(tmp_path / "data.npz") as data:
        found = evaluate(graph, {"x": data["x"].astype(np.int64)})["y"].reshape(30, 3)
        right = int((found.argmax(axis=1) == data["y"]).sum())
    assert [item.correct for item in seen.accuracy] == [right]


def test_a_changed_file_is_built_again(tmp_path: Path) -> None:
    settings = make_settings(**files(tmp_path))
    build(tmp_path / "b", settings, targets=["import"], jobs=1)
    write_packed(small(rescaled=True), tmp_path / "net.hwc")
    build(tmp_path / "b", settings, targets=["import"], jobs=1)
    graph = read_packed(tmp_path / "net.hwc")
    assert fingerprint(load(tmp_path / "b" / "graph")) == fingerprint(graph)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight_bits": 4}, "quantized already.*hwcompress requantize"),
        ({"input_type": "uint8"}, "--input-type uint8 for a packed graph"),
        ({"data": ""}, "needs data to be verified on"),
        ({"weights": "w.npz"}, "--weights without FILE.py:FUNCTION"),
    ],
)
def test_options_that_would_change_it(
    options: dict[str, object], message: str, tmp_path: Path
) -> None:
    given = {**files(tmp_path), **options}
    with pytest.raises(InputError, match=message):
        build(tmp_path / "b", make_settings(**given), targets=["train"], jobs=1)


def test_a_damaged_file(tmp_path: Path) -> None:
    given = files(tmp_path)
    path = tmp_path / "net.hwc"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"net\.hwc.*cut off"):
        build(tmp_path / "b", make_settings(**given), targets=["train"], jobs=1)


def test_compress_wants_a_float_model_and_names_the_other_command(tmp_path: Path) -> None:
    settings = compress_settings("w8a8-ptq", **files(tmp_path))
    with pytest.raises(InputError, match="quantized already.*`hwcompress requantize`"):
        build(tmp_path / "c", settings, targets=["float"], steps=COMPRESSION, jobs=1)


@pytest.mark.long
@pytest.mark.parametrize(("rescaled", "bits"), [(False, 2), (True, 3), (True, 1)])
def test_a_requantized_graph_in_verilog(rescaled: bool, bits: int, tmp_path: Path) -> None:
    """Thresholds or rescalings that took multipliers in, and a rescaling of a layer's own."""
    given = files(tmp_path)
    made = requantize_graph(small(rescaled=rescaled, pooled=True), bits)
    write_packed(made.graph, tmp_path / "net.hwc")
    records = build(tmp_path / "b", make_settings(**given), targets=["verify"], jobs=1).records
    seen = from_json(VerifyFacts, records["verify"].result)
    assert all(check.samples == 30 and check.mismatches == 0 for check in seen.checks)
