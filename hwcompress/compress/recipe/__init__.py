"""Compression by recipes: ordered, registered steps, and one training loop for them.

Every step is also a function of this module, its hyphens underscores: ``quantize(module,
data, weight_bits=4, act_bits=4)`` equals a recipe of that one step. See docs/compression.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hwcompress.compress.loop import Batch
from hwcompress.compress.recipe.layers import FIRST, LAST, Override
from hwcompress.compress.recipe.recipe import (
    Recipe,
    builtin_names,
    builtin_recipe,
    load_recipe,
    parse_recipe,
)
from hwcompress.compress.recipe.registry import Step, find_step, step, step_kinds
from hwcompress.compress.recipe.run import Compressed, run_recipe
from hwcompress.compress.recipe.schedule import Schedule
from hwcompress.compress.recipe.state import Data, State

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "FIRST",
    "LAST",
    "Batch",
    "Compressed",
    "Data",
    "Override",
    "Recipe",
    "Schedule",
    "State",
    "Step",
    "builtin_names",
    "builtin_recipe",
    "find_step",
    "load_recipe",
    "parse_recipe",
    "run_recipe",
    "step",
    "step_kinds",
]


def __getattr__(name: str) -> Callable[..., nn.Module]:
    from hwcompress.compress.recipe.calls import step_function

    return step_function(name)
