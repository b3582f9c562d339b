"""Maximum and sum over windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir import MaxPool as MaxPoolOp
from hwcompress.ir import SumPool as SumPoolOp
from hwcompress.ir import TensorType
from hwcompress.sim.geometry import Geometry, window_geometry
from hwcompress.sim.jit import kernel
from hwcompress.sim.plan import SIM, Step, rows_of

__all__ = ["MaxPool", "SumPool", "max_pool_step", "sum_pool_step"]


@kernel
def _max_pool(x, geometry, y):  # type: ignore[no-untyped-def]
    """Padded positions are left out; each window has a position that is none."""
    height, width, channels, out_height, out_width = geometry[:5]
    kernel_height, kernel_width, stride_y, stride_x = geometry[5:9]
    top, left = geometry[9:11]
    lanes = x.shape[1]
    for pixel in range(out_height * out_width):
        corner_y = pixel // out_width * stride_y - top
        corner_x = pixel % out_width * stride_x - left
        first = True
        for at_y in range(max(corner_y, 0), min(corner_y + kernel_height, height)):
            for at_x in range(max(corner_x, 0), min(corner_x + kernel_width, width)):
                for channel in range(channels):
                    source = x[(at_y * width + at_x) * channels + channel]
                    target = y[pixel * channels + channel]
                    if first:
                        for i in range(lanes):
                            target[i] = source[i]
                    else:
                        for i in range(lanes):
                            target[i] = max(target[i], source[i])
                first = False


@kernel
def _sum_pool(x, geometry, pad_value, y):  # type: ignore[no-untyped-def]
    height, width, channels, out_height, out_width = geometry[:5]
    kernel_height, kernel_width, stride_y, stride_x = geometry[5:9]
    top, left = geometry[9:11]
    lanes = x.shape[1]
    for pixel in range(out_height * out_width):
        from_y = pixel // out_width * stride_y - top
        from_x = pixel % out_width * stride_x - left
        to_y = min(from_y + kernel_height, height)
        to_x = min(from_x + kernel_width, width)
        from_y, from_x = max(from_y, 0), max(from_x, 0)
        inside = max(to_y - from_y, 0) * max(to_x - from_x, 0)
        start = (kernel_height * kernel_width - inside) * pad_value
        for channel in range(channels):
            target = y[pixel * channels + channel]
            for i in range(lanes):
                target[i] = start
            for at_y in range(from_y, to_y):
                for at_x in range(from_x, to_x):
                    source = x[(at_y * width + at_x) * channels + channel]
                    for i in range(lanes):
                        target[i] += source[i]


@dataclass(frozen=True, eq=False)
class MaxPool(Step):
    """Largest of each window."""

    geometry: Geometry

    def run(
        self,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        scratch: Sequence[np.ndarray],
    ) -> None:
        _max_pool(inputs[0], self.geometry, outputs[0])


@dataclass(frozen=True, eq=False)
class SumPool(Step):
    """Sum of each window."""

    geometry: Geometry
    pad_value: int

    def run(
        self,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        scratch: Sequence[np.ndarray],
    ) -> None:
        _sum_pool(inputs[0], self.geometry, self.pad_value, outputs[0])


@SIM.register(MaxPoolOp)
def max_pool_step(
    op: MaxPoolOp, inputs: Sequence[TensorType], outputs: Sequence[TensorType]
) -> Step:
    """Windows read in place, without a padded copy."""
    geometry = window_geometry(inputs[0], outputs[0], op.kernel, op.stride, op.padding)
    return MaxPool(results=(rows_of(outputs[0]),), geometry=geometry)


@SIM.register(SumPoolOp)
def sum_pool_step(
    op: SumPoolOp, inputs: Sequence[TensorType], outputs: Sequence[TensorType]
) -> Step:
    """Windows read in place, without a padded copy."""
    geometry = window_geometry(inputs[0], outputs[0], op.kernel, op.stride, op.padding)
    return SumPool(results=(rows_of(outputs[0]),), geometry=geometry, pad_value=op.pad_value)
