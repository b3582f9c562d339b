"""Canonical Huffman codes of bounded length.

A code is stated by the lengths of its words alone: words of equal length are
consecutive numbers in the order of their symbols, shorter ones come first
(Deflate's convention, RFC 1951, section 3.2.2). The lengths are found by
package-merge (Larmore and Hirschberg 1990), which is optimal among all codes within
the bound, and Huffman's own where the bound does not bind.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hwcompress.errors import InputError
from hwcompress.packing.octets import Bits

__all__ = ["LONGEST", "HuffmanCode", "code_lengths", "entropy"]

LONGEST = 15
"""Longest word in bits: a length fits four bits, and a decoder's table 2**15 entries."""

_BLOCK = 1 << 19  # bits that are looked at at once


def entropy(counts: np.ndarray) -> float:
    """Bits of information in a symbol, for symbols that occur ``counts`` times."""
    present = np.asarray(counts, np.float64)
    share = present[present > 0] / present.sum()
    return float(-(share * np.log2(share)).sum()) + 0.0


def code_lengths(counts: np.ndarray, longest: int = LONGEST) -> np.ndarray:
    """Length of the word of each symbol, ``(n,)`` int64; a lone symbol needs no bits.

    Args:
        counts: how often each symbol occurs, ``(n,)``, all positive.
        longest: bound on the lengths.

    Raises:
        InputError: no symbol, a count that is not positive, or more than ``2**longest``.
    """
    counts = np.asarray(counts, np.int64)
    if counts.ndim != 1 or counts.size == 0 or counts.min() < 1:
        raise InputError(
            f"counts of shape {counts.shape} are no vector of positive numbers",
            remedy="leave symbols out that do not occur",
        )
    if counts.size > 1 << longest:
        raise InputError(f"{counts.size} symbols have no code of {longest} bits at most")
    lengths = np.zeros(counts.size, np.int64)
    if counts.size == 1:
        return lengths
    order = np.argsort(counts, kind="stable")
    weights = counts[order].tolist()
    # Level by level: packages of two from below, merged with the symbols. Of each package only
    # its weight and whether it is a symbol are kept; the symbols that a level takes are then
    # always its lightest.
    levels: list[list[bool]] = []
    below: list[int] = []
    for _ in range(longest):
        packages = [below[i] + below[i + 1] for i in range(0, len(below) - 1, 2)]
        merged, is_symbol = _merge(weights, packages)
        levels.append(is_symbol)
        below = merged
    take = 2 * counts.size - 2
    ranked = np.zeros(counts.size, np.int64)
    for is_symbol in reversed(levels):
        symbols = sum(is_symbol[:take])
        ranked[:symbols] += 1
        take = 2 * (take - symbols)
    lengths[order] = ranked
    return lengths


def _merge(symbols: list[int], packages: list[int]) -> tuple[list[int], list[bool]]:
    """Both ascending lists as one, and which elements are symbols (first where equal)."""
    merged: list[int] = []
    flags: list[bool] = []
    i = j = 0
    while i < len(symbols) or j < len(packages):
        if j == len(packages) or (i < len(symbols) and symbols[i] <= packages[j]):
            merged.append(symbols[i])
            flags.append(True)
            i += 1
        else:
            merged.append(packages[j])
            flags.append(False)
            j += 1
    return merged, flags


@dataclass(frozen=True, eq=False)
class HuffmanCode:
    """The canonical code of ``lengths``, for symbols ``0 ... n - 1``.

    Attributes:
        lengths: bits of each word, ``(n,)`` int64 in 1..15; ``(0,)`` for a lone symbol.

    Raises:
        InputError: the lengths are no complete prefix code.
    """

    lengths: np.ndarray

    def __post_init__(self) -> None:
        lengths = self.lengths
        if lengths.size == 1 and lengths[0] == 0:
            return
        inside = lengths.size > 1 and lengths.min() >= 1 and lengths.max() <= LONGEST
        if not inside or int((1 << (LONGEST - lengths)).sum()) != 1 << LONGEST:
            raise InputError(
                "lengths that are no complete prefix code", why=f"of {lengths.size} symbols"
            )

    @classmethod
    def for_counts(cls, counts: np.ndarray) -> HuffmanCode:
        """The optimal code for symbols that occur so often, all at least once."""
        return cls(code_lengths(counts))

    @cached_property
    def words(self) -> np.ndarray:
        """The words as numbers, ``(n,)`` int64; the first bit is the most significant one."""
        order = np.lexsort((np.arange(self.lengths.size), self.lengths))
        longest = int(self.lengths.max())
        # A word is where its interval of the unit interval starts.
        spans = np.int64(1) << (longest - self.lengths[order])
        starts = np.cumsum(spans) - spans
        words = np.zeros(self.lengths.size, np.int64)
        words[order] = starts >> (longest - self.lengths[order])
        return words

    def mean_length(self, counts: np.ndarray) -> float:
        """Bits of a symbol on average, for symbols that occur so often."""
        return float((self.lengths * counts).sum() / np.sum(counts))

    @cached_property
    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        """Symbol and length for every pattern of as many bits as the longest word has."""
        order = np.lexsort((np.arange(self.lengths.size), self.lengths))
        spans = np.int64(1) << (int(self.lengths.max()) - self.lengths[order])
        symbols = np.repeat(order, spans)
        return symbols, self.lengths[symbols]

    def decode(self, bits: Bits, start: int, count: int) -> tuple[np.ndarray, int]:
        """Symbols from bits.

        Args:
            bits: words one after the other.
            start: where the first word begins.
            count: how many symbols.

        Returns:
            The symbols ``(count,)`` int64, and where the next bit lies.

        Raises:
            InputError: the bits end before.
        """
        if self.lengths.size == 1:
            return np.zeros(count, np.int64), start
        if count > bits.size - start:
            raise InputError(f"{count} words in {bits.size - start} bits")
        symbol_of, length_of = self._table
        longest = int(self.lengths.max())
        found: list[np.ndarray] = []
        while count:
            size = min(_BLOCK, bits.size - start)
            if size <= 0:
                raise InputError("the bits end before the last word")
            block = np.zeros(size + longest, np.int64)
            present = bits.part(start, start + size + longest)
            block[: present.size] = present
            windows = np.zeros(size, np.int64)
            for i in range(longest):
                windows = 2 * windows + block[i : i + size]
            # Where a word would end, for every place at which one could begin.
            after = (np.arange(size) + length_of[windows]).tolist()
            places, place = [], 0
            while place < size and count:
                places.append(place)
                place = after[place]
                count -= 1
            found.append(symbol_of[windows[places]])
            start += place
            if start > bits.size:
                raise InputError("the bits end within a word")
        return np.concatenate(found) if found else np.zeros(0, np.int64), start
