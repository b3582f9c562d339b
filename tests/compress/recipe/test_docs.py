"""What docs/compression.md shows works as it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import torch

from hwcompress.compress.recipe import Schedule, State, Step, parse_recipe, run_recipe, step
from hwcompress.compress.train import logits
from tests.compress.recipe.tiny import tiny_data, tiny_net

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "compression.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_recipe() -> None:
    (text,) = blocks("toml")
    recipe = parse_recipe(text.replace("features.*", "conv*").replace("= 30", "= 1"), "docs")
    made = run_recipe(tiny_net(), tiny_data(), recipe).module
    bits = {name: int(made.get_submodule(name).quant_weight().bit_width) for name in
            ("conv1", "conv2", "head")}  # fmt: skip
    assert bits == {"conv1": 8, "conv2": 4, "head": 8}


def test_python(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (text,) = (text for text in blocks("python") if "run_recipe" in text)
    data = tiny_data()
    names = {"module": tiny_net(), "x": data.x, "y": data.y, "Path": Path}
    exec(text.replace('"w4a4")', '"w4a4").with_options("train", epochs=1)'), names)
    assert logits(names["small"], data.x).shape == (192, 3)
    assert logits(names["made"].module, data.x).shape == (192, 3)
    assert list(tmp_path.rglob("train-1.pt"))


def test_the_step() -> None:
    (text,) = (text for text in blocks("python") if "@step" in text)
    names = {
        "step": step, "dataclass": dataclass, "Step": Step, "Schedule": Schedule, "State": State,
        "torch": torch, "__name__": __name__,
    }  # fmt: skip
    exec(text, names)
    recipe = (
        '[[step]]\nname = "clip"\nreach = { start = 1.0, end = 0.05 }\n'
        'layers = [{ match = "head", reach = 0.02 }]\n[[step]]\nname = "train"\nepochs = 2\n'
    )
    made = run_recipe(tiny_net(), tiny_data(), parse_recipe(recipe, "docs")).module
    assert abs(float(made.conv1.weight.detach().abs().max()) - 0.05) < 1e-6
    assert float(made.head.weight.detach().abs().max()) <= 0.02 + 1e-9
