"""A memory of constants as logic: what its contents leave of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hwcompress.hls.estimate.shape import Contents

__all__ = ["TableLogic", "logic_of"]

_INPUTS = 6  # of a LUT
_ONES = np.uint64((1 << 64) - 1)


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
    columns = _columns(bits, blocks)
    count = len(columns)
    if depth <= 1 << _INPUTS:
        found = columns[:, 0]
        plain = float(count - _wires(found, depth))
        if depth == 2:  # one of the two possible columns is the address, the other its inverse
            plain = float((found & 1).any())
        elif depth <= 4:
            plain = float(_selected(found, depth))
        elif depth <= 8:
            plain = (plain + _selected(found, depth)) / 2
        return TableLogic(count, plain)
    pieces = np.unique(columns)
    pieces = pieces[(pieces != 0) & (pieces != _ONES)]
    return TableLogic(count, len(pieces), count * deep, count * rounded, count * ragged)


def _columns(bits: np.ndarray, blocks: int) -> np.ndarray:
    """The distinct columns that are not constant, 64 words in one number.

    Args:
        bits: uint8 ``(depth, width)``.
        blocks: pieces of 64 words, the last one filled up with zeros.

    Returns:
        uint64 ``(columns, blocks)``, the first word lowest.
    """
    depth, width = bits.shape
    packed = np.zeros((width, 8 * blocks), np.uint8)
    packed[:, : -(-depth // 8)] = np.packbits(bits, axis=0, bitorder="little").T
    whole = packed.view("<u8")
    if blocks == 1:
        columns = np.unique(whole[:, 0])[:, None]
    else:
        columns = np.unique(packed.view(f"V{8 * blocks}")[:, 0]).view("<u8").reshape(-1, blocks)
    ones = np.full(blocks, _ONES)
    if depth % 64:
        ones[-1] >>= np.uint64(64 - depth % 64)
    return np.asarray(columns[columns.any(axis=1) & (columns != ones).any(axis=1)])


def _wires(columns: np.ndarray, depth: int) -> int:
    """Columns that are a bit of the address."""
    place = np.arange(depth, dtype=np.uint64)
    address = (
        ((place >> np.uint64(bit) & np.uint64(1)) << place).sum()
        for bit in range((depth - 1).bit_length())
    )
    return sum(int((columns == column).any()) for column in address)


def _selected(columns: np.ndarray, depth: int) -> int:
    """LUTs of short columns: what is left of them is a table; equal ones are one."""
    return len({_left_of(int(column), depth) for column in columns})


@lru_cache(maxsize=4096)
def _left_of(column: int, depth: int) -> tuple[tuple[int, ...], bytes]:
    """Address bits and table of a column.

    A half that is constant becomes a set or reset of the register.
    """
    address = max(1, (depth - 1).bit_length())
    table = np.full(1 << address, 2, np.uint8)  # 2: undefined
    table[:depth] = [(column >> place) & 1 for place in range(depth)]
    live = list(range(address))
    shaped = table.reshape((2,) * address)
    while live:
        halves = [np.take(shaped, side, axis=len(live) - 1) for side in (0, 1)]
        constant = [len(set(half.ravel().tolist()) - {2}) <= 1 for half in halves]
        if not any(constant):
            break
        shaped = halves[1 if constant[0] else 0]
        live.pop()
    return tuple(live), shaped.tobytes()
