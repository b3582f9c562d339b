"""The recipes and steps that there are, as plain values."""

from __future__ import annotations

import dataclasses

from hwcompress.compress.recipe import builtin_names, builtin_recipe, step_kinds
from hwcompress.compress.recipe.options import option_names, plain_value
from hwcompress.compress.recipe.recipe import builtin_text

__all__ = ["BEGIN", "END", "listing", "page", "recipe_text"]

BEGIN = "<!-- written by scripts/compression_page.py: begin -->"
END = "<!-- end -->"


def listing() -> dict[str, list[dict[str, str]]]:
    """``recipes`` and ``steps``, each with name and summary."""
    recipes = []
    for name in builtin_names():
        recipe = builtin_recipe(name)
        names = ", ".join(step.name for step in recipe.steps)
        recipes.append({"name": name, "steps": names, "summary": recipe.summary})
    steps = []
    for name, kind in step_kinds().items():
        defaults = {item.name: item for item in dataclasses.fields(kind)}
        options = [_option(defaults[key]) for key in option_names(kind)]
        steps.append({"name": name, "summary": kind.summary, "options": ", ".join(options)})
    return {"recipes": recipes, "steps": steps}


def _option(item: dataclasses.Field[object]) -> str:
    if item.default is dataclasses.MISSING:
        return item.name if item.default_factory is dataclasses.MISSING else f"{item.name}=..."
    return f"{item.name}={plain_value(item.default)}"


def page(text: str) -> str:
    """A page with its part between :data:`BEGIN` and :data:`END` written anew: the tables of
    recipes and steps."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    found = listing()
    lines = ["| recipe | steps | what it gives |", "|---|---|---|"]
    lines += [f"| `{x['name']}` | {x['steps']} | {x['summary']} |" for x in found["recipes"]]
    lines += ["", "| step | what it does | options |", "|---|---|---|"]
    lines += [f"| `{x['name']}` | {x['summary']} | {_code(x['options'])} |" for x in found["steps"]]
    return "\n".join([before + BEGIN, "", *lines, "", END + after])


def _code(options: str) -> str:
    return f"`{options}`" if options else ""


def recipe_text(name: str) -> str:
    """The file of a recipe that comes with hwcompress.

    Raises:
        InputError: there is none of that name.
    """
    return builtin_text(name)
