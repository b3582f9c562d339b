"""A sequence of integers of few different values, as a table of them and a code word each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwcompress.errors import InputError
from hwcompress.packing.huffman import HuffmanCode
from hwcompress.packing.octets import (
    ByteReader,
    ByteWriter,
    bits_of,
    fixed_bits,
    read_fixed,
    word_bits,
)

__all__ = ["MOST_SYMBOLS", "Coded", "code_symbols", "read_symbols"]

MOST_SYMBOLS = 4096
"""Different values that a table may hold."""

_LENGTH_BITS = 4
_FIXED, _HUFFMAN = 0, 1


@dataclass(frozen=True)
class Coded:
    """Bytes of a sequence, and what they are for.

    Attributes:
        data: all of them.
        table: how many of them are counts, values and lengths of the words.
    """

    data: bytes
    table: int

    @property
    def words(self) -> int:
        """Bytes of the words themselves."""
        return len(self.data) - self.table


def code_symbols(values: np.ndarray, *, huffman: bool = True) -> Coded | None:
    """Code a sequence, if its values are few enough.

    Args:
        values: ``(n,)`` int64.
        huffman: with Huffman's words where that is shorter; else with words of one length.
    """
    if not values.size:
        return Coded(b"\0", 1)
    symbols, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    reach = int(symbols[-1]) - int(symbols[0])
    if symbols.size > MOST_SYMBOLS or reach >= 1 << 62:
        return None
    ways = [_coded(symbols, index, None)]
    if huffman:
        ways.append(_coded(symbols, index, HuffmanCode.for_counts(counts)))
    return min(ways, key=lambda way: len(way.data))


def _coded(symbols: np.ndarray, index: np.ndarray, code: HuffmanCode | None) -> Coded:
    writer = ByteWriter()
    writer.number(2 * symbols.size + (_FIXED if code is None else _HUFFMAN))
    writer.signed(int(symbols[0]))
    # Ascending values: the steps between them, less one.
    steps = np.diff(symbols) - 1
    width = bits_of(int(steps.max(initial=0)))
    writer.number(width)
    table = fixed_bits(steps, width)
    if code is None:
        widths = np.full(symbols.size, bits_of(symbols.size - 1), np.int64)
        words = np.arange(symbols.size)
    else:
        widths, words = code.lengths, code.words
        if symbols.size > 1:
            table = np.concatenate([table, fixed_bits(widths, _LENGTH_BITS)])
    writer.bits(table)
    head = len(writer.data)
    if int(widths.max()):
        spread = word_bits(words[index], widths[index])
        writer.number(spread.size)
        head = len(writer.data)
        writer.bits(spread)
    return Coded(bytes(writer.data), head)


def read_symbols(reader: ByteReader, count: int) -> np.ndarray:
    """The sequence that :func:`code_symbols` coded, int64 ``(count,)``.

    Args:
        count: its length; the caller has compared it with what may be allocated.

    Raises:
        InputError: the bytes are no such sequence.
    """
    size, kind = divmod(reader.number(), 2)
    if not size:
        if count:
            raise InputError(f"no table for {count} values")
        return np.zeros(0, np.int64)
    if size > MOST_SYMBOLS or size > max(count, 1):
        raise InputError(f"a table of {size} values for a sequence of {count}")
    first, width = reader.signed(), reader.number()
    if width > 62 or abs(first) >= 1 << 62:
        raise InputError(f"values of {width} bits from {first} on")
    lengths_at = (size - 1) * width
    huffman = kind == _HUFFMAN and size > 1
    table = reader.bits(lengths_at + (size * _LENGTH_BITS if huffman else 0))
    symbols = np.full(size, first, np.int64)
    if width:
        steps = read_fixed(table, 0, width, size - 1)
        if float(steps.sum(dtype=np.float64)) + size > 1 << 62:
            raise InputError("values of more than 62 bits")
        symbols[1:] += np.cumsum(steps + 1)
    else:
        symbols += np.arange(size)
    if size == 1:
        return np.full(count, symbols[0])
    bits = reader.bits(_announced(reader))
    if huffman:
        code = HuffmanCode(read_fixed(table, lengths_at, _LENGTH_BITS, size))
        index, end = code.decode(bits, 0, count)
    else:
        width = bits_of(size - 1)
        end = count * width
        index = read_fixed(bits, 0, width, count)
        if count and int(index.max()) >= size:
            raise InputError(f"word {int(index.max())} of a table of {size} values")
    if end != bits.size:
        raise InputError(f"{bits.size - end} bits after the last word")
    return symbols[index]


def _announced(reader: ByteReader) -> int:
    """A number of bits, not more than there are."""
    count = reader.number()
    if count > 8 * reader.left:
        raise InputError(f"{count} bits are announced and {8 * reader.left} present")
    return count
