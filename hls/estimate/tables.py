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
    """

    registers: int
    tables: int
    deep: int


def logic_of(name: str, width: int, depth: int, contents: Contents) -> TableLogic:
    """The logic of a table; where its contents are unknown, that of random ones."""
    bits = contents(name, width, depth) if name else None
    if depth == 1:
        return TableLogic(0, 0, 0)
    if bits is None:
        blocks = -(-depth // (1 << _INPUTS))
        return TableLogic(width, width * blocks, width if depth > 256 else 0)
    columns = np.unique(bits.T, axis=0)
    columns = columns[(columns != columns[:, :1]).any(axis=1)]
    registers = len(columns)
    blocks = -(-depth // (1 << _INPUTS))
    padded = np.zeros((registers, blocks << _INPUTS), np.uint8)
    padded[:, :depth] = columns
    pieces = padded.reshape(-1, min(1 << _INPUTS, padded.shape[1]))
    pieces = np.unique(pieces, axis=0)
    pieces = pieces[(pieces != pieces[:, :1]).any(axis=1)]
    return TableLogic(registers, len(pieces), registers if depth > 256 else 0)
