"""Sums of integer tensors with different scales.

``real = sum_i gain_i * q_i + offset``. Where the gains are integer multiples of
one scale, the sum is an :class:`~hwcompress.ir.Add` and exact by construction.
Otherwise it stays *pending*: the quantizer behind it decides which integers
tell its levels apart (:mod:`hwcompress.frontend.close_sum`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from hwcompress.errors import UnsupportedError

__all__ = ["MOST_COMBINATIONS", "PendingSum", "common_scale"]

MOST_COMBINATIONS = 1 << 22
"""Combinations of input values, in all channels together, that are looked at."""

# A product of two float64 scales is off by half a unit of its last place, and a
# ratio of two such products by four of them at most. A ratio of integers below
# 2**20 does not come so close by chance; of larger ones it may.
_SAME = 2.0**-50
_CHANCE = 1 << 20


@dataclass(frozen=True, eq=False)
class PendingSum:
    """A sum that no integers express by themselves.

    Attributes:
        where: the node that adds, for messages.
        tensors: the graph's tensors, all of one shape.
        gains: float64 ``(tensors, channels)``.
        offset: float64 ``(channels,)``.
        combinations: how many values the inputs can take together, in all channels.
        exact: integer multipliers ``(tensors, channels)`` and scales, as of :func:`common_scale`,
            if there are some, however large.
    """

    where: str
    tensors: tuple[str, ...]
    gains: np.ndarray
    offset: np.ndarray
    combinations: int
    exact: tuple[np.ndarray, np.ndarray] | None = None

    def refused(self, reader: str, why: str = "") -> UnsupportedError:
        """The error for a node that cannot read the sum (to be raised by the caller)."""
        first = ", ".join(f"{item:.6g}" for item in self.gains[:, 0])
        return UnsupportedError(
            f"the sum of {self.where} has inputs with unrelated scales ({first})",
            where=reader,
            why=why or "no integers stand for its values, and no quantizer follows",
            remedy="quantize the branches with one scale (a shared quantizer), or with scales"
            " that are powers of two",
        )


def common_scale(gains: np.ndarray, largest: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Integers ``m`` and scales ``s`` with ``gains == m * s``, but for the rounding of the gains.

    Args:
        gains: float64 ``(inputs, channels)``.
        largest: bound on ``|m|``.

    Returns:
        ``m`` int64 ``(inputs, channels)`` and ``s`` float64 ``(channels,)``, positive;
        ``None`` if some channel has none.
    """
    columns, where = np.unique(gains, axis=1, return_inverse=True)
    found = []
    for column in columns.T:
        item = _common(column, largest)
        if item is None:
            return None
        found.append(item)
    multipliers = np.array([item[0] for item in found], np.int64).T
    scales = np.array([item[1] for item in found])
    place = where.reshape(-1)
    return multipliers[:, place], scales[place]


def _common(column: np.ndarray, largest: int) -> tuple[list[int], float] | None:
    if not np.all(np.isfinite(column)):
        return None
    if not np.any(column):  # a channel that is constant
        return [0] * column.size, 1.0
    reference = float(np.abs(column[column != 0]).min())
    ratios = []
    for gain in column:
        exact = Fraction(float(gain)) / Fraction(reference)
        if abs(exact) > largest:
            return None
        near = exact.limit_denominator(largest)
        if abs(near - exact) > (_SAME * abs(exact) if largest <= _CHANCE else 0):
            return None
        ratios.append(near)
    common = math.lcm(*(ratio.denominator for ratio in ratios))
    whole = [int(ratio * common) for ratio in ratios]
    divisor = math.gcd(*whole)
    whole = [item // divisor for item in whole]
    if max(abs(item) for item in whole) > largest:
        return None
    return whole, reference / (common / divisor)
