"""What the bytes of a packed file are for."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ArraySize", "PackedSize"]


@dataclass(frozen=True)
class ArraySize:
    """An array of an operation in a packed file.

    Attributes:
        op: the operation.
        field: which of its arrays.
        elements: of the array.
        nonzero: elements that are not zero.
        values: different values among the elements that are not zero.
        way: how it is coded (:mod:`hwcompress.packing.arrays`).
        table: bytes of its shape, its tables of values and of lengths of words.
        words: bytes of the words.
        padding: padding zeros among its relative indices.
    """

    op: str
    field: str
    elements: int
    nonzero: int
    values: int
    way: str
    table: int
    words: int
    padding: int

    @property
    def total(self) -> int:
        """Its bytes."""
        return self.table + self.words


@dataclass(frozen=True)
class PackedSize:
    """Bytes of a packed file; their sum is the file's size on disk.

    Attributes:
        header: version, length, digest.
        facts: operations, connections, types, scales, names.
        arrays: the arrays, in the order of the file.
    """

    header: int
    facts: int
    arrays: tuple[ArraySize, ...]

    @property
    def total(self) -> int:
        """Bytes of the file."""
        return self.header + self.facts + sum(array.total for array in self.arrays)

    @property
    def tables(self) -> int:
        """Bytes of tables: values, lengths of words, shapes."""
        return sum(array.table for array in self.arrays)

    @property
    def words(self) -> int:
        """Bytes of coded elements."""
        return sum(array.words for array in self.arrays)
