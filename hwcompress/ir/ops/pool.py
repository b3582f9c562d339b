"""Pooling: maximum, and sum (an average is a sum followed by a rescale)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir.op import Op, Range, TensorType
from hwcompress.ir.ops.spatial import Pair, Quad, check_pad_value, check_window, pad, windows
from hwcompress.ir.registry import operation
from hwcompress.ir.types import LIMIT, IntType

__all__ = ["MaxPool", "SumPool"]

_DENSE = (1, 1)  # pooling windows are not dilated


@operation
@dataclass(frozen=True, eq=False)
class MaxPool(Op):
    """Largest element of each window, per channel; padded positions never win.

    The type is unchanged. Each side's padding must be smaller than the
    kernel, so that no window is all padding.
    """

    kernel: Pair
    stride: Pair
    padding: Quad = (0, 0, 0, 0)

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        (source,) = inputs
        size = check_window(self, source, self.kernel, self.stride, self.padding, _DENSE)
        top, left, bottom, right = self.padding
        if max(top, bottom) >= self.kernel[0] or max(left, right) >= self.kernel[1]:
            raise self.fail(f"padding {self.padding} is not smaller than kernel {self.kernel}")
        return (TensorType((*size, source.channels), source.dtype),)

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        padded = pad(inputs[0], self.padding, -LIMIT)
        return (windows(padded, self.kernel, self.stride, _DENSE).max(axis=(3, 4)),)

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        return (inputs[0],)


@operation
@dataclass(frozen=True, eq=False)
class SumPool(Op):
    """Sum over each window, per channel; a padded position adds ``pad_value``."""

    kernel: Pair
    stride: Pair
    padding: Quad = (0, 0, 0, 0)
    pad_value: int = 0

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        (source,) = inputs
        size = check_window(self, source, self.kernel, self.stride, self.padding, _DENSE)
        check_pad_value(self, self.pad_value)
        reach = max(-source.dtype.lo, source.dtype.hi, abs(self.pad_value))
        if reach * self.kernel[0] * self.kernel[1] >= LIMIT:
            raise self.fail("the sum may reach 2**62", remedy="use fewer bits")
        bounds = self.ranges([Range.of_type(source.dtype, 1)])[0]
        dtype = IntType(int(bounds.lo[0]), int(bounds.hi[0]))
        return (TensorType((*size, source.channels), dtype),)

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        padded = pad(inputs[0], self.padding, self.pad_value)
        return (windows(padded, self.kernel, self.stride, _DENSE).sum(axis=(3, 4)),)

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        (source,) = inputs
        low, high = source.lo, source.hi
        if any(self.padding):
            low, high = np.minimum(low, self.pad_value), np.maximum(high, self.pad_value)
        taps = self.kernel[0] * self.kernel[1]
        return (Range(low * taps, high * taps),)
