"""Runs a recipe in a process that the test kills: ``python -m ... FOLDER``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch

import tests.compress.recipe.probes  # noqa: F401  (registers steps)
from hwcompress.compress.recipe import parse_recipe, run_recipe
from tests.compress.recipe.tiny import tiny_data, tiny_net

__all__ = ["RECIPE", "main"]

# Learned scales, momentum, random moves, memories and noise: all of it must come back.
RECIPE = """
[[step]]
name = "test-draw"
[[step]]
name = "train"
epochs = 2
batch = 48
[[step]]
name = "test-watch"
[[step]]
name = "quantize"
weight_bits = 3
act_bits = 3
[[step]]
name = "train"
epochs = 5
batch = 48
shift = 1
"""


def main(folder: str) -> None:
    """Run, tell every epoch, and wait for the end after the third one."""
    torch.set_num_threads(1)

    def say(text: str) -> None:
        print(text, flush=True)
        if text.startswith("epoch 3 of 5"):
            time.sleep(600)

    recipe = parse_recipe(RECIPE, "kill")
    run_recipe(tiny_net(), tiny_data(), recipe, folder=Path(folder), say=say)


if __name__ == "__main__":
    main(sys.argv[1])
