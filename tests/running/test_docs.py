"""The examples of docs/simulating.md run as they stand, one after the other."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from hwcompress.cli.simulate_command import simulate
from tests.inspect.nets import raw_mlp

PAGE = Path(__file__).resolve().parents[2] / "docs" / "simulating.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(3)
    x = random.normal(0, 1, (600, 4)).astype(np.float32)
    y = random.integers(0, 2, 600)
    raw_mlp(tmp_path).rename(tmp_path / "model.onnx")
    np.savez(tmp_path / "test.npz", x=x, y=y)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"x": x, "y": y, "names": np.array(["left", "right"])}
    examples = blocks("python")
    assert len(examples) == 6
    for number, example in enumerate(examples):
        exec(compile(example, f"example {number}", "exec"), names)
        if number == 1:
            first = names["accuracy"]
    assert "precision" in capsys.readouterr().out
    facts = names["facts"]
    assert facts.score.share == first  # type: ignore[attr-defined]
    assert np.mean(names["shares"]) == pytest.approx(first)  # type: ignore[arg-type]
    assert names["outputs"].shape == (600, 2)  # type: ignore[attr-defined]


def test_options_exist() -> None:
    """Every option that the page names is one of the command."""
    import typer

    app = typer.Typer(add_completion=False)
    app.command()(simulate)
    known = {name for item in typer.main.get_command(app).params for name in item.opts}
    known = {name for name in known if name.startswith("--")}
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"--[a-z][a-z-]+", text))
    assert named - known == set()
    for line in "".join(blocks("sh")).splitlines():
        words = shlex.split(line, comments=True)
        assert words[:2] == ["hwcompress", "simulate"]
        assert {word for word in words if word.startswith("--")} <= known
    elsewhere = {"force", "input-scale", "shape", "weights", "weight-bits", "act-bits"}
    assert known - named == {f"--{name}" for name in elsewhere}
