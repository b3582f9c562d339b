"""FINN's MultiThreshold: a count of thresholds, scaled and moved.

Definition: ``custom_op/general/multithreshold.py`` of the package ``qonnx``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.onnx_model import Node
from hwcompress.ir import BIPOLAR, IntType

__all__ = ["MultiThreshold", "read_multi_threshold"]

_LAYOUTS = {2: "NC", 3: "NWC", 4: "NCHW"}
_LARGEST = 1 << 24
# Thresholds that are counted one by one in any case, and comparisons that take as long as
# a search in one row takes at least.
_FEW, _CALL = 16, 1 << 11


@dataclass(frozen=True, eq=False)
class MultiThreshold:
    """``real = scale * level + offset`` with ``level = lo + step * #{x >= thresholds}``.

    Attributes:
        thresholds: float64 ``(channels or 1, K)``, ascending rows.
        dtype: of the levels.
        scale, offset: what they stand for.
        axis: of the channels.
    """

    thresholds: np.ndarray
    dtype: IntType
    scale: float
    offset: float
    axis: int

    def levels(self, real: np.ndarray, channel: np.ndarray) -> np.ndarray:
        """Levels of ``(k, n)`` reals of the channels ``(k,)``."""
        rows = self.thresholds[channel if self.thresholds.shape[0] > 1 else 0 * channel]
        # A call for each row against a pass for each threshold.
        if rows.shape[1] > _FEW and rows.shape[1] * real.shape[1] > _CALL:
            counts = [
                np.searchsorted(row, item, side="right")
                for row, item in zip(rows, real, strict=True)
            ]
            count = np.array(counts, np.int64).reshape(real.shape)
        else:
            count = np.zeros(real.shape, np.int64)
            for column in rows.T:
                count += real >= column[:, None]
        return self.dtype.lo + self.dtype.step * count

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        """The operator on a tensor, in float64."""
        moved = np.moveaxis(x, self.axis, -1)
        rows = moved.reshape(-1, moved.shape[-1]).T
        level = self.levels(rows, np.arange(rows.shape[0]))
        real = self.scale * level + self.offset
        return np.moveaxis(real.T.reshape(moved.shape), -1, self.axis)


def read_multi_threshold(
    node: Node, shape: tuple[int, ...], thresholds: np.ndarray
) -> MultiThreshold:
    """A node over a tensor of ``shape``.

    Raises:
        UnsupportedError: a parameter is outside what can be expressed.
    """
    rank = len(shape)
    layout = node.text("data_layout", "") or _LAYOUTS.get(rank, "")
    axis = layout.find("C") if "C" in layout else 1
    if not 0 < axis < rank:
        raise UnsupportedError(f"data_layout {layout!r} of {shape}", where=node.label)
    rows = np.asarray(thresholds, np.float64)
    if rows.ndim != 2 or rows.shape[0] not in (1, shape[axis]) or rows.shape[1] == 0:
        raise UnsupportedError(
            f"thresholds of shape {rows.shape} do not fit {shape[axis]} channels",
            where=node.label,
            remedy="give a row for all channels, or one for each",
        )
    if np.any(np.isnan(rows)) or rows.size > _LARGEST:
        raise UnsupportedError("its thresholds hold NaN, or are too many", where=node.label)
    if np.all(rows == rows[:1]):
        rows = rows[:1]
    rows = np.sort(rows, axis=1)
    scale, bias = node.number("out_scale", 1.0), node.number("out_bias", 0.0)
    if not (np.isfinite(scale) and np.isfinite(bias)) or scale == 0:
        raise UnsupportedError(f"out_scale {scale} or out_bias {bias}", where=node.label)
    count = rows.shape[1]
    if count == 1 and bias == -scale / 2 and scale > 0:
        return MultiThreshold(rows, BIPOLAR, scale / 2, 0.0, axis)
    base = bias / scale
    if base == np.rint(base) and abs(base) < _LARGEST:  # an offset that integers can hold
        lowest = int(base)
        return MultiThreshold(rows, IntType(lowest, lowest + count), scale, 0.0, axis)
    return MultiThreshold(rows, IntType(0, count), scale, bias, axis)
