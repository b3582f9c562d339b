"""Recipes: ordered steps, read from TOML."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hwcompress.compress.recipe.layers import FIRST, LAST, matched
from hwcompress.compress.recipe.options import (
    Value,
    build,
    converted,
    option_names,
    plain_value,
)
from hwcompress.compress.recipe.registry import Step, find_step, override
from hwcompress.errors import InputError

__all__ = [
    "Recipe",
    "builtin_names",
    "builtin_recipe",
    "builtin_text",
    "load_recipe",
    "parse_recipe",
]

_BUILTIN = Path(__file__).with_name("builtin")
_SUFFIX = ".toml"
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Recipe:
    """What is done to a module, in order.

    Attributes:
        name: for titles.
        summary: one line.
        steps: at least one.
    """

    name: str
    summary: str
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if not self.steps:
            raise InputError("a recipe without a step", where=self.name, remedy="add [[step]]")

    @property
    def names_layers(self) -> bool:
        """Whether a step means some layers by their names."""
        patterns = {text for item in self.steps for part in item.layers for text in part.match}
        return bool(patterns - {FIRST, LAST})

    def trains(self, after: int = -1) -> bool:
        """Whether a ``train`` step that trains comes after a step, by its index."""
        return any(item.name == "train" and item.epochs for item in self.steps[after + 1 :])  # type: ignore[attr-defined]

    def check_layers(self, names: Sequence[str]) -> None:
        """Refuse patterns that mean no layer, as far as that can be told before anything runs.

        Args:
            names: of the module's layers with weights, in order.

        Raises:
            InputError: one does.
        """
        for item in self.steps:
            for part in item.layers:
                matched(part.match, names, item.where)
            if item.renames_layers:
                return

    def described(self) -> str:
        """The recipe as canonical JSON: two that mean the same have the same."""
        steps = []
        for item in self.steps:
            options = {key: plain_value(getattr(item, key)) for key in option_names(type(item))}
            layers = [
                {"match": list(part.match)}
                | {key: plain_value(value) for key, value in part.options.items()}
                for part in item.layers
            ]
            steps.append({"name": item.name, **options, "layers": layers})
        return json.dumps(steps, sort_keys=True)

    def with_options(self, name: str, **options: Value) -> Recipe:
        """The recipe with other options in every step of that name.

        Raises:
            InputError: it has no such step, or the step no such option.
        """
        if all(item.name != name for item in self.steps):
            raise InputError(f"recipe {self.name!r} has no step {name!r}")
        steps = tuple(
            _replaced(item, converted(type(item), options, item.where))
            if item.name == name
            else item
            for item in self.steps
        )
        return dataclasses.replace(self, steps=steps)


def _replaced(item: Step, options: Mapping[str, Value]) -> Step:
    return dataclasses.replace(item, **options)


def parse_recipe(text: str, name: str, where: str = "") -> Recipe:
    """A recipe from TOML text.

    Args:
        text: tables ``[[step]]``, each with ``name``, the step's options, and perhaps
            ``layers``, a list of tables with ``match`` and other options; ``summary`` on top.
        name: of the recipe, unless the text has one.
        where: how messages name the text.

    Raises:
        InputError: what is wrong, with the step.
    """
    where = where or f"recipe {name!r}"
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError("this is no TOML", where=where, why=str(error)) from error
    unknown = sorted(set(document) - {"name", "summary", "step"})
    if unknown:
        raise InputError(
            f"unknown key {unknown[0]!r}",
            where=where,
            remedy="a recipe has name, summary and tables [[step]]",
        )
    tables = document.get("step", [])
    if not isinstance(tables, list) or not all(isinstance(item, dict) for item in tables):
        raise InputError("'step' is no list of tables", where=where, remedy="write [[step]]")
    for key in ("name", "summary"):
        if not isinstance(document.get(key, ""), str):
            raise InputError(f"{key} is {document[key]!r}", where=where, remedy="give a text")
    steps = tuple(_step(table, index, where) for index, table in enumerate(tables, 1))
    return Recipe(document.get("name", name), document.get("summary", ""), steps)


def _step(table: Mapping[str, Value], index: int, where: str) -> Step:
    place = f"{where}, step {index}"
    name = table.get("name")
    if not isinstance(name, str):
        raise InputError("the step has no name", where=place, remedy='write name = "quantize"')
    kind = find_step(name, place)
    place = f"{place} ({name})"
    options = {key: value for key, value in table.items() if key not in ("name", "layers")}
    made = build(kind, options, place)
    layers = table.get("layers", [])
    if not isinstance(layers, list) or not all(isinstance(item, dict) for item in layers):
        raise InputError("'layers' is no list of tables", where=place)
    return dataclasses.replace(
        made, layers=tuple(override(kind, *_parts(item, place), place) for item in layers)
    )


def _parts(table: Mapping[str, Value], place: str) -> tuple[Sequence[str], Mapping[str, Value]]:
    """Patterns and options of an override."""
    match = table.get("match", [])
    match = [match] if isinstance(match, str) else match
    if not match or not isinstance(match, list) or not all(isinstance(x, str) for x in match):
        raise InputError(
            "an entry of 'layers' without 'match'",
            where=place,
            remedy='write match = "conv1", match = ["@first", "@last"] or a pattern such as "fc*"',
        )
    return match, {key: value for key, value in table.items() if key != "match"}


def builtin_names() -> tuple[str, ...]:
    """The recipes that come with hwcompress."""
    return tuple(sorted(path.stem for path in _BUILTIN.glob(f"*{_SUFFIX}")))


def builtin_recipe(name: str) -> Recipe:
    """A recipe that comes with hwcompress.

    Raises:
        InputError: there is none of that name.
    """
    return parse_recipe(builtin_text(name), name)


def builtin_text(name: str) -> str:
    """The file of a recipe that comes with hwcompress.

    Raises:
        InputError: there is none of that name.
    """
    if name not in builtin_names():
        raise InputError(
            f"there is no recipe {name!r}",
            remedy=f"give a file {_SUFFIX}, or one of {', '.join(builtin_names())}",
        )
    return (_BUILTIN / f"{name}{_SUFFIX}").read_text(encoding="utf-8")


def load_recipe(text: str) -> Recipe:
    """A recipe by its file, or its name.

    Raises:
        InputError: there is none, or it is wrong.
    """
    if not text.lower().endswith(_SUFFIX):
        return builtin_recipe(text)
    path = Path(text)
    if not path.is_file():
        raise InputError(f"there is no recipe file {text!r}")
    if path.stat().st_size > _MOST_BYTES:
        raise InputError("a recipe of more than 1 MB", where=text)
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("the recipe cannot be read", where=text, why=str(error)) from error
    return parse_recipe(content, path.stem, text)
