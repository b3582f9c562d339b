"""A memory of constants as logic: what its contents leave of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hwcompress.hls.estimate.shape import Contents

__all__ = ["TableLogic", "logic_of", "peel"]

_INPUTS = 6  # of a LUT
_WORDS = 1 << _INPUTS
_CHANGES = 6  # at most, of a smooth piece; ones or zeros, of one that is nearly constant
_ONES = np.uint64((1 << 64) - 1)


@dataclass(frozen=True, slots=True)
class TableLogic:
    """Registers and LUTs of a table.

    Args:
        registers: columns that differ from word to word and from each other.
        tables: LUTs for columns of up to 64 words.
        pairs: LUTs for columns of up to 128 words, two and a dedicated multiplexer each.
        quads: LUTs for columns of up to 256 words, four each.
        deep: pieces of 64 words, of columns of more words.
        smooth: others that change their value seldom.
    """

    registers: int
    tables: float
    pairs: int = 0
    quads: int = 0
    deep: int = 0
    smooth: int = 0


def logic_of(name: str, width: int, depth: int, contents: Contents) -> TableLogic:
    """The logic of a table; where its contents are unknown, that of random ones.

    A half of a column that is constant becomes a set or reset of its register, if no
    other half is constant with another value; Yosys undoes that where all fits a LUT.
    """
    if depth == 1:
        return TableLogic(0, 0)
    address = (depth - 1).bit_length()
    blocks = -(-depth // _WORDS)
    bits = contents(name, width, depth) if name else None
    if bits is None:
        if address <= _INPUTS + 2:
            size = max(address - _INPUTS, 0)
            return TableLogic(width, *((width << size) * (size == i) for i in range(3)))
        return TableLogic(width, 0, deep=width * blocks)
    columns = _columns(bits, blocks)
    count = len(columns)
    if blocks == 1:
        return TableLogic(count, _small(columns[:, 0], depth, address))
    if address > _INPUTS + 2:
        return _deep(columns)
    whole, controls, peeled = _halved(columns, depth, address)
    sizes = [*peeled, *[address] * whole]
    narrow = sum(size <= _INPUTS for size in sizes)
    middle = sum(size == _INPUTS + 1 for size in sizes)
    return TableLogic(count, narrow + controls, 2 * middle, 4 * (len(sizes) - narrow - middle))


def _deep(columns: np.ndarray) -> TableLogic:
    """Columns of more words than dedicated multiplexers join.

    Equal pieces are one, but for those that are nearly constant: they are not kept as such.
    """
    pieces = columns[(columns != 0) & (columns != _ONES)]
    ones = np.bitwise_count(pieces)
    sparse = np.minimum(ones, _WORDS - ones) <= _CHANGES
    dense = _distinct(pieces[~sparse])
    changes = np.bitwise_count(dense ^ (dense >> np.uint64(1)))
    smooth = int((changes <= _CHANGES).sum())
    return TableLogic(len(columns), 0, deep=len(dense) - smooth + int(sparse.sum()), smooth=smooth)


def _small(columns: np.ndarray, depth: int, address: int) -> float:
    """LUTs of columns of up to 64 words."""
    plain = len(columns) - _wires(columns, depth)
    match address:
        case 1:  # one of the two possible columns is the address, the other its inverse
            return float((columns & np.uint64(1)).any())
        case 2:
            tables, controls = _peeled(columns, depth, address, 2 if depth == 3 else 1)
            return tables + controls
        case 3:
            return min(plain, _peeled(columns, depth, address, 1)[0] + 1)
        case 4:
            return plain
        case _:
            tables, controls = _peeled(columns, depth, address, address)
            return tables + controls


def _peeled(columns: np.ndarray, depth: int, address: int, most: int) -> tuple[int, int]:
    """Tables, and controls of sets and resets, with up to ``most`` constant halves less."""
    half = 1 << (address - 1)
    low_ones = np.uint64((1 << half) - 1)
    high_ones = np.uint64((1 << (depth - half)) - 1)
    low, high = columns & low_ones, columns >> np.uint64(half)
    some = (low == 0) | (low == low_ones) | (high == 0) | (high == high_ones)
    tables = {(address, column) for column in columns[~some].tolist()}
    controls = set()
    for column in columns[some].tolist():
        size, table, control = peel(column, depth, address, most)
        controls.add(control)
        if size:  # else nothing is left of it but its control
            tables.add((size, table))
    wires = (_wires_of(size, depth, address) for size in {size for size, _ in tables})
    return len(tables.difference(*wires)), len(controls)


@lru_cache(maxsize=1024)
def _wires_of(size: int, depth: int, address: int) -> frozenset[tuple[int, int]]:
    """The tables of ``size`` address bits that are one of them."""
    words = depth if size == address else 1 << size
    return frozenset((size, _address_bit(bit, words)) for bit in range(size))


@lru_cache(maxsize=1 << 14)
def peel(column: int, depth: int, size: int, most: int) -> tuple[int, int, frozenset[int]]:
    """A column without constant halves: address bits and table left, and what controls the rest."""
    control: set[int] = set()
    value = None
    while size:
        if column in (0, (1 << depth) - 1):
            size = 0
        if not size or len(control) == most:
            break
        half = 1 << (size - 1)
        low, high = column & ((1 << half) - 1), column >> half
        low_ones, high_ones = (1 << half) - 1, (1 << max(depth - half, 0)) - 1
        if depth <= half:
            size -= 1
        elif high in (0, high_ones) and value in (None, high != 0):
            value, column, depth, size = high != 0, low, half, size - 1
            control.add(2 * size)
        elif low in (0, low_ones) and value in (None, low != 0):
            value, column, depth, size = low != 0, high, depth - half, size - 1
            control.add(2 * size + 1)
        else:
            break
    return size, column, frozenset(control)


def _halved(columns: np.ndarray, depth: int, address: int) -> tuple[int, int, list[int]]:
    """Columns of several blocks: how many have no constant half; controls and sizes of the others.

    The sizes are bits of the address that are left.
    """
    half = 1 << (address - 1 - _INPUTS)
    high_ones = np.full(columns.shape[1] - half, _ONES)
    if depth % _WORDS:
        high_ones[-1] = np.uint64((1 << depth % _WORDS) - 1)
    low, high = columns[:, :half], columns[:, half:]
    some = (
        ~low.any(axis=1) | ~high.any(axis=1) | (low == _ONES).all(axis=1)
        | (high == high_ones).all(axis=1)
    )  # fmt: skip
    tables, controls = set(), set()
    for column in columns[some]:
        word = int.from_bytes(column.astype("<u8").tobytes(), "little")
        size, table, control = peel(word, depth, address, address)
        tables.add((size, table))
        controls.add(control)
    return int((~some).sum()), len(controls), [size for size, _ in tables if size]


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
        columns = _distinct(whole[:, 0])[:, None]
    else:
        columns = np.unique(packed.view(f"V{8 * blocks}")[:, 0]).view("<u8").reshape(-1, blocks)
    ones = np.full(blocks, _ONES)
    if depth % 64:
        ones[-1] >>= np.uint64(64 - depth % 64)
    return np.asarray(columns[columns.any(axis=1) & (columns != ones).any(axis=1)])


def _distinct(numbers: np.ndarray) -> np.ndarray:
    """Ascending; on 64-bit numbers many times faster than NumPy's own."""
    found = np.sort(numbers)
    return np.asarray(found[np.append(True, found[1:] != found[:-1])])


def _wires(columns: np.ndarray, depth: int) -> int:
    """Columns that are a bit of the address."""
    bits = range((depth - 1).bit_length())
    return sum(int((columns == np.uint64(_address_bit(bit, depth))).any()) for bit in bits)


@lru_cache(maxsize=1024)
def _address_bit(bit: int, depth: int) -> int:
    """The column that is a bit of the address."""
    return sum(((place >> bit) & 1) << place for place in range(depth))
