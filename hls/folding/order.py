"""In which order the elements of a tensor leave an operation that only moves them.

Most of these operations work block by block (pixel by pixel for a channel
shuffle, row by row for upsampling): :class:`Order` describes one block.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, singledispatch
from math import gcd, prod

import numpy as np

from hwcompress.ir import Op, Shuffle, TensorType, Transpose, Upsample

__all__ = ["Loop", "Order", "order_of"]

_WIRED_ELEMENTS = 1024  # block up to which it may be permuted within one wide beat


@dataclass(frozen=True, slots=True)
class Loop:
    """``size`` addresses, ``stride`` apart."""

    size: int
    stride: int


@dataclass(frozen=True, eq=False)
class Order:
    """Element ``i`` that leaves a block is element ``index[i]`` of its ``size`` elements.

    ``index`` is int64; it may repeat or leave out elements. No smaller block will do.
    """

    index: np.ndarray
    size: int

    @property
    def is_identity(self) -> bool:
        """Whether everything leaves as it came."""
        return self.size == 1 and self.index.size == 1

    @property
    def is_permutation(self) -> bool:
        """Whether every element leaves once."""
        return self.index.size == self.size and np.unique(self.index).size == self.size

    @property
    def grain(self) -> int:
        """The most elements that always move together: lanes that divide it move whole beats."""
        starts = np.flatnonzero(np.diff(self.index) != 1) + 1
        found = gcd(self.size, self.index.size, int(self.index[0]))
        for values in (starts, self.index[starts]):
            found = gcd(found, int(np.gcd.reduce(values, initial=0)))
        return found

    @property
    def can_be_wired(self) -> bool:
        """Whether a block may be gathered in one beat and permuted by wires."""
        return self.size <= _WIRED_ELEMENTS and self.is_permutation

    def addresses(self, lanes: int) -> np.ndarray:
        """Which beat of the block each beat that leaves is; ``lanes`` divides ``grain``."""
        return self.index[::lanes] // lanes


def smallest(index: np.ndarray, size: int) -> Order:
    """The order with the smallest block that repeats as ``index`` does on ``size`` elements."""
    common = gcd(size, index.size)
    for count in range(common, 0, -1):  # blocks
        if common % count:
            continue
        block = size // count
        rows = index.reshape(count, -1)
        first = rows[0]
        if first.min() < 0 or first.max() >= block:
            continue
        if np.array_equal(rows, first + block * np.arange(count)[:, None]):
            return Order(np.ascontiguousarray(first), block)
    raise AssertionError("the whole is a block of itself")


def loops_of(addresses: np.ndarray) -> tuple[Loop, ...]:
    """Nested loops that give the addresses from the first one on, innermost first.

    They always exist; for an irregular order there are as many as it takes,
    and a loop whose size is not regular ends in a :class:`ValueError`.
    """
    found: list[Loop] = []
    rest = addresses
    while rest.size > 1:
        stride = int(rest[1] - rest[0])
        breaks = np.flatnonzero(np.diff(rest) != stride)
        size = int(breaks[0]) + 1 if breaks.size else rest.size
        if rest.size % size:
            raise ValueError("not a nest of loops")
        rows = rest.reshape(-1, size)
        if not np.array_equal(rows, rows[:, :1] + stride * np.arange(size)):
            raise ValueError("not a nest of loops")
        found.append(Loop(size, stride))
        rest = rows[:, 0]
    return tuple(found) or (Loop(1, 0),)


@singledispatch
def order_of(op: Op, source: TensorType) -> Order:
    """The order of an operation that only moves elements."""
    raise TypeError(f"{op.kind} does more than to move elements")


@order_of.register
def _(op: Shuffle, source: TensorType) -> Order:
    return smallest(op.permutation, source.channels)


@order_of.register
def _(op: Transpose, source: TensorType) -> Order:
    return _transposed(source.shape, op.axes)


@order_of.register
def _(op: Upsample, source: TensorType) -> Order:
    return _upsampled(source.shape, op.factor)


@lru_cache(maxsize=64)
def _transposed(shape: tuple[int, ...], axes: tuple[int, ...]) -> Order:
    kept = 0  # leading axes that stay where they are
    while kept < len(axes) and axes[kept] == kept:
        kept += 1
    inner = shape[kept:]
    size = prod(inner)
    index = np.arange(size, dtype=np.int64).reshape(inner)
    moved = index.transpose([axis - kept for axis in axes[kept:]])
    return smallest(moved.reshape(-1), size)


@lru_cache(maxsize=64)
def _upsampled(shape: tuple[int, ...], factor: tuple[int, int]) -> Order:
    _height, width, channels = shape
    row = np.arange(width * channels, dtype=np.int64).reshape(1, width, channels)
    rows = np.repeat(np.repeat(row, factor[0], axis=0), factor[1], axis=1)
    return smallest(rows.reshape(-1), width * channels)
