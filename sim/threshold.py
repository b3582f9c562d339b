"""Threshold: counting comparisons, or binary search where there are many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir import IntType, TensorType
from hwcompress.ir import Threshold as ThresholdOp
from hwcompress.sim.jit import kernel
from hwcompress.sim.plan import SIM, Step, rows_of
from hwcompress.sim.storage import storage_dtype

__all__ = ["CompareThreshold", "SearchThreshold", "threshold_step"]

# Comparing whole vectors with every threshold beats one search per lane up to here.
_MAX_COMPARED = 48


@kernel
def _compare(x, thresholds, base, gain, y):  # type: ignore[no-untyped-def]
    """``y = base[c] + gain[c] * #{k: x >= thresholds[c, k]}``, row ``f`` of channel ``f % C``."""
    lanes = x.shape[1]
    channels, levels = thresholds.shape
    for feature in range(x.shape[0]):
        channel = feature % channels
        source, target, limits = x[feature], y[feature], thresholds[channel]
        for i in range(lanes):
            target[i] = 0
        k = 0
        while k + 3 <= levels:
            t0, t1, t2 = limits[k], limits[k + 1], limits[k + 2]
            for i in range(lanes):
                value = source[i]
                target[i] += np.int8(value >= t0) + np.int8(value >= t1) + np.int8(value >= t2)
            k += 3
        while k < levels:
            t0 = limits[k]
            for i in range(lanes):
                target[i] += np.int8(source[i] >= t0)
            k += 1
        start, step = base[channel], gain[channel]
        if start != 0 or step != 1:
            for i in range(lanes):
                target[i] = start + step * target[i]


@kernel
def _search(x, thresholds, base, gain, y):  # type: ignore[no-untyped-def]
    """As :func:`_compare`; rows of ``thresholds`` ascend."""
    lanes = x.shape[1]
    channels, levels = thresholds.shape
    stride = 1
    while stride * 2 <= levels:
        stride *= 2
    for feature in range(x.shape[0]):
        channel = feature % channels
        source, target, limits = x[feature], y[feature], thresholds[channel]
        start, step = base[channel], gain[channel]
        for i in range(lanes):
            value = source[i]
            count = 0
            jump = stride
            while jump > 0:
                probe = count + jump
                if probe <= levels and value >= limits[probe - 1]:
                    count = probe
                jump //= 2
            target[i] = start + step * count


@dataclass(frozen=True, eq=False)
class CompareThreshold(Step):
    """Few levels: vector comparisons with each threshold."""

    thresholds: np.ndarray
    base: np.ndarray
    gain: np.ndarray

    def run(
        self,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        scratch: Sequence[np.ndarray],
    ) -> None:
        _compare(inputs[0], self.thresholds, self.base, self.gain, outputs[0])


@dataclass(frozen=True, eq=False)
class SearchThreshold(CompareThreshold):
    """Many levels: binary search."""

    def run(
        self,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        scratch: Sequence[np.ndarray],
    ) -> None:
        _search(inputs[0], self.thresholds, self.base, self.gain, outputs[0])


@SIM.register(ThresholdOp)
def threshold_step(
    op: ThresholdOp, inputs: Sequence[TensorType], outputs: Sequence[TensorType]
) -> Step:
    """Bring thresholds to the input's range, and a falling function to a rising count.

    A threshold outside the range of the input is moved to its edge, where it
    decides the same, so that it fits the narrow dtype. With sign -1,
    ``-x >= t`` is ``not x >= 1 - t``: the count of the others, subtracted.
    """
    lo, hi = inputs[0].dtype.lo, inputs[0].dtype.hi
    thresholds, sign = op.rows(inputs[0].channels)
    falling = (sign < 0)[:, None]
    oriented = np.clip(thresholds, np.where(falling, -hi, lo), np.where(falling, 1 - lo, hi + 1))
    rising = np.where(falling, 1 - oriented[:, ::-1], oriented)
    levels = thresholds.shape[1]
    step, start = op.otype.step, op.otype.lo
    cls = CompareThreshold if levels <= _MAX_COMPARED else SearchThreshold
    return cls(
        results=(rows_of(outputs[0]),),
        thresholds=np.ascontiguousarray(rising, storage_dtype(IntType(lo, hi + 1))),
        base=np.where(sign < 0, start + step * levels, start).astype(np.int64),
        gain=np.where(sign < 0, -step, step).astype(np.int64),
    )
