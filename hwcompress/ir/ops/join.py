"""Operations on several tensors, element by element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwcompress.ir.op import Op, Range, TensorType
from hwcompress.ir.ops.linear import sum_bounds, type_of_range
from hwcompress.ir.registry import operation
from hwcompress.ir.types import LIMIT

__all__ = ["Add", "Mul"]


@operation
@dataclass(frozen=True, eq=False)
class Add(Op):
    """``y[..., c] = sum_i multipliers[i, c] * x_i[..., c]`` for inputs of one shape.

    ``multipliers`` is int64 ``(inputs, channels or 1)``: two branches with
    scales ``a`` and ``b`` add exactly where ``a : b`` is a ratio of integers.
    The output type is the exact interval over all channels.
    """

    multipliers: np.ndarray

    arity: ClassVar[int | None] = None

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shapes = {source.shape for source in inputs}
        if len(shapes) > 1:
            raise self.fail(f"inputs of shapes {', '.join(map(str, sorted(shapes)))}")
        (shape,) = shapes
        rows = self.multipliers
        if rows.dtype != np.int64 or rows.ndim != 2 or rows.shape[1] not in (1, shape[-1]):
            raise self.fail(f"multipliers {rows.shape} are not int64 (inputs, 1 or {shape[-1]})")
        if rows.shape[0] != len(inputs):
            raise self.fail(f"{rows.shape[0]} rows of multipliers for {len(inputs)} inputs")
        (bounds,) = self.ranges([Range.of_type(source.dtype, shape[-1]) for source in inputs])
        return (TensorType(shape, type_of_range(bounds)),)

    def rows(self, channels: int) -> np.ndarray:
        """Multipliers ``(inputs, channels)``, written out for every channel."""
        return np.broadcast_to(self.multipliers, (self.multipliers.shape[0], channels))

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        total = inputs[0] * self.multipliers[0]
        for values, factor in zip(inputs[1:], self.multipliers[1:], strict=True):
            total = total + values * factor
        return (total,)

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        rows = self.rows(inputs[0].lo.size)
        low = np.stack([source.lo for source in inputs], axis=1)  # (channels, inputs)
        high = np.stack([source.hi for source in inputs], axis=1)
        return (sum_bounds(self, rows.T, None, low, high),)


@operation
@dataclass(frozen=True, eq=False)
class Mul(Op):
    """``y = x * gate``: inputs of one shape, or a gate of one element per channel.

    A per-channel gate has shape ``(C,)`` or ``(1, ..., 1, C)`` and holds for
    every position of ``x``. The output interval is that of the product of
    both types, in {-1, +1} again if both are bipolar.
    """

    arity: ClassVar[int | None] = 2

    def broadcast(self, inputs: Sequence[TensorType]) -> bool:
        """Whether the gate holds for every position.

        Raises:
            GraphError: the shapes do not fit.
        """
        source, gate = inputs
        if source.shape == gate.shape:
            return False
        if gate.size == gate.channels == source.channels:
            return True
        raise self.fail(
            f"a gate of shape {gate.shape} does not fit {source.shape}",
            remedy=f"give it one element per channel, ({source.channels},)",
        )

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        self.broadcast(inputs)
        source, gate = inputs
        (bounds,) = self.ranges([Range.of_type(kind.dtype, 1) for kind in inputs])
        if source.dtype.is_bipolar and gate.dtype.is_bipolar:
            return (TensorType(source.shape, source.dtype),)
        return (TensorType(source.shape, type_of_range(bounds)),)

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        source, gate = inputs
        if source.shape != gate.shape:
            ones = (1,) * (source.ndim - 2)
            gate = gate.reshape(gate.shape[0], *ones, gate.shape[-1])
        return (source * gate,)

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        source, gate = inputs
        peak = float(max(np.abs(source.lo).max(), np.abs(source.hi).max()))
        peak *= float(max(np.abs(gate.lo).max(), np.abs(gate.hi).max()))
        if peak >= LIMIT:
            raise self.fail("the product may reach 2**62", remedy="use fewer bits")
        corners = [a * b for a in (source.lo, source.hi) for b in (gate.lo, gate.hi)]
        return (Range(np.minimum.reduce(corners), np.maximum.reduce(corners)),)
