"""Functions of one integer, chosen per channel (last axis)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir.op import Op, Range, TensorType
from hwcompress.ir.registry import operation
from hwcompress.ir.types import LIMIT, IntType

__all__ = ["Rescale", "Threshold"]

_MAX_SHIFT = 48


def _per_channel(op: Op, name: str, values: np.ndarray, channels: int) -> None:
    if values.dtype != np.int64 or values.shape[0] not in (1, channels):
        raise op.fail(f"{name} {values.shape} is not int64 with 1 or {channels} rows")


@operation
@dataclass(frozen=True, eq=False)
class Threshold(Op):
    """Monotone step function: ``y = lo + step * count(sign * x >= thresholds)``.

    ``lo`` and ``step`` are those of ``otype``. ``thresholds`` is int64
    ``(channels or 1, K)``, each row ascending (repeats skip a level), with
    ``K = otype.count - 1``. ``sign`` is int64 ``(channels or 1,)`` of +1 or
    -1; -1 makes the function fall.
    """

    thresholds: np.ndarray
    sign: np.ndarray
    otype: IntType

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        (source,) = inputs
        if self.thresholds.ndim != 2:
            raise self.fail(f"thresholds {self.thresholds.shape} are not (channels, levels)")
        _per_channel(self, "thresholds", self.thresholds, source.channels)
        if self.sign.ndim != 1:
            raise self.fail(f"sign {self.sign.shape} is not a vector")
        _per_channel(self, "sign", self.sign, source.channels)
        if self.thresholds.shape[1] != self.otype.count - 1:
            raise self.fail(
                f"{self.thresholds.shape[1]} thresholds make {self.thresholds.shape[1] + 1}"
                f" levels, {self.otype} has {self.otype.count}"
            )
        if np.any(self.thresholds[:, 1:] < self.thresholds[:, :-1]):  # a difference could wrap
            raise self.fail("thresholds must ascend along each row")
        if not np.all(np.abs(self.sign) == 1):
            raise self.fail("sign must be +1 or -1")
        return (TensorType(source.shape, self.otype),)

    def rows(self, channels: int) -> tuple[np.ndarray, np.ndarray]:
        """Thresholds ``(channels, K)`` and signs ``(channels,)``, written out for every channel."""
        return (
            np.broadcast_to(self.thresholds, (channels, self.thresholds.shape[1])),
            np.broadcast_to(self.sign, (channels,)),
        )

    def _step(self, values: np.ndarray) -> np.ndarray:
        """``(..., channels)`` to output integers."""
        thresholds, sign = self.rows(values.shape[-1])
        oriented = values * sign
        result = np.empty(values.shape, np.int64)
        for channel, row in enumerate(thresholds):
            count = np.searchsorted(row, oriented[..., channel], side="right")
            result[..., channel] = self.otype.lo + self.otype.step * count
        return result

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        return (self._step(inputs[0]),)

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        first, second = self._step(inputs[0].lo), self._step(inputs[0].hi)
        return (Range(np.minimum(first, second), np.maximum(first, second)),)


@operation
@dataclass(frozen=True, eq=False)
class Rescale(Op):
    """``y = clip(round((mul * x + add) / 2**shift), lo, hi)``, bounds those of ``otype``.

    ``mul``, ``add`` and ``shift`` are int64 ``(channels or 1,)``,
    ``0 <= shift <= 48``. ``rounding`` is ``floor`` (arithmetic shift right)
    or ``half_even`` (to nearest, a tie to the even result).
    """

    mul: np.ndarray
    add: np.ndarray
    shift: np.ndarray
    rounding: str
    otype: IntType

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        (source,) = inputs
        for name in ("mul", "add", "shift"):
            values = getattr(self, name)
            if values.ndim != 1:
                raise self.fail(f"{name} {values.shape} is not a vector")
            _per_channel(self, name, values, source.channels)
        if self.shift.min() < 0 or self.shift.max() > _MAX_SHIFT:
            raise self.fail(f"shift must lie in 0..{_MAX_SHIFT}")
        if self.rounding not in ("floor", "half_even"):
            raise self.fail(f"rounding {self.rounding!r} is neither 'floor' nor 'half_even'")
        if self.otype.step != 1:
            raise self.fail("the bipolar type is made by a Threshold")
        reach = max(abs(source.dtype.lo), abs(source.dtype.hi))
        # In float64, where the most negative int64 has a magnitude.
        mul, add = (float(np.abs(v.astype(np.float64)).max()) for v in (self.mul, self.add))
        peak = mul * reach + add
        if peak + 2.0**_MAX_SHIFT > LIMIT:
            raise self.fail("the product may exceed 2**62", remedy="use a smaller multiplier")
        return (TensorType(source.shape, self.otype),)

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        product = inputs[0] * self.mul + self.add
        result = product >> self.shift
        if self.rounding == "half_even":
            rest = product - (result << self.shift)
            twice = rest << 1
            one = np.int64(1) << self.shift
            up = (twice > one) | ((twice == one) & ((result & 1) == 1))
            result = result + up
        return (np.clip(result, self.otype.lo, self.otype.hi),)

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        (first,) = self.evaluate([inputs[0].lo])
        (second,) = self.evaluate([inputs[0].hi])
        return (Range(np.minimum(first, second), np.maximum(first, second)),)
