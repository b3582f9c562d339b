"""Adds up comparisons that were made block by block; the first real difference stops the build."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hwcompress.errors import CheckFailed
from hwcompress.report.facts import Check
from hwcompress.sim.diff import Comparison

__all__ = ["Tally", "as_check"]


def as_check(level: str, against: str, scope: str, by: str, seen: Comparison) -> Check:
    """A comparison as a row of the exactness table.

    Raises:
        CheckFailed: an unexplained difference; the first one is named.
    """
    if not seen.exact:
        raise CheckFailed(
            f"{level} and {against} differ: {seen.first}",
            why=f"{seen.mismatches} of {seen.values} integers differ, in"
            f" {seen.mismatched_samples} of {seen.samples} samples, {seen.explained} explained",
            remedy="this is a defect of hwcompress or of one of its tools; please report it",
        )
    return Check(level, against, scope, seen.samples, seen.values, 0, by, seen.mismatches)


class Tally:
    """Rows of the exactness table, in the order in which they were first added."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str], Check] = {}

    def add(
        self,
        level: str,
        against: str,
        scope: str,
        by: str,
        seen: Sequence[Comparison],
        start: int = 0,
    ) -> None:
        """Add comparisons of the same samples, one a tensor or one for all.

        Args:
            level, against, scope, by: as in :class:`Check`.
            seen: the comparisons.
            start: index of their first sample in the whole set.

        Raises:
            CheckFailed: an unexplained difference.
        """
        parts = []
        for comparison in seen:
            if comparison.first is not None and start:
                named = f"{comparison.first} (samples counted from {start})"
                comparison = replace(comparison, first=named)
            parts.append(as_check(level, against, scope, by, comparison))
        if not parts:
            return
        block = replace(
            parts[0],
            values=sum(part.values for part in parts),
            explained=sum(part.explained for part in parts),
        )
        key = (level, against, scope)
        old = self._rows.get(key)
        self._rows[key] = (
            block
            if old is None
            else replace(
                block,
                samples=old.samples + block.samples,
                values=old.values + block.values,
                explained=old.explained + block.explained,
            )
        )

    def checks(self) -> tuple[Check, ...]:
        """The rows."""
        return tuple(self._rows.values())
