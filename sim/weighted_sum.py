"""Weighted sums in integers: the general kernels of Dense, Conv and ConvTranspose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.sim.geometry import Geometry
from hwcompress.sim.jit import kernel
from hwcompress.sim.plan import Rows, Step

__all__ = ["TappedSum", "WeightedSum", "weighted_sum_step"]


@kernel
def _rows(x, rows, columns, count, weight, first, start, y, base):  # type: ignore[no-untyped-def]
    """``y[base + m] = start[m] + sum_k weight[first + m, columns[k]] * x[rows[k]]``.

    Two sums by four terms at a time: the terms are read once for both sums,
    and a sum is read and written once for four terms.
    """
    lanes = x.shape[1]
    many = start.size
    m = 0
    while m + 2 <= many:
        a, b = y[base + m], y[base + m + 1]
        start_a, start_b = start[m], start[m + 1]
        wa, wb = weight[first + m], weight[first + m + 1]
        for i in range(lanes):
            a[i] = start_a
            b[i] = start_b
        k = 0
        while k + 4 <= count:
            x0, x1, x2, x3 = x[rows[k]], x[rows[k + 1]], x[rows[k + 2]], x[rows[k + 3]]
            c0, c1, c2, c3 = columns[k], columns[k + 1], columns[k + 2], columns[k + 3]
            a0, a1, a2, a3 = wa[c0], wa[c1], wa[c2], wa[c3]
            b0, b1, b2, b3 = wb[c0], wb[c1], wb[c2], wb[c3]
            for i in range(lanes):
                a[i] += x0[i] * a0 + x1[i] * a1 + x2[i] * a2 + x3[i] * a3
                b[i] += x0[i] * b0 + x1[i] * b1 + x2[i] * b2 + x3[i] * b3
            k += 4
        while k < count:
            x0 = x[rows[k]]
            a0, b0 = wa[columns[k]], wb[columns[k]]
            for i in range(lanes):
                a[i] += x0[i] * a0
                b[i] += x0[i] * b0
            k += 1
        m += 2
    if m < many:
        a = y[base + m]
        start_a = start[m]
        wa = weight[first + m]
        for i in range(lanes):
            a[i] = start_a
        k = 0
        while k + 4 <= count:
            x0, x1, x2, x3 = x[rows[k]], x[rows[k + 1]], x[rows[k + 2]], x[rows[k + 3]]
            a0, a1 = wa[columns[k]], wa[columns[k + 1]]
            a2, a3 = wa[columns[k + 2]], wa[columns[k + 3]]
            for i in range(lanes):
                a[i] += x0[i] * a0 + x1[i] * a1 + x2[i] * a2 + x3[i] * a3
            k += 4
        while k < count:
            x0 = x[rows[k]]
            a0 = wa[columns[k]]
            for i in range(lanes):
                a[i] += x0[i] * a0
            k += 1


@kernel
def _weighted_sum(x, weight, bias, border, geometry, groups, y):  # type: ignore[no-untyped-def]
    """``weight (M, taps * depth)``, ``border (M, taps)``: what a padded tap adds."""
    height, width, channels, out_height, out_width = geometry[:5]
    kernel_height, kernel_width, stride_y, stride_x = geometry[5:9]
    top, left, dilation_y, dilation_x = geometry[9:13]
    depth = channels // groups
    filters = bias.size // groups
    rows = np.empty(weight.shape[1], np.int64)
    columns = np.empty(weight.shape[1], np.int64)
    start = np.empty(filters, bias.dtype)
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
                    row = (at_y * width + at_x) * channels + group * depth
                    for d in range(depth):
                        rows[count] = row + d
                        columns[count] = tap * depth + d
                        count += 1
                else:
                    for m in range(filters):
                        start[m] += border[first + m, tap]
            base = pixel * bias.size + first
            _rows(x, rows, columns, count, weight, first, start, y, base)


@kernel
def _tapped_sum(x, weight, bias, taps, groups, y):  # type: ignore[no-untyped-def]
    """``weight (M, taps * depth)``; ``taps (pixels, taps)``: the input's pixel, or -1 for none."""
    pixels, kernel = taps.shape
    depth = weight.shape[1] // kernel
    filters = bias.size // groups
    rows = np.empty(weight.shape[1], np.int64)
    columns = np.empty(weight.shape[1], np.int64)
    for pixel in range(pixels):
        for group in range(groups):
            count = 0
            for tap in range(kernel):
                if taps[pixel, tap] >= 0:
                    row = (taps[pixel, tap] * groups + group) * depth
                    for d in range(depth):
                        rows[count] = row + d
                        columns[count] = tap * depth + d
                        count += 1
            first = group * filters
            base = pixel * bias.size + first
            start = bias[first : first + filters]
            _rows(x, rows, columns, count, weight, first, start, y, base)


@dataclass(frozen=True, eq=False)
class TappedSum(Step):
    """Sums over a table of pixels, one row per output pixel; absent ones add nothing."""

    weight: np.ndarray
    bias: np.ndarray
    taps: np.ndarray
    groups: int

    def run(
        self,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        scratch: Sequence[np.ndarray],
    ) -> None:
        _tapped_sum(inputs[0], self.weight, self.bias, self.taps, self.groups, outputs[0])


@dataclass(frozen=True, eq=False)
class WeightedSum(Step):
    """Integer multiply-add; weights in the dtype of the sum."""

    weight: np.ndarray
    bias: np.ndarray
    border: np.ndarray
    geometry: Geometry
    groups: int

    def run(
        self,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        scratch: Sequence[np.ndarray],
    ) -> None:
        _weighted_sum(
            inputs[0], self.weight, self.bias, self.border, self.geometry, self.groups, outputs[0]
        )


def weighted_sum_step(
    weight: np.ndarray,
    bias: np.ndarray,
    geometry: Geometry,
    groups: int,
    pad_value: int,
    result: Rows,
) -> WeightedSum:
    """Make the step.

    Args:
        weight: int64 ``(M, taps, channels / groups)``.
        bias: int64 ``(M,)``.
        geometry: of :func:`hwcompress.sim.geometry.window_geometry`.
        groups: channel groups.
        pad_value: integer of a padded position.
        result: how the sum is stored.

    The casts may wrap: sums are formed modulo the width of ``result``, which
    holds every final sum.
    """
    flat = np.ascontiguousarray(weight.reshape(weight.shape[0], -1))
    return WeightedSum(
        results=(result,),
        weight=flat.astype(result.dtype),
        bias=bias.astype(result.dtype),
        border=(weight.sum(axis=2) * pad_value).astype(result.dtype),
        geometry=geometry,
        groups=groups,
    )
