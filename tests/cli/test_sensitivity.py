"""``sensitivity``: its files, its budget, what it refuses."""

from __future__ import annotations

import csv
import json
import re
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from hwcompress.compress.recipe import load_recipe
from hwcompress.errors import InputError
from hwcompress.flow.build import build
from hwcompress.flow.compressing.designs import layer_groups
from hwcompress.flow.compressing.exploring import MixedFacts, sensitivity_settings
from hwcompress.flow.compressing.sensitivity import EXPLORATION
from hwcompress.ir import Conv, Dense, load
from hwcompress.report.convert import from_json
from tests.cli.test_compress import NET, ROOT
from tests.compress.recipe.tiny import tiny_data

OPTIONS = {"model": "net.py:make", "data": "data.npz", "board": "pynq", "epochs": 3}


def inputs(folder: Path) -> None:
    (folder / "net.py").write_text(NET.format(root=str(ROOT)))
    train, test = tiny_data(), tiny_data(64, seed=1)
    np.savez(folder / "data.npz", x_train=train.x, y_train=train.y, x_test=test.x, y_test=test.y)


def test_files(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    inputs(tmp_path)
    settings = sensitivity_settings(**OPTIONS, bits="4,2")
    build(tmp_path / "out", settings, targets=["sensitivity"], steps=EXPLORATION)
    facts = json.loads((tmp_path / "out" / "sensitivity.json").read_text())
    assert facts["layers"] == ["conv1", "conv2", "head"]
    with (tmp_path / "out" / "sensitivity.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(facts["rows"]) == 1 + 2 + 3 * 3 * 2
    for row, fact in zip(rows, facts["rows"], strict=True):
        assert (row["layer"], row["part"], int(row["bits"])) == (
            fact["layer"], fact["part"], fact["bits"]
        )  # fmt: skip
        assert float(row["accuracy"]) == pytest.approx(fact["accuracy"], abs=1e-6)
    page = (tmp_path / "out" / "sensitivity.html").read_text()
    (picture,) = re.findall(r"<svg.*</svg>", page, re.DOTALL)
    tree = ET.fromstring(picture)
    space = "{http://www.w3.org/2000/svg}"
    lines = tree.findall(f".//{space}polyline")
    assert len(lines) == 3 * 3
    assert all(len((line.get("points") or "").split()) == 2 for line in lines)
    numbers = [float(x) for line in lines for x in re.findall(r"[\d.-]+", line.get("points") or "")]
    assert min(numbers) >= 0
    assert max(numbers) <= 330
    assert page.count("<tr>") == 1 + len(rows)
    assert not (tmp_path / "out" / "mixed.toml").exists()


def test_groups_of_operations(tmp_path, monkeypatch) -> None:
    from hwcompress.flow.compressing.pipeline import COMPRESSION
    from hwcompress.flow.compressing.settings import compress_settings

    monkeypatch.chdir(tmp_path)
    inputs(tmp_path)
    settings = compress_settings("w8a8-ptq", **OPTIONS, synthesize=False)
    build(tmp_path / "out", settings, targets=["import"], steps=COMPRESSION)
    graph = load(tmp_path / "out" / "graph")
    groups = layer_groups(graph)
    weighted = [op.name for op in graph.layers if isinstance(op, Conv | Dense)]
    assert [group[-1] for group in groups] == weighted
    names = [op.name for op in graph.layers]
    assert [name for group in groups for name in group] == names[: names.index(weighted[-1]) + 1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bits": "0,4"}, "--bits is '0,4'. Remedy: give numbers from 1 to 8"),
        ({"bits": "four"}, "--bits is 'four'"),
        ({"bits": ""}, "--bits is ''"),
        ({"lut_budget": -1}, "--lut-budget is -1"),
        ({"bram_budget": float("nan")}, "--bram-budget is nan"),
        ({"mixed_epochs": -1}, "--mixed-epochs is -1"),
    ],
)
def test_refusals(options, said, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    inputs(tmp_path)
    with pytest.raises(InputError) as caught:
        sensitivity_settings(**{**OPTIONS, **options})
    assert said in str(caught.value)


@pytest.mark.long
def test_budget(tmp_path, monkeypatch) -> None:
    """The design of the choice, synthesized, keeps to a budget that eight bits do not."""
    monkeypatch.chdir(tmp_path)
    inputs(tmp_path)
    found = []
    for reserve in (None, 100):
        budget = 10**6 if reserve is None else int(found[0].measured[0]) - reserve
        settings = sensitivity_settings(
            **OPTIONS, bits="2,4,8", lut_budget=budget, multiplier="lut"
        )
        manifest = build(tmp_path / "out", settings, targets=["mixed"], steps=EXPLORATION)
        found.append(from_json(MixedFacts, manifest.records["mixed"].result))
        assert found[-1].measured[0] <= budget
        assert load_recipe(str(tmp_path / "out" / "mixed.toml")).trains()
        document = tomllib.loads((tmp_path / "out" / "mixed.toml").read_text())
        assert f"within {budget:,} LUTs" in document["summary"]
    rows = json.loads((tmp_path / "out" / "sensitivity.json").read_text())["rows"]
    for layer, bits in found[0].bits.items():
        losses = {row["bits"]: row["loss"] for row in rows
                  if (row["layer"], row["part"]) == (layer, "both")}  # fmt: skip
        assert losses[bits] == min(losses.values())
    assert found[1].bits != found[0].bits
    assert found[1].measured[0] < found[0].measured[0]
