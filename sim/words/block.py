"""The memory of one thread, and where everything lies in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from hwcompress.sim.plan import Rows
from hwcompress.sim.words.plane import Plane
from hwcompress.sim.words.program import Instruction

__all__ = ["Action", "Block", "Job", "Memory", "Work"]


@dataclass(eq=False)
class Block:
    """Memory for some samples.

    Attributes:
        arena: words of all planes, uint32 ``(groups of lanes, rows, lanes)``.
        rows: arrays ``(features, samples)`` by name.
        feeds: samples ``(n, features)`` of this run by input tensor; ``n`` may be smaller
            than the block.
        results: int64 ``(n, features)`` by wanted tensor, to be filled.
    """

    arena: np.ndarray
    rows: dict[str, np.ndarray]
    feeds: dict[str, np.ndarray]
    results: dict[str, np.ndarray]


_Item = TypeVar("_Item", bound=object)

Action = Callable[[Block], None]
# What a job does: an action on rows, or lines of a program on words.
Work = Action | tuple[Instruction, ...]


@dataclass(frozen=True, eq=False)
class Job:
    """One step of a plan: what memory it touches, and its work, made once all has a place.

    ``scratch`` are arrays that nobody else needs.
    """

    label: str
    planes: tuple[Plane, ...]
    rows: tuple[str, ...]
    make: Callable[[], Work]
    scratch: tuple[tuple[str, Rows], ...] = ()


@dataclass(frozen=True)
class Memory:
    """Places: ``words`` rows of words, and ``row_bytes`` bytes of arrays for each sample."""

    words: int
    arrays: dict[str, tuple[int, Rows]]
    row_bytes: int

    @property
    def bytes_per_sample(self) -> int:
        """Of one block."""
        return 4 * max(self.words, 1) + self.row_bytes

    @classmethod
    def placed(cls, jobs: Sequence[Job], kinds: dict[str, Rows]) -> Memory:
        """Give every plane and array a place, used again after its last use.

        Args:
            jobs: in order; their planes are told their first row.
            kinds: of the arrays of rows.
        """
        spans: dict[object, list[int]] = {}
        forms = dict(kinds)
        for index, job in enumerate(jobs):
            for item in (*job.planes, *job.rows):
                spans.setdefault(item, [index, index])[1] = index
            for name, rows in job.scratch:
                spans[name], forms[name] = [index, index], rows
        planes = [item for item in spans if isinstance(item, Plane)]
        names = [item for item in spans if isinstance(item, str)]
        starts, words = _packed({plane: plane.rows for plane in planes}, spans)
        for plane in planes:
            plane.base = starts[plane]
        begins, row_bytes = _packed({name: forms[name].bytes(1) for name in names}, spans, 8)
        return cls(words, {name: (begins[name], forms[name]) for name in names}, row_bytes)

    def block(self, groups: int, lanes: int) -> Block:
        """Memory for ``groups * lanes`` samples."""
        total = groups * lanes
        # Zeros: what no sample has written yet is multiplied by weights of zero.
        arena = np.zeros((groups, max(self.words, 1), lanes), np.uint32)
        memory = np.zeros(self.row_bytes * total, np.uint8)
        rows = {}
        for name, (start, form) in self.arrays.items():
            part = memory[start * total : start * total + form.bytes(total)]
            rows[name] = part.view(form.dtype).reshape(form.features, total)
        return Block(arena, rows, {}, {})


def _packed(
    sizes: dict[_Item, int], spans: dict[object, list[int]], align: int = 1
) -> tuple[dict[_Item, int], int]:
    """First fit of intervals in time and memory, large ones first; starts and the total."""
    starts: dict[_Item, int] = {}
    total = 0
    for item in sorted(sizes, key=lambda item: -sizes[item]):
        first, last = spans[item]
        taken = sorted(
            (starts[other], starts[other] + sizes[other])
            for other in starts
            if spans[other][0] <= last and first <= spans[other][1]
        )
        at = 0
        for low, high in taken:
            if at + sizes[item] <= low:
                break
            at = max(at, -(-high // align) * align)
        starts[item] = at
        total = max(total, at + sizes[item])
    return starts, -(-total // align) * align
