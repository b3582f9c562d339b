"""A memory of constants as logic: what its contents leave of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwcompress.hls.estimate.shape import Contents

__all__ = ["TableLogic", "logic_of"]

_INPUTS = 6  # of a LUT


@dataclass(frozen=True, slots=True)
class TableLogic:
    """Registers and LUTs of a table.

    Args:
        registers: columns that differ from word to word and from each other.
        tables: LUTs that hold up to 64 words of a column, equal ones once.
        deep: columns of more than 256 words: their parts meet in further LUTs.
        rounded: LUTs that a column of more than 64 words takes beyond its words: their
            number goes up to a power of two.
        ragged: columns of more than 192 words whose last LUT is not full.
    """

    registers: int
    tables: float
    deep: int = 0
    rounded: int = 0
    ragged: int = 0


def logic_of(name: str, width: int, depth: int, contents: Contents) -> TableLogic:
    """The logic of a table; where its contents are unknown, that of random ones."""
    if depth == 1:
        return TableLogic(0, 0)
    bits = contents(name, width, depth) if name else None
    blocks = -(-depth // (1 << _INPUTS))
    deep = depth > 256
    rounded = (1 << (blocks - 1).bit_length()) - blocks
    ragged = depth > 192 and depth % (1 << _INPUTS) != 0
    if bits is None:
        return TableLogic(width, width * blocks, width * deep, width * rounded, width * ragged)
    columns = np.unique(bits.T, axis=0)
    columns = columns[(columns != columns[:, :1]).any(axis=1)]
    count = len(columns)
    if depth <= 1 << _INPUTS:
        plain = float(count - _wires(columns))
        if depth == 2:  # one of the two possible columns is the address, the other its inverse
            plain = float((columns[:, 0] == 1).any())
        elif depth <= 4:
            plain = float(_selected(columns))
        elif depth <= 8:
            plain = (plain + _selected(columns)) / 2
        return TableLogic(count, plain)
    padded = np.zeros((count, blocks << _INPUTS), np.uint8)
    padded[:, :depth] = columns
    pieces = np.unique(padded.reshape(-1, 1 << _INPUTS), axis=0)
    pieces = pieces[(pieces != pieces[:, :1]).any(axis=1)]
    return TableLogic(count, len(pieces), count * deep, count * rounded, count * ragged)


def _wires(columns: np.ndarray) -> int:
    """Columns that are a bit of the address."""
    place = np.arange(columns.shape[1])
    return sum(
        int((columns == (place >> bit) & 1).all(axis=1).any())
        for bit in range((columns.shape[1] - 1).bit_length())
    )


def _selected(columns: np.ndarray) -> int:
    """LUTs of short columns: a half that is constant becomes a set or reset of the register.

    What is left of a column is a table; equal ones are one.
    """
    depth = columns.shape[1]
    address = max(1, (depth - 1).bit_length())
    found = set()
    for column in columns:
        table = np.full(1 << address, 2, np.uint8)  # 2: undefined
        table[:depth] = column
        live = list(range(address))
        shaped = table.reshape((2,) * address)
        while live:
            halves = [np.take(shaped, side, axis=len(live) - 1) for side in (0, 1)]
            constant = [len(set(half.ravel().tolist()) - {2}) <= 1 for half in halves]
            if not any(constant):
                break
            shaped = halves[1 if constant[0] else 0]
            live.pop()
        found.add((tuple(live), shaped.tobytes()))
    return len(found)
