"""Two-dimensional transposed convolution, as in PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir.op import Op, Range, TensorType
from hwcompress.ir.ops.linear import check_weights, sum_bounds, type_of_range
from hwcompress.ir.ops.spatial import Pair, Quad, check_image
from hwcompress.ir.registry import operation
from hwcompress.ir.types import IntType

__all__ = ["ConvTranspose"]


@operation
@dataclass(frozen=True, eq=False)
class ConvTranspose(Op):
    """``(H, W, C)`` to ``(OH, OW, M)``: every input pixel adds its weighted kernel to the output.

    ``weight`` is int64 ``(M, KH, KW, C / groups)``. Input row ``i`` and kernel
    row ``k`` meet in output row ``i * stride - padding + k * dilation``;
    columns likewise. ``padding`` (top, left, bottom, right) cuts the result,
    ``output_padding`` lengthens it below and to the right:
    ``OH = (H - 1) * stride + dilation * (KH - 1) + 1 - top - bottom + output_padding``.
    """

    weight: np.ndarray
    wtype: IntType
    bias: np.ndarray | None = None
    stride: Pair = (1, 1)
    padding: Quad = (0, 0, 0, 0)
    output_padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    @property
    def kernel(self) -> Pair:
        """Height and width of the kernel."""
        return (self.weight.shape[1], self.weight.shape[2])

    def output_size(self, size: Pair) -> Pair:
        """Output height and width for an input height and width."""
        height, width = (
            (size[i] - 1) * self.stride[i]
            + self.dilation[i] * (self.kernel[i] - 1)
            + 1
            - self.padding[i]
            - self.padding[i + 2]
            + self.output_padding[i]
            for i in (0, 1)
        )
        return height, width

    def taps(self, axis: int, phase: int) -> tuple[int, ...]:
        """Kernel rows (axis 0) or columns (1) that reach outputs ``o``, for a phase of them.

        ``phase`` is ``(o + padding) mod stride``.
        """
        stride, dilation = self.stride[axis], self.dilation[axis]
        return tuple(k for k in range(self.kernel[axis]) if (k * dilation) % stride == phase)

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        (source,) = inputs
        check_image(self, source)
        if self.weight.ndim != 4:
            raise self.fail(f"weight {self.weight.shape} is not (M, KH, KW, C / groups)")
        check_weights(self, self.weight, self.wtype, self.bias)
        sizes = (len(self.stride), len(self.padding), len(self.output_padding), len(self.dilation))
        if sizes != (2, 4, 2, 2):
            raise self.fail(
                f"stride, padding, output padding, dilation have {sizes} values, not (2, 4, 2, 2)"
            )
        if min(self.stride) < 1 or min(self.dilation) < 1:
            raise self.fail(f"stride {self.stride} and dilation {self.dilation} must be positive")
        if min(self.padding) < 0 or min(self.output_padding) < 0:
            raise self.fail(
                f"padding {self.padding} and output padding {self.output_padding}"
                " must not be negative"
            )
        rows = self.weight.shape[0]
        if self.groups < 1 or rows % self.groups or source.channels % self.groups:
            raise self.fail(f"{self.groups} groups do not divide {source.channels} -> {rows}")
        if self.weight.shape[3] * self.groups != source.channels:
            raise self.fail(
                f"weight {self.weight.shape} with {self.groups} groups does not fit"
                f" {source.channels} input channels"
            )
        size = self.output_size((source.shape[0], source.shape[1]))
        if min(size) < 1:
            raise self.fail(f"padding {self.padding} leaves an output of {size}")
        (bounds,) = self.ranges([Range.of_type(source.dtype, source.channels)])
        return (TensorType((*size, rows), type_of_range(bounds)),)

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        (source,) = inputs
        batch, height, width, _ = source.shape
        rows, depth = self.weight.shape[0] // self.groups, self.weight.shape[3]
        out_height, out_width = self.output_size((height, width))
        total = np.zeros((batch, out_height, out_width, self.weight.shape[0]), np.int64)
        for group in range(self.groups):
            part = source[..., group * depth : (group + 1) * depth]
            channels = slice(group * rows, (group + 1) * rows)
            for kh, kw in np.ndindex(self.kernel):
                product = part @ self.weight[channels, kh, kw].T
                into_y, from_y = self._meet(0, kh, height, out_height)
                into_x, from_x = self._meet(1, kw, width, out_width)
                total[:, into_y, into_x, channels] += product[:, from_y, from_x]
        return (total if self.bias is None else total + self.bias,)

    def _meet(self, axis: int, k: int, size: int, out_size: int) -> tuple[slice, slice]:
        """Output and input positions that kernel position ``k`` joins, along an axis."""
        stride = self.stride[axis]
        shift = k * self.dilation[axis] - self.padding[axis]
        first = max(0, -(shift // stride))  # least i with i * stride + shift >= 0
        stop = min(size, (out_size - 1 - shift) // stride + 1)
        stop = max(stop, first)
        start = first * stride + shift
        return slice(start, start + (stop - first) * stride, stride), slice(first, stop)

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        """Over all phases: only the kernel positions of one phase ever add up."""
        (source,) = inputs
        # At the borders, and where the padding is long, a position may be absent.
        low, high = np.minimum(source.lo, 0), np.maximum(source.hi, 0)
        rows, depth = self.weight.shape[0], self.weight.shape[3]
        group = np.arange(rows) // (rows // self.groups)
        channel = group[:, None] * depth + np.arange(depth)
        bias = np.zeros(rows, np.int64) if self.bias is None else self.bias
        least, most = bias, bias  # an output without any kernel position
        for phase in np.ndindex(self.stride):
            taps_y, taps_x = self.taps(0, phase[0]), self.taps(1, phase[1])
            count = len(taps_y) * len(taps_x)
            if count == 0:
                continue
            weight = self.weight[:, taps_y][:, :, taps_x].reshape(rows, -1)
            bounds = sum_bounds(
                self,
                weight,
                self.bias,
                np.tile(low[channel], (1, count)),
                np.tile(high[channel], (1, count)),
            )
            least, most = np.minimum(least, bounds.lo), np.maximum(most, bounds.hi)
        return (Range(least, most),)
