"""Operations that join, cut and reorder channels (the last axis)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import ClassVar

import numpy as np

from hwcompress.ir.op import Op, Range, TensorType
from hwcompress.ir.registry import operation
from hwcompress.ir.types import IntType

__all__ = ["Concat", "Shuffle", "Split"]


@operation
@dataclass(frozen=True, eq=False)
class Concat(Op):
    """Inputs side by side along the channels; the type is the union of theirs."""

    arity: ClassVar[int | None] = None

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        leading = {source.shape[:-1] for source in inputs}
        if len(leading) > 1:
            shapes = ", ".join(str(source.shape) for source in inputs)
            raise self.fail(f"inputs {shapes} differ in more than their channels")
        channels = sum(source.channels for source in inputs)
        dtype = reduce(IntType.union, (source.dtype for source in inputs))
        return (TensorType((*leading.pop(), channels), dtype),)

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        return (np.concatenate(inputs, axis=-1),)

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        return (
            Range(
                np.concatenate([source.lo for source in inputs]),
                np.concatenate([source.hi for source in inputs]),
            ),
        )


@operation
@dataclass(frozen=True, eq=False)
class Split(Op):
    """Channels cut into consecutive parts of the given ``sizes``."""

    sizes: tuple[int, ...]

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        (source,) = inputs
        if len(self.sizes) < 2 or min(self.sizes) < 1 or sum(self.sizes) != source.channels:
            raise self.fail(
                f"{source.channels} channels cannot be cut into parts of {self.sizes}",
                remedy="give two or more positive sizes whose sum is the number of channels",
            )
        return tuple(TensorType((*source.shape[:-1], size), source.dtype) for size in self.sizes)

    def _cuts(self) -> np.ndarray:
        return np.cumsum(self.sizes)[:-1]

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        return tuple(np.split(inputs[0], self._cuts(), axis=-1))

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        low, high = (np.split(bound, self._cuts()) for bound in (inputs[0].lo, inputs[0].hi))
        return tuple(Range(a, b) for a, b in zip(low, high, strict=True))


@operation
@dataclass(frozen=True, eq=False)
class Shuffle(Op):
    """Channels in another order: ``y[..., i] = x[..., permutation[i]]``."""

    permutation: np.ndarray

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        (source,) = inputs
        order = self.permutation
        if order.dtype != np.int64 or order.ndim != 1:
            raise self.fail(f"permutation {order.shape} is not an int64 vector")
        if not np.array_equal(np.sort(order), np.arange(source.channels)):
            raise self.fail(f"permutation is not one of 0..{source.channels - 1}")
        return (source,)

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        return (inputs[0][..., self.permutation],)

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        (source,) = inputs
        return (Range(source.lo[self.permutation], source.hi[self.permutation]),)
