"""Runs a recipe on a module."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from hwcompress.compress.kinds import WEIGHTED
from hwcompress.compress.recipe.checkpoint import Store, fingerprint
from hwcompress.compress.recipe.recipe import Recipe
from hwcompress.compress.recipe.registry import Step
from hwcompress.compress.recipe.state import Data, State
from hwcompress.compress.recipe.training import Train
from hwcompress.errors import InputError

__all__ = ["Compressed", "run_recipe"]


@dataclass(frozen=True, eq=False)
class Compressed:
    """What a recipe made.

    Attributes:
        module: ready to be exported, in eval mode.
        notes: what the steps did, for the report.
        state: as the last step left it; steps may keep further results in it.
    """

    module: nn.Module
    notes: tuple[str, ...]
    state: State


def run_recipe(
    module: nn.Module,
    data: Data,
    recipe: Recipe,
    *,
    seed: int = 0,
    folder: Path | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Compressed:
    """Run every step of a recipe on a copy of a module.

    The same start, data, recipe and seed give the same result; also after a kill, if a
    folder is given: trainings go on after their last whole epoch, steps without training
    run again.

    Args:
        module: float, traceable by ``torch.fx``; or what the recipe's steps take. It is not
            changed.
        data: samples for calibration and training.
        recipe: the steps.
        seed: of every random choice.
        folder: for checkpoints, in a subfolder named after all that decides them.
        say: tells what is being done.

    Raises:
        InputError: the data or an option do not fit.
        UnsupportedError: a step cannot deal with a part of the module.
    """
    if recipe.trains() and data.y is None:
        raise InputError(
            "training needs labelled training samples",
            where=recipe.name,
            remedy="give labels (y), or a recipe without 'train'",
        )
    store = None
    if folder is not None:
        store = Store(folder / fingerprint(module, data, recipe.described(), seed)[:16])
    module = copy.deepcopy(module).eval()
    if isinstance(module, WEIGHTED):
        module = nn.Sequential(module)  # so that the layer has a name
    original = copy.deepcopy(module)
    state = State(module, data, seed, original, say=say, steps=recipe.steps)
    recipe.check_layers(state.layer_names)
    active: list[Step] = []
    trained: set[int] = set()
    for index, item in enumerate(recipe.steps):
        # Every step has random numbers of its own: a resumed run skips trainings.
        torch.manual_seed(seed * 1_000_003 + index)
        state.say(f"{item.name} (step {index + 1} of {len(recipe.steps)})")
        if isinstance(item, Train):
            item.run(state, active, lambda step: id(step) not in trained, index, store)
            trained.update(map(id, active))
            continue
        item.check_layers(state)
        state.training_follows = recipe.trains(index)
        item.prepare(state)
        active.append(item)
    for item in active:
        item.finish(state)
    return Compressed(state.module.eval(), tuple(state.notes), state)
