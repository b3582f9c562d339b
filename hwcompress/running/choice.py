"""Samples chosen by their indices: ``0,5,10-20``."""

from __future__ import annotations

import re

import numpy as np

from hwcompress.errors import InputError

__all__ = ["Choice", "parse_choice"]


class Choice:
    """Indices as ranges, so that any number of them takes no memory.

    Args:
        ranges: first and last index of each, ascending and apart; ``None`` for all.
    """

    def __init__(self, ranges: list[tuple[int, int]] | None) -> None:
        self._ranges = ranges

    @property
    def last(self) -> int:
        """The last index that is named, -1 for all samples."""
        return -1 if self._ranges is None else self._ranges[-1][1]

    def within(self, start: int, count: int) -> np.ndarray | slice:
        """Positions of the chosen among ``count`` samples from ``start`` on."""
        if self._ranges is None:
            return slice(count)
        parts = [
            np.arange(max(low - start, 0), min(high - start + 1, count))
            for low, high in self._ranges
            if low < start + count and high >= start
        ]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def parse_choice(text: str) -> Choice:
    """Indices and ranges, separated by commas; empty for all samples.

    Raises:
        InputError: not of this form.
    """
    if not text.strip():
        return Choice(None)
    ranges = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,15})(?:\s*-\s*(\d{1,15}))?\s*", part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise InputError(
                f"--samples has {part!r}", remedy="give indices and ranges, such as 0,5,10-20"
            )
        ranges.append((int(match[1]), int(match[2] or match[1])))
    apart: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if apart and low <= apart[-1][1] + 1:
            apart[-1] = (apart[-1][0], max(apart[-1][1], high))
        else:
            apart.append((low, high))
    return Choice(apart)
