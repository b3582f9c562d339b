"""A tensor that is the same for every sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwcompress.ir.op import Op, Range, TensorType
from hwcompress.ir.registry import operation
from hwcompress.ir.types import IntType

__all__ = ["Constant"]


@operation
@dataclass(frozen=True, eq=False)
class Constant(Op):
    """The integers ``values``, int64 of the tensor's shape (channels last), all of type ``dtype``.

    It reads nothing. ``evaluate`` gives a batch of one sample, which holds for
    every sample of a batch.
    """

    values: np.ndarray
    dtype: IntType

    arity: ClassVar[int | None] = 0

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        if self.values.dtype != np.int64 or self.values.ndim == 0 or self.values.size == 0:
            raise self.fail(
                f"values {self.values.dtype} of shape {self.values.shape}"
                " are not int64 with an axis and an element",
                remedy="give an array of the tensor's shape, (1,) for a single number",
            )
        if not self.dtype.contains(self.values):
            raise self.fail(
                f"values {self.values.min()}..{self.values.max()} are not all of type {self.dtype}"
            )
        return (TensorType(self.values.shape, self.dtype),)

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        return (self.values[None],)

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        rows = self.values.reshape(-1, self.values.shape[-1])
        return (Range(rows.min(axis=0), rows.max(axis=0)),)
