"""What Dense and Conv share: exact bounds of a weighted sum."""

from __future__ import annotations

import numpy as np

from hwcompress.ir.op import Op, Range
from hwcompress.ir.types import LIMIT, IntType

__all__ = ["check_weights", "sum_bounds", "type_of_range"]


def check_weights(op: Op, weight: np.ndarray, wtype: IntType, bias: np.ndarray | None) -> None:
    """Raise :class:`GraphError` unless weights and bias are int64 and belong to their types."""
    if weight.dtype != np.int64 or (bias is not None and bias.dtype != np.int64):
        raise op.fail("weights and bias must be int64")
    if weight.size == 0:
        raise op.fail(f"weight {weight.shape} has no element")
    if not wtype.contains(weight):
        raise op.fail(f"weights [{weight.min()}..{weight.max()}] are not all of type {wtype}")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise op.fail(f"bias {bias.shape} does not fit {weight.shape[0]} output channels")


def sum_bounds(
    op: Op, weight: np.ndarray, bias: np.ndarray | None, lo: np.ndarray, hi: np.ndarray
) -> Range:
    """Exact bounds of ``bias + weight @ x`` per output row, for ``lo <= x <= hi``.

    Args:
        weight: ``(rows, columns)`` int64, not empty.
        lo, hi: bounds per column and row, broadcastable to ``weight``.

    Raises:
        GraphError: a bound exceeds 2**62, so int64 might wrap.
    """
    # float64 decides on overflow before int64 is trusted; the most negative int64
    # has a magnitude only there.
    reach = np.abs(weight.astype(np.float64)) @ np.ones(weight.shape[1])
    extreme = max(float(np.abs(bound.astype(np.float64)).max()) for bound in (lo, hi))
    peak = reach.max() * extreme
    if bias is not None:
        peak += np.abs(bias.astype(np.float64)).max()
    if peak > LIMIT / 2:
        raise op.fail("the accumulator may exceed 2**62", remedy="use fewer bits")
    positive, negative = np.maximum(weight, 0), np.minimum(weight, 0)
    low = (positive * lo + negative * hi).sum(axis=1)
    high = (positive * hi + negative * lo).sum(axis=1)
    if bias is not None:
        low, high = low + bias, high + bias
    return Range(low, high)


def type_of_range(bounds: Range) -> IntType:
    """Smallest type that holds every channel."""
    return IntType(int(bounds.lo.min()), int(bounds.hi.max()))
