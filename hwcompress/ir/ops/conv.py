"""Two-dimensional convolution (cross-correlation, as in PyTorch)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir.op import Op, Range, TensorType
from hwcompress.ir.ops.linear import check_weights, sum_bounds, type_of_range
from hwcompress.ir.ops.spatial import Pair, Quad, check_pad_value, check_window, pad, windows
from hwcompress.ir.registry import operation
from hwcompress.ir.types import IntType

__all__ = ["Conv"]


@operation
@dataclass(frozen=True, eq=False)
class Conv(Op):
    """``(H, W, C)`` to ``(OH, OW, M)``.

    ``weight`` is int64 ``(M, KH, KW, C / groups)``; output channel ``m``
    reads the input channels of group ``m // (M / groups)``. ``padding`` is
    (top, left, bottom, right); a padded element has the integer
    ``pad_value``, which need not belong to the input type.
    """

    weight: np.ndarray
    wtype: IntType
    bias: np.ndarray | None = None
    stride: Pair = (1, 1)
    padding: Quad = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    pad_value: int = 0

    @property
    def kernel(self) -> Pair:
        """Height and width of the window."""
        return (self.weight.shape[1], self.weight.shape[2])

    def window_type(self, source: IntType) -> IntType:
        """Type of a window element: the input's, widened by ``pad_value`` if there is padding."""
        if not any(self.padding) or source.contains(np.array([self.pad_value])):
            return source
        return source.union(IntType(self.pad_value, self.pad_value))

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        (source,) = inputs
        if self.weight.ndim != 4:
            raise self.fail(f"weight {self.weight.shape} is not (M, KH, KW, C / groups)")
        size = check_window(self, source, self.kernel, self.stride, self.padding, self.dilation)
        rows = self.weight.shape[0]
        check_weights(self, self.weight, self.wtype, self.bias)
        if self.groups < 1 or rows % self.groups or source.channels % self.groups:
            raise self.fail(f"{self.groups} groups do not divide {source.channels} -> {rows}")
        if self.weight.shape[3] * self.groups != source.channels:
            raise self.fail(
                f"weight {self.weight.shape} with {self.groups} groups does not fit"
                f" {source.channels} input channels"
            )
        check_pad_value(self, self.pad_value)
        (bounds,) = self.ranges([Range.of_type(source.dtype, source.channels)])
        return (TensorType((*size, rows), type_of_range(bounds)),)

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        padded = pad(inputs[0], self.padding, self.pad_value)
        view = windows(padded, self.kernel, self.stride, self.dilation)
        rows, depth = self.weight.shape[0] // self.groups, self.weight.shape[3]
        parts = []
        for group in range(self.groups):
            taps = view[..., group * depth : (group + 1) * depth]
            weight = self.weight[group * rows : (group + 1) * rows]
            flat = taps.reshape(*taps.shape[:3], weight[0].size)
            parts.append(flat @ weight.reshape(rows, -1).T)
        total = np.concatenate(parts, axis=-1)
        return (total if self.bias is None else total + self.bias,)

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        (source,) = inputs
        low, high = source.lo, source.hi
        if any(self.padding):
            low, high = np.minimum(low, self.pad_value), np.maximum(high, self.pad_value)
        rows, depth = self.weight.shape[0], self.weight.shape[3]
        group = np.arange(rows) // (rows // self.groups)
        channel = group[:, None] * depth + np.arange(depth)  # (rows, depth)
        taps = self.weight.shape[1] * self.weight.shape[2]
        return (
            sum_bounds(
                self,
                self.weight.reshape(rows, -1),
                self.bias,
                np.tile(low[channel], (1, taps)),
                np.tile(high[channel], (1, taps)),
            ),
        )
