"""A killed run goes on after its last whole epoch and gives the same numbers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hwcompress.compress.recipe import Compressed, builtin_recipe, parse_recipe, run_recipe
from hwcompress.compress.recipe.snapshot import snapshot
from hwcompress.errors import InputError
from tests.compress.recipe.killed import RECIPE
from tests.compress.recipe.tiny import tiny_data, tiny_net

ROOT = Path(__file__).resolve().parents[3]


def whole_run(folder: Path) -> tuple[Compressed, list[str]]:
    said: list[str] = []
    recipe = parse_recipe(RECIPE, "kill")
    made = run_recipe(tiny_net(), tiny_data(), recipe, folder=folder, say=said.append)
    return made, said


def test_killed_and_resumed_equals_undisturbed(tmp_path) -> None:
    whole, said = whole_run(tmp_path / "whole")
    assert not any("goes on" in line for line in said)

    words = [sys.executable, "-m", "tests.compress.recipe.killed", str(tmp_path / "cut")]
    victim = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, bufsize=1)
    assert victim.stdout is not None
    for line in victim.stdout:
        if line.startswith("epoch 3 of 5"):
            break
    os.kill(victim.pid, signal.SIGKILL)
    victim.stdout.close()
    assert victim.wait() == -signal.SIGKILL

    made, said = whole_run(tmp_path / "cut")
    assert "goes on after epoch 2 of 2" in said
    assert "goes on after epoch 3 of 5" in said
    assert [line.partition(",")[0] for line in said if line.startswith("epoch")] == [
        "epoch 4 of 5",
        "epoch 5 of 5",
    ]
    expected, found = snapshot(whole.module), snapshot(made.module)
    assert expected.keys() == found.keys()
    assert sum(isinstance(value, torch.Tensor) for value in expected.values()) > 15
    for name, value in expected.items():
        assert np.array_equal(np.asarray(value), np.asarray(found[name])), name
    assert whole.state.memories == made.state.memories
    assert made.state.memories[2]["calls"] == 5 * 4
    # Nothing half-written is left behind, nor a second checkpoint.
    files = sorted(path.name for path in (tmp_path / "cut").rglob("*") if path.is_file())
    assert files == ["train-1.pt", "train-4.pt"]


def test_other_runs_do_not_share_checkpoints(tmp_path) -> None:
    recipe = builtin_recipe("w4a4").with_options("train", epochs=1, batch=96)
    data = tiny_data()
    said: list[str] = []
    for seed, net, chosen in (
        (0, tiny_net(), recipe),
        (1, tiny_net(), recipe),
        (0, tiny_net(1), recipe),
        (0, tiny_net(), recipe.with_options("quantize", act_bits=5)),
    ):
        run_recipe(net, data, chosen, seed=seed, folder=tmp_path, say=said.append)
    assert not any("goes on" in line for line in said)
    assert len(list(tmp_path.iterdir())) == 4
    run_recipe(tiny_net(), data, recipe, folder=tmp_path, say=said.append)
    assert said.count("goes on after epoch 1 of 1") == 1


def test_damaged_checkpoint(tmp_path) -> None:
    recipe = builtin_recipe("w4a4").with_options("train", epochs=1, batch=96)
    run_recipe(tiny_net(), tiny_data(), recipe, folder=tmp_path)
    (file,) = tmp_path.rglob("train-*.pt")
    content = file.read_bytes()
    for damage in (content[: len(content) // 2], b"", b"no checkpoint"):
        file.write_bytes(damage)
        with pytest.raises(InputError, match="damaged checkpoint.*remove it"):
            run_recipe(tiny_net(), tiny_data(), recipe, folder=tmp_path)
