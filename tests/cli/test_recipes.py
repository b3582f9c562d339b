"""``recipes``: what there is, and files to start an own one with."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from hwcompress.cli.main import app
from hwcompress.compress.recipe import builtin_names, load_recipe, parse_recipe, step_kinds


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["recipes", *words])
    assert result.exit_code == 0, result.output
    return result.output


def test_lists() -> None:
    said = run()
    assert all(name in said for name in builtin_names())
    found = json.loads(run("--json"))
    assert [item["name"] for item in found["recipes"]] == list(builtin_names())
    steps = {item["name"]: item for item in found["steps"]}
    assert {"quantize", "train"} <= set(steps)
    assert set(step_kinds()) == set(steps)
    assert "weight_bits=8" in steps["quantize"]["options"]
    assert all(item["summary"].endswith(".") for item in found["steps"])


def test_file_of_one() -> None:
    for name in builtin_names():
        assert parse_recipe(run(name), name) == load_recipe(name)
