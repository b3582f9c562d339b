"""Every step as a plain function."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from hwcompress.compress.recipe.options import Value, build
from hwcompress.compress.recipe.recipe import Recipe
from hwcompress.compress.recipe.registry import override, step_kinds
from hwcompress.compress.recipe.run import run_recipe
from hwcompress.compress.recipe.state import Data

if TYPE_CHECKING:
    from torch import nn

__all__ = ["step_function"]


def step_function(name: str) -> Callable[..., nn.Module]:
    """The function ``name(module, data, *, seed=0, layers=None, **options)`` of a step.

    ``layers`` maps names or patterns of layers to their own options.

    Raises:
        AttributeError: there is no such step.
    """
    kind = step_kinds().get(name.replace("_", "-"))
    if kind is None:
        raise AttributeError(f"module 'hwcompress.compress.recipe' has no attribute {name!r}")

    def run(
        module: nn.Module,
        data: Data,
        *,
        seed: int = 0,
        layers: Mapping[str, Mapping[str, Value]] | None = None,
        **options: Value,
    ) -> nn.Module:
        where = f"step {kind.name!r}"
        made = build(kind, options, where)
        made = dataclasses.replace(
            made,
            layers=tuple(
                override(kind, [match], own, where) for match, own in (layers or {}).items()
            ),
        )
        recipe = Recipe(kind.name, kind.summary, (made,))
        return run_recipe(module, data, recipe, seed=seed).module

    run.__name__ = run.__qualname__ = name
    run.__doc__ = kind.__doc__
    return run
