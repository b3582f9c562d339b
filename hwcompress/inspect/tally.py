"""Differences between two levels, added up block by block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hwcompress.errors import InputError
from hwcompress.inspect.compare_facts import Agreement, OutputAgreement

__all__ = ["Tally", "Wrong"]


@dataclass(frozen=True, eq=False)
class Wrong:
    """A sample in which a tensor differs, with both levels' integers ``(*shape)``."""

    sample: int
    tensor: str
    theirs: np.ndarray
    ours: np.ndarray


@dataclass
class Tally:
    """One row of the table of agreements.

    ``level``, ``against``, ``scope`` and ``by`` as in :class:`Agreement`. Samples
    with a difference are ``pending`` until :meth:`settle` is told whether they are
    explained; the first of either kind is kept, as ``tie`` and ``fault``.
    """

    level: str
    against: str
    scope: str
    by: str
    samples: int = 0
    exact_samples: int = 0
    pending: list[Wrong] = field(default_factory=list)
    tie: Wrong | None = None
    fault: Wrong | None = None
    _values: dict[str, int] = field(default_factory=dict)
    _mismatches: dict[str, int] = field(default_factory=dict)
    _explained: dict[str, int] = field(default_factory=dict)

    def add(
        self, start: int, theirs: Mapping[str, np.ndarray], ours: Mapping[str, np.ndarray]
    ) -> None:
        """Compare a block: integers ``(n, *shape)`` by tensor, in the order of the graph.

        Raises:
            InputError: shapes differ.
        """
        good: np.ndarray | None = None
        for name, first in theirs.items():
            second = ours[name]
            if first.shape != second.shape:
                raise InputError(
                    f"{self.level} gives {first.shape}, {self.against} {second.shape}",
                    where=f"tensor {name!r}",
                )
            differ = (first != second).reshape(len(first), -1)
            self._values[name] = self._values.get(name, 0) + differ.size
            self._mismatches[name] = self._mismatches.get(name, 0) + int(differ.sum())
            bad = differ.any(axis=1)
            good = ~bad if good is None else good & ~bad
            for row in np.flatnonzero(bad):
                self.pending.append(
                    Wrong(start + int(row), name, first[row].copy(), second[row].copy())
                )
        if good is not None:
            self.samples += len(good)
            self.exact_samples += int(good.sum())

    def settle(self, explained: Sequence[bool]) -> None:
        """Say of every pending sample whether rounding ties explain it; none is pending then."""
        for wrong, tie in zip(self.pending, explained, strict=True):
            if tie:
                count = int((wrong.theirs != wrong.ours).sum())
                self._explained[wrong.tensor] = self._explained.get(wrong.tensor, 0) + count
                self.tie = self.tie or wrong
            else:
                self.fault = self.fault or wrong
        self.pending = []

    @property
    def pending_bytes(self) -> int:
        """Memory that pending samples take."""
        return sum(item.theirs.nbytes + item.ours.nbytes for item in self.pending)

    @property
    def mismatches(self) -> int:
        """All integers that differ."""
        return sum(self._mismatches.values())

    @property
    def unexplained(self) -> int:
        """Those without an explanation."""
        return self.mismatches - sum(self._explained.values())

    def row(self) -> Agreement:
        """What was added up."""
        tensors = tuple(
            OutputAgreement(
                name, count, self._mismatches.get(name, 0), self._explained.get(name, 0)
            )
            for name, count in self._values.items()
        )
        return Agreement(
            self.level,
            self.against,
            self.scope,
            self.samples,
            self.exact_samples,
            sum(self._values.values()),
            self.mismatches,
            sum(self._explained.values()),
            self.by,
            tensors if self.scope == "outputs" else (),
        )
