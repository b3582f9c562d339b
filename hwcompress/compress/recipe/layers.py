"""Which layers an override means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from hwcompress.compress.recipe.options import Value
from hwcompress.errors import InputError

__all__ = ["FIRST", "LAST", "Override", "matched"]

FIRST, LAST = "@first", "@last"
"""The first and the last layer with weights, whatever they are called."""


@dataclass(frozen=True)
class Override:
    """Other options of a step for some layers.

    Attributes:
        match: names or patterns of layers (``conv1``, ``features.*``, ``*fc?``), or
            :data:`FIRST`, :data:`LAST`.
        options: by their names; values as the step's own fields.
    """

    match: tuple[str, ...]
    options: dict[str, Value] = field(default_factory=dict, hash=False)


def matched(patterns: Sequence[str], names: Sequence[str], where: str) -> tuple[str, ...]:
    """The layers that some patterns mean, in order.

    Raises:
        InputError: a pattern means none; so it is a mistake.
    """
    found: set[str] = set()
    for pattern in patterns:
        if pattern in (FIRST, LAST):
            hits = {names[0 if pattern == FIRST else -1]} if names else set()
        else:
            hits = {name for name in names if fnmatchcase(name, pattern)}
        if not hits:
            known = ", ".join(names) if names else "none"
            raise InputError(
                f"no layer is called {pattern!r}",
                where=where,
                remedy=f"the layers with weights are {known}; {FIRST} and {LAST} are two of them",
            )
        found |= hits
    return tuple(name for name in names if name in found)
