"""A level of a run: something that computes the integers of a graph's tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hwcompress.errors import CheckFailed, InputError
from hwcompress.samples import Samples

if TYPE_CHECKING:
    from hwcompress.levels.subject import Subject

__all__ = ["LEVELS", "Block", "Level", "LevelKind", "Stopped", "level_kind", "register"]


@dataclass(frozen=True, eq=False)
class Block:
    """Samples that every level is given.

    Attributes:
        start: index of the first one.
        feeds: integers ``(n, *shape)`` of each input of the graph.
        fed: the real samples that a source in floating point sees; ``None`` if no level is one.
    """

    start: int
    feeds: Mapping[str, np.ndarray]
    fed: Samples | None

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(next(iter(self.feeds.values())))


class Level(Protocol):
    """A level, ready to run."""

    @property
    def who(self) -> str:
        """Name for tables."""

    @property
    def by(self) -> str:
        """Package and version."""

    @property
    def real(self) -> bool:
        """As in :class:`LevelKind`."""

    @property
    def tensors(self) -> tuple[str, ...]:
        """Tensors of the graph that it can give, in the order of the graph."""

    def trace(self, block: Block, tensors: Sequence[str]) -> dict[str, np.ndarray]:
        """Integers of the named tensors, int64 ``(n, *shape)``.

        Raises:
            Stopped: the level ended before all samples were done.
            HwcompressError: it cannot run.
        """


class Stopped(CheckFailed):
    """A level ended before all samples were done; ``seen`` holds what it gave until then."""

    def __init__(self, reason: CheckFailed, seen: Mapping[str, np.ndarray]) -> None:
        super().__init__(reason.what, where=reason.where, why=reason.why, remedy=reason.remedy)
        self.seen = dict(seen)


@dataclass(frozen=True)
class LevelKind:
    """A level by name.

    Attributes:
        name: as it is typed.
        title: what it is.
        make: opens it for a model or build.
        real: whether it is the source in floating point, which is fed with real samples and may
            differ by rounding ties.
        compiled: whether a compiler makes it, in the build folder.
        most: how many samples of a graph take about a minute, or ``None`` for any number.
    """

    name: str
    title: str
    make: Callable[[Subject], Level]
    real: bool = False
    compiled: bool = False
    most: Callable[[Subject], int] | None = None


LEVELS: dict[str, LevelKind] = {}
"""Every level, by name."""


def register(kind: LevelKind) -> None:
    """Add a level."""
    if kind.name in LEVELS:
        raise ValueError(f"level {kind.name!r} is registered twice")
    LEVELS[kind.name] = kind


def level_kind(name: str) -> LevelKind:
    """The level of a name.

    Raises:
        InputError: there is none.
    """
    if name not in LEVELS:
        raise InputError(
            f"{name!r} is neither a level nor an .npz dump",
            remedy=f"give a file, or one of {', '.join(LEVELS)}",
        )
    return LEVELS[name]
