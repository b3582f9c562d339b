"""Operations that move integers without changing them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir.op import Op, Range, TensorType
from hwcompress.ir.registry import operation
from hwcompress.ir.types import IntType

__all__ = ["ArgMax", "Reshape", "TopK"]


@operation
@dataclass(frozen=True, eq=False)
class Reshape(Op):
    """Same elements, same order (last axis fastest), another shape."""

    shape: tuple[int, ...]

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        (source,) = inputs
        target = TensorType(self.shape, source.dtype)
        if min(self.shape, default=0) < 1 or target.size != source.size:
            raise self.fail(f"{source.shape} cannot become {self.shape}")
        return (target,)

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        return (inputs[0].reshape(inputs[0].shape[0], *self.shape),)

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        (source,) = inputs
        channels, before = self.shape[-1], source.lo.size
        if channels % before == 0:  # rows of channels are laid end to end
            times = channels // before
            return (Range(np.tile(source.lo, times), np.tile(source.hi, times)),)
        return (
            Range(
                np.full(channels, source.lo.min(), np.int64),
                np.full(channels, source.hi.max(), np.int64),
            ),
        )


@operation
@dataclass(frozen=True, eq=False)
class ArgMax(Op):
    """Index of the largest element of a vector ``(K,)``, the first one on a tie: ``(1,)``."""

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        (source,) = inputs
        if len(source.shape) != 1:
            raise self.fail(f"needs a vector, got {source.shape}", remedy="put a Reshape before it")
        return (TensorType((1,), IntType(0, source.shape[0] - 1)),)

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        return (np.argmax(inputs[0], axis=-1)[..., None].astype(np.int64),)

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        zero = np.zeros(1, np.int64)
        return (Range(zero, zero + inputs[0].lo.size - 1),)


@operation
@dataclass(frozen=True, eq=False)
class TopK(Op):
    """Indices of the ``k`` largest elements of a vector ``(K,)``, largest first: ``(k,)``.

    Of equal elements the one with the lower index comes first.
    """

    k: int

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        (source,) = inputs
        if len(source.shape) != 1:
            raise self.fail(f"needs a vector, got {source.shape}", remedy="put a Reshape before it")
        if not isinstance(self.k, int) or not 1 <= self.k <= source.shape[0]:
            raise self.fail(f"k = {self.k} of {source.shape[0]} elements")
        return (TensorType((self.k,), IntType(0, source.shape[0] - 1)),)

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        order = np.argsort(-inputs[0], axis=-1, kind="stable")
        return (order[..., : self.k].astype(np.int64),)

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        zero = np.zeros(self.k, np.int64)
        return (Range(zero, zero + inputs[0].lo.size - 1),)
