"""An array of integers in as few bytes as the ways below give.

- **plain**: numbers of one width, from the least value on.
- **values**: a table of the different values and a word for each element
  (:mod:`hwcompress.packing.symbols`): shared weights.
- **gaps**: for arrays of many zeros, relative indices (Han et al., Deep Compression,
  ICLR 2016, section 2): before each element that is not zero the number of zeros since the
  last one, of so many bits; where they do not suffice, a padding zero is put in. Gaps and
  values are a sequence of symbols each.
- **classes**: the number of bits of each element (zigzag) as a symbol, and its bits below the
  highest one as they are: thresholds and biases, whose values hardly repeat.

Elements are taken in memory order, or as first or second differences along the last axis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hwcompress.errors import InputError
from hwcompress.packing.octets import (
    ByteReader,
    ByteWriter,
    bits_of,
    fixed_bits,
    read_fixed,
    word_bits,
)
from hwcompress.packing.symbols import Coded, code_symbols, read_symbols

__all__ = ["INDEX_BITS", "CodedArray", "code_array", "read_array"]

INDEX_BITS = (2, 3, 4, 5, 6, 7, 8)
"""Widths of relative indices that are tried."""

_LARGEST = 1 << 62
_MOST_AXES = 8
_PLAIN, _VALUES, _GAPS, _CLASSES, _REALS = range(5)
_NAMES = ("plain", "values", "gaps", "classes", "reals")
_DIFFERENCES = 3  # none, first, second


@dataclass(frozen=True)
class CodedArray:
    """Bytes of an array, and what they are for.

    Attributes:
        data: all of them.
        way: how they were coded, as the names above.
        table: how many of them are shape, tables of values and lengths of words.
        padding: padding zeros among the relative indices.
    """

    data: bytes
    way: str
    table: int
    padding: int = 0


def code_array(
    array: np.ndarray, *, huffman: bool = True, index_bits: int | None = None
) -> CodedArray:
    """The shortest coding of an array.

    Args:
        array: int64 below 2**62 in magnitude, or float64, which is kept as it is.
        huffman: whether words may have different lengths.
        index_bits: the width of relative indices; the best one by default.

    Raises:
        InputError: another type, larger integers, or a width that is none of
            :data:`INDEX_BITS`.
    """
    if index_bits is not None and index_bits not in INDEX_BITS:
        raise InputError(
            f"relative indices of {index_bits} bits",
            remedy=f"give {INDEX_BITS[0]} to {INDEX_BITS[-1]}",
        )
    if array.ndim > _MOST_AXES:
        raise InputError(f"an array of {array.ndim} axes", why=f"at most {_MOST_AXES} are written")
    if array.dtype == np.float64:
        return _with_head(array, _REALS, 0, Coded(array.astype("<f8").tobytes(), 0))
    if array.dtype != np.int64 or (array.size and not _is_small(array)):
        raise InputError(f"an array of {array.dtype}, or of integers of more than 62 bits")
    flat = array.reshape(-1)
    ways = [_with_head(array, _PLAIN, 0, _plain(flat))]
    for order, values in enumerate(_differences(array)):
        coded = code_symbols(values, huffman=huffman)
        if coded is not None:
            ways.append(_with_head(array, _VALUES, order, coded))
        if huffman:
            ways.append(_with_head(array, _CLASSES, order, _classes(values)))
    if flat.size and np.count_nonzero(flat) < flat.size / 2:
        for width in INDEX_BITS if index_bits is None else (index_bits,):
            found = _gaps(flat, width, huffman)
            if found is not None:
                ways.append(_with_head(array, _GAPS, 0, *found))
    return min(ways, key=lambda way: len(way.data))


def read_array(reader: ByteReader, most: int) -> np.ndarray:
    """The array that :func:`code_array` coded.

    Args:
        most: elements that it may have.

    Raises:
        InputError: the bytes are no such array, or it has more elements.
    """
    order, way = divmod(reader.number(), 8)
    axes = reader.number()
    if way >= len(_NAMES) or order >= _DIFFERENCES or axes > _MOST_AXES:
        raise InputError(f"an array of {axes} axes, coding {way}, order {order}")
    shape = tuple(reader.number() for _ in range(axes))
    size = math.prod(shape)
    if size > most:
        raise InputError(f"an array of shape {shape}", why=f"{most} elements are left at most")
    if way == _REALS:
        return np.frombuffer(reader.take(8 * size), "<f8").astype(np.float64).reshape(shape)
    if way == _PLAIN:
        flat = _read_plain(reader, size)
    elif way == _VALUES:
        flat = read_symbols(reader, size)
    elif way == _GAPS:
        flat = _read_gaps(reader, size)
    else:
        flat = _read_classes(reader, size)
    return _summed(flat.reshape(shape), order)


def _is_small(array: np.ndarray) -> bool:
    return int(array.min()) > -_LARGEST and int(array.max()) < _LARGEST


def _with_head(
    array: np.ndarray, way: int, order: int, coded: Coded, padding: int = 0
) -> CodedArray:
    writer = ByteWriter()
    writer.number(8 * order + way)
    writer.number(array.ndim)
    for length in array.shape:
        writer.number(length)
    head = len(writer.data)
    return CodedArray(bytes(writer.data) + coded.data, _NAMES[way], head + coded.table, padding)


def _differences(array: np.ndarray) -> list[np.ndarray]:
    """The elements as they are, and as differences along the last axis, flat."""
    found = [array.reshape(-1)]
    # Differences of differences must not wrap.
    if array.size and array.ndim and array.shape[-1] > 1 and np.abs(array).max() < _LARGEST >> 3:
        first = np.diff(array, axis=-1, prepend=0)
        second = np.concatenate([first[..., :2], np.diff(first[..., 1:], axis=-1)], axis=-1)
        found += [first.reshape(-1), second.reshape(-1)]
    return found


def _summed(array: np.ndarray, order: int) -> np.ndarray:
    """The elements whose differences these are."""
    if order and (not array.ndim or not array.size):
        raise InputError(f"differences of an array of shape {array.shape}")
    if order == 2:
        array = np.concatenate([array[..., :1], _sum(array[..., 1:])], axis=-1)
    return _sum(array) if order else array


def _sum(array: np.ndarray) -> np.ndarray:
    reach = np.abs(array.astype(np.float64)).sum(axis=-1).max(initial=0.0)
    if reach >= _LARGEST:
        raise InputError("differences whose sum has more than 62 bits")
    return np.cumsum(array, axis=-1)


def _plain(flat: np.ndarray) -> Coded:
    writer = ByteWriter()
    least = int(flat.min()) if flat.size else 0
    width = bits_of(int(flat.max()) - least) if flat.size else 0
    writer.signed(least)
    writer.number(width)
    head = len(writer.data)
    writer.bits(fixed_bits(flat - least, width))
    return Coded(bytes(writer.data), head)


def _read_plain(reader: ByteReader, size: int) -> np.ndarray:
    least, width = reader.signed(), reader.number()
    if width > 63 or abs(least) >= _LARGEST:
        raise InputError(f"numbers of {width} bits from {least} on")
    if not width:
        return np.full(size, least, np.int64)
    values = read_fixed(reader.bits(size * width), 0, width, size)
    if int(values.max(initial=0)) + least >= _LARGEST:
        raise InputError("numbers of more than 62 bits")
    return values + least


def _gaps(flat: np.ndarray, width: int, huffman: bool) -> tuple[Coded, int] | None:
    """Relative indices and values, and how many padding zeros there are."""
    places = np.flatnonzero(flat)
    gaps = np.diff(places, prepend=-1) - 1
    span = 1 << width  # a padding zero stands for so many elements
    pads = gaps // span
    ends = np.cumsum(pads + 1)
    index = np.full(int(ends[-1]) if ends.size else 0, span - 1, np.int64)
    values = np.zeros_like(index)
    index[ends - 1] = gaps % span
    values[ends - 1] = flat[places]
    parts = [code_symbols(item, huffman=huffman) for item in (index, values)]
    if parts[0] is None or parts[1] is None:
        return None
    writer = ByteWriter()
    writer.number(width)
    writer.number(index.size)
    table = len(writer.data) + parts[0].table + parts[1].table
    return Coded(bytes(writer.data) + parts[0].data + parts[1].data, table), int(pads.sum())


def _read_gaps(reader: ByteReader, size: int) -> np.ndarray:
    width, count = reader.number(), reader.number()
    if width not in INDEX_BITS or count > size:
        raise InputError(f"{count} relative indices of {width} bits for {size} elements")
    index, values = read_symbols(reader, count), read_symbols(reader, count)
    if count and not (index.min() >= 0 and index.max() < 1 << width):
        raise InputError(f"a relative index outside 0..{(1 << width) - 1}")
    places = np.cumsum(index + 1) - 1
    if count and int(places[-1]) >= size:
        raise InputError(f"element {int(places[-1])} of {size}")
    flat = np.zeros(size, np.int64)
    flat[places] = values
    return flat


def _classes(flat: np.ndarray) -> Coded:
    zigzag = np.where(flat < 0, -2 * flat - 1, 2 * flat)
    lengths = _bit_lengths(zigzag)
    coded = code_symbols(lengths)
    assert coded is not None
    below = np.maximum(lengths - 1, 0)
    rest = word_bits(zigzag & ((np.int64(1) << below) - 1), below)
    writer = ByteWriter()
    writer.bits(rest)
    return Coded(coded.data + bytes(writer.data), coded.table)


def _bit_lengths(values: np.ndarray) -> np.ndarray:
    """Bits of numbers from zero on; exact, unlike a logarithm."""
    powers = np.int64(1) << np.arange(63)
    return np.searchsorted(powers, values, side="right").astype(np.int64)


def _read_classes(reader: ByteReader, size: int) -> np.ndarray:
    lengths = read_symbols(reader, size)
    if size and not (lengths.min() >= 0 and lengths.max() <= 63):
        raise InputError("a number of more than 63 bits")
    below = np.maximum(lengths - 1, 0)
    bits = reader.bits(int(below.sum()))
    zigzag = (lengths > 0).astype(np.int64)
    ends = np.cumsum(below)
    starts = ends - below
    for place in range(int(below.max(initial=0))):
        longer = np.flatnonzero(below > place)
        zigzag[longer] = 2 * zigzag[longer] + bits.at(starts[longer] + place)
    return np.where(zigzag % 2, -(zigzag >> 1) - 1, zigzag >> 1)
