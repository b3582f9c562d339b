"""Any function of a narrow integer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir.op import Op, Range, TensorType
from hwcompress.ir.registry import operation
from hwcompress.ir.types import IntType

__all__ = ["MAX_ENTRIES", "Table"]

MAX_ENTRIES = 1 << 16


@operation
@dataclass(frozen=True, eq=False)
class Table(Op):
    """``y = values[c, (x - lo) / step]`` with ``lo`` and ``step`` of ``itype``.

    ``values`` is int64 ``(channels or 1, itype.count)``, at most 65,536
    entries a channel; each belongs to ``otype``. The input's type lies within
    ``itype``. For functions that are neither monotone nor affine: SiLU, GELU,
    hard-swish.
    """

    values: np.ndarray
    itype: IntType
    otype: IntType

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        (source,) = inputs
        shape = self.values.shape
        if self.values.dtype != np.int64 or self.values.ndim != 2:
            raise self.fail(f"values {shape} are not int64 (channels, entries)")
        if shape[0] not in (1, source.channels):
            raise self.fail(f"values {shape} do not have 1 or {source.channels} rows")
        if self.itype.count > MAX_ENTRIES:
            raise self.fail(
                f"a table of {self.itype.count} entries",
                why=f"at most {MAX_ENTRIES} are allowed",
                remedy="quantize its input to fewer bits",
            )
        if shape[1] != self.itype.count:
            raise self.fail(f"{shape[1]} entries for the {self.itype.count} values of {self.itype}")
        if source.dtype.union(self.itype) != self.itype:
            raise self.fail(f"inputs of type {source.dtype} are not all of type {self.itype}")
        if not self.otype.contains(self.values):
            raise self.fail(
                f"entries {self.values.min()}..{self.values.max()} are not all of type {self.otype}"
            )
        return (TensorType(source.shape, self.otype),)

    def rows(self, channels: int) -> np.ndarray:
        """Entries ``(channels, itype.count)``, written out for every channel."""
        return np.broadcast_to(self.values, (channels, self.values.shape[1]))

    def index(self, values: np.ndarray) -> np.ndarray:
        """Position of each integer's entry."""
        return np.asarray((values - self.itype.lo) // self.itype.step)

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        (source,) = inputs
        channels = source.shape[-1]
        return (self.rows(channels)[np.arange(channels), self.index(source)],)

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        (source,) = inputs
        rows = self.rows(source.lo.size)
        first, last = self.index(source.lo), self.index(source.hi)
        reached = [row[a : b + 1] for row, a, b in zip(rows, first, last, strict=True)]
        return (
            Range(
                np.array([part.min() for part in reached], np.int64),
                np.array([part.max() for part in reached], np.int64),
            ),
        )
