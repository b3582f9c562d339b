"""Weighted sums of bipolar values: exclusive or and popcount on packed words.

A word holds 64 channels of one pixel and one group, bit 1 for +1. Two words
that differ in ``d`` of ``n`` bits have the dot product ``n - 2 d``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import types
from numba.extending import intrinsic

from hwcompress.sim.geometry import Geometry
from hwcompress.sim.jit import kernel
from hwcompress.sim.plan import Rows, Step

__all__ = ["XnorSum", "xnor_step"]

_WORD = 64


# mypy: disable-error-code="call-arg"
# (an intrinsic is called without the typing context it is declared with)


@intrinsic
def _popcount(typing_context, value):  # type: ignore[no-untyped-def]
    """Number of set bits of a uint64, as LLVM's own operation, which vectorises."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@kernel
def _pack(x, depth, packed):  # type: ignore[no-untyped-def]
    """``x (pixels * groups * depth, lanes)`` of -1 and +1 to words."""
    lanes = x.shape[1]
    words = (depth + 63) // 64
    for part in range(x.shape[0] // depth):
        for word in range(words):
            target = packed[part * words + word]
            for i in range(lanes):
                target[i] = np.uint64(0)
            for bit in range(min(64, depth - word * 64)):
                source = x[part * depth + word * 64 + bit]
                shift = np.uint64(bit)
                for i in range(lanes):
                    target[i] |= np.uint64(source[i] > 0) << shift


@kernel
def _rows(x, rows, columns, count, weight, first, start, differing, y, base):  # type: ignore[no-untyped-def]
    """``y[base + m] = start[m] - 2 * (bits in which x[rows] and weight[first + m] differ)``."""
    lanes = x.shape[1]
    for m in range(start.size):
        w = weight[first + m]
        for i in range(lanes):
            differing[i] = np.uint64(0)
        k = 0
        while k + 4 <= count:
            x0, x1, x2, x3 = x[rows[k]], x[rows[k + 1]], x[rows[k + 2]], x[rows[k + 3]]
            w0, w1, w2, w3 = w[columns[k]], w[columns[k + 1]], w[columns[k + 2]], w[columns[k + 3]]
            for i in range(lanes):
                differing[i] += (
                    _popcount(x0[i] ^ w0)
                    + _popcount(x1[i] ^ w1)
                    + _popcount(x2[i] ^ w2)
                    + _popcount(x3[i] ^ w3)
                )
            k += 4
        while k < count:
            x0 = x[rows[k]]
            w0 = w[columns[k]]
            for i in range(lanes):
                differing[i] += _popcount(x0[i] ^ w0)
            k += 1
        total = y[base + m]
        begin = start[m]
        for i in range(lanes):
            total[i] = begin - 2 * np.int64(differing[i])


@kernel
def _xnor_sum(packed, weight, bias, border, geometry, groups, y):  # type: ignore[no-untyped-def]
    """``weight (M, taps * words)`` packed, ``border (M, taps)``: what a padded tap adds."""
    height, width, channels, out_height, out_width = geometry[:5]
    kernel_height, kernel_width, stride_y, stride_x = geometry[5:9]
    top, left, dilation_y, dilation_x = geometry[9:13]
    depth = channels // groups
    words = (depth + 63) // 64
    filters = bias.size // groups
    rows = np.empty(weight.shape[1], np.int64)
    columns = np.empty(weight.shape[1], np.int64)
    start = np.empty(filters, np.int64)
    differing = np.empty(packed.shape[1], np.uint64)
    for pixel in range(out_height * out_width):
        corner_y = pixel // out_width * stride_y - top
        corner_x = pixel % out_width * stride_x - left
        for group in range(groups):
            first = group * filters
            for m in range(filters):
                start[m] = bias[first + m]
            count = 0
            for tap in range(kernel_height * kernel_width):
                at_y = corner_y + tap // kernel_width * dilation_y
                at_x = corner_x + tap % kernel_width * dilation_x
                if 0 <= at_y < height and 0 <= at_x < width:
                    row = ((at_y * width + at_x) * groups + group) * words
                    for word in range(words):
                        rows[count] = row + word
                        columns[count] = tap * words + word
                        count += 1
                    for m in range(filters):
                        start[m] += depth
                else:
                    for m in range(filters):
                        start[m] += border[first + m, tap]
            base = pixel * bias.size + first
            _rows(packed, rows, columns, count, weight, first, start, differing, y, base)


@dataclass(frozen=True, eq=False)
class XnorSum(Step):
    """Bipolar inputs and weights. A padded position may hold any integer."""

    weight: np.ndarray
    bias: np.ndarray
    border: np.ndarray
    geometry: Geometry
    groups: int
    packed: Rows

    @property
    def scratch(self) -> tuple[Rows, ...]:
        return (self.packed,)

    def run(
        self,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        scratch: Sequence[np.ndarray],
    ) -> None:
        _pack(inputs[0], self.geometry[2] // self.groups, scratch[0])
        _xnor_sum(
            scratch[0], self.weight, self.bias, self.border, self.geometry, self.groups, outputs[0]
        )


def xnor_step(
    weight: np.ndarray,
    bias: np.ndarray,
    geometry: Geometry,
    groups: int,
    pad_value: int,
    result: Rows,
) -> XnorSum:
    """Make the step; arguments as of ``weighted_sum_step``, ``weight`` of -1 and +1."""
    height, width, channels = geometry[:3]
    depth = channels // groups
    words = -(-depth // _WORD)
    bits = np.zeros((*weight.shape[:2], words * _WORD), np.uint8)
    bits[..., :depth] = weight > 0
    packed = np.packbits(bits, axis=-1, bitorder="little").view("<u8").astype(np.uint64)
    return XnorSum(
        results=(result,),
        weight=np.ascontiguousarray(packed.reshape(weight.shape[0], -1)),
        bias=bias.astype(np.int64),
        border=weight.sum(axis=2) * pad_value,
        geometry=geometry,
        groups=groups,
        packed=Rows(height * width * groups * words, np.dtype(np.uint64)),
    )
