"""Bytes and bits: what the parts of a packed file are written with and read from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwcompress.errors import InputError

__all__ = [
    "Bits",
    "ByteReader",
    "ByteWriter",
    "bits_of",
    "fixed_bits",
    "read_fixed",
    "word_bits",
]

_BLOCK = 1 << 18  # words that are spread into bits at once


class ByteWriter:
    """Bytes, appended to."""

    def __init__(self) -> None:
        self.data = bytearray()

    def number(self, value: int) -> None:
        """A number from zero on: seven bits a byte, the least first."""
        assert value >= 0
        while value > 0x7F:
            self.data.append(value & 0x7F | 0x80)
            value >>= 7
        self.data.append(value)

    def signed(self, value: int) -> None:
        """Any number: 0, -1, 1, -2, ... as 0, 1, 2, 3, ..."""
        self.number(2 * value if value >= 0 else -2 * value - 1)

    def bits(self, bits: np.ndarray) -> None:
        """Zeros and ones, the first in the highest bit; zeros fill the last byte."""
        self.data += np.packbits(bits).tobytes()


@dataclass(frozen=True, eq=False)
class Bits:
    """Zeros and ones in bytes, the first one highest. A few at a time take a byte each.

    Attributes:
        data: uint8.
        size: how many bits there are.
    """

    data: np.ndarray
    size: int

    def part(self, start: int, stop: int) -> np.ndarray:
        """The bits from ``start`` to before ``stop``, or to the last one, uint8."""
        stop = max(min(stop, self.size), start)
        spread = np.unpackbits(self.data[start // 8 : (stop + 7) // 8])
        return spread[start % 8 : start % 8 + stop - start]

    def at(self, places: np.ndarray) -> np.ndarray:
        """The bits at some places, int64."""
        return (self.data[places >> 3] >> (7 - (places & 7)).astype(np.uint8) & 1).astype(np.int64)


class ByteReader:
    """Bytes, taken from the front.

    Every method raises :class:`InputError` where the bytes end before.
    """

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)
        self.place = 0

    @property
    def left(self) -> int:
        """Bytes not taken yet."""
        return len(self._data) - self.place

    def take(self, count: int) -> memoryview:
        """The next bytes."""
        if count > self.left:
            raise InputError(f"{count} bytes are announced and {self.left} present")
        self.place += count
        return self._data[self.place - count : self.place]

    def number(self) -> int:
        """As :meth:`ByteWriter.number` wrote it, below 2**63."""
        value = 0
        for shift in range(0, 63, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise InputError("a number of more than 63 bits")

    def signed(self) -> int:
        """As :meth:`ByteWriter.signed` wrote it."""
        value = self.number()
        return value >> 1 if value % 2 == 0 else -(value >> 1) - 1

    def bits(self, count: int) -> Bits:
        """Zeros and ones, whose last byte is filled with zeros."""
        data = np.frombuffer(self.take((count + 7) // 8), np.uint8)
        if count % 8 and data[-1] & (0xFF >> count % 8):
            raise InputError("a byte whose unused bits are not zero")
        return Bits(data, count)


def word_bits(words: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Words one after the other as zeros and ones, uint8.

    Args:
        words: ``(n,)`` int64, not negative.
        lengths: bits of each, ``(n,)``, 0 to 63; a word's highest bit comes first.
    """
    parts = [np.zeros(0, np.uint8)]
    for start in range(0, words.size, _BLOCK):
        block, size = words[start : start + _BLOCK], lengths[start : start + _BLOCK]
        ends = np.cumsum(size)
        # Bits that follow each bit within its word.
        after = np.repeat(ends, size) - 1 - np.arange(int(ends[-1]))
        parts.append((np.repeat(block, size) >> after & 1).astype(np.uint8))
    return np.concatenate(parts)


def fixed_bits(values: np.ndarray, width: int) -> np.ndarray:
    """Numbers of ``width`` bits each as zeros and ones."""
    return word_bits(values, np.full(values.size, width, np.int64))


def bits_of(largest: int) -> int:
    """Bits of the numbers from zero to ``largest``."""
    return largest.bit_length()


def read_fixed(bits: Bits, start: int, width: int, count: int) -> np.ndarray:
    """Numbers of ``width`` bits each, the first at bit ``start``, int64 ``(count,)``.

    Raises:
        InputError: there are fewer bits.
    """
    if start + count * width > bits.size:
        raise InputError(f"{count} words of {width} bits in {bits.size - start} bits")
    values = np.zeros(count, np.int64)
    for first in range(0, count if width else 0, _BLOCK):
        many = min(_BLOCK, count - first)
        begin = start + first * width
        rows = bits.part(begin, begin + many * width).reshape(many, width)
        for column in range(width):
            values[first : first + many] = 2 * values[first : first + many] + rows[:, column]
    return values
