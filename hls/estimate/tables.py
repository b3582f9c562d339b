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
        ragged: columns of more than 128 words, but not a power of two of them.
    """

    registers: int
    tables: float
    deep: int = 0
    ragged: int = 0


def logic_of(name: str, width: int, depth: int, contents: Contents) -> TableLogic:
    """The logic of a table; where its contents are unknown, that of random ones."""
    if depth == 1:
        return TableLogic(0, 0)
    bits = contents(name, width, depth) if name else None
    blocks = -(-depth // (1 << _INPUTS))
    deep, ragged = depth > 256, depth > 128 and depth & (depth - 1) != 0
    if bits is None:
        return TableLogic(width, width * blocks, width * deep, width * ragged)
    columns = np.unique(bits.T, axis=0)
    columns = columns[(columns != columns[:, :1]).any(axis=1)]
    count = len(columns)
    if depth <= 1 << _INPUTS:
        plain = count - _wires(columns)
        if depth <= 4:
            plain = _selected(columns)
        elif depth <= 8:
            plain = (plain + _selected(columns)) / 2
        return TableLogic(count, plain)
    padded = np.zeros((count, blocks << _INPUTS), np.uint8)
    padded[:, :depth] = columns
    pieces = np.unique(padded.reshape(-1, 1 << _INPUTS), axis=0)
    pieces = pieces[(pieces != pieces[:, :1]).any(axis=1)]
    return TableLogic(count, len(pieces), count * deep, count * ragged)


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
            constant = [bool((half == half.flat[0]).all()) for half in halves]
            if not any(constant):
                break
            shaped = halves[1 if constant[0] else 0]
            live.pop()
        found.add((tuple(live), shaped.tobytes()))
    return len(found)
