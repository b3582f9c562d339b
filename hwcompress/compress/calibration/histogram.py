"""What a tensor's values are, over all calibration samples: ends of each batch, and a histogram.

Samples are run twice: once for the ends, once for the counts. So bins are where they should be
from the start, and the result does not depend on how samples are put into batches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["BINS", "Ends", "Histogram", "empty"]

BINS = 2048
"""Of the half axis, as TensorRT and ncnn have it."""


class Ends:
    """Lowest and highest value of each batch."""

    def __init__(self) -> None:
        self.batches: list[tuple[float, float]] = []

    def add(self, values: np.ndarray) -> None:
        """Take a batch's values, of any shape; an empty one is left out."""
        if values.size:
            self.batches.append((float(values.min()), float(values.max())))

    @property
    def low(self) -> float:
        """The lowest of all."""
        return min((low for low, _ in self.batches), default=0.0)

    @property
    def high(self) -> float:
        """The highest of all."""
        return max((high for _, high in self.batches), default=0.0)

    @property
    def reach(self) -> float:
        """The largest magnitude of all."""
        return max(abs(self.low), abs(self.high))

    @property
    def magnitudes(self) -> list[float]:
        """The largest magnitude of each batch, in order."""
        return [max(abs(low), abs(high)) for low, high in self.batches]


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of values in bins of one width on both sides of zero.

    Attributes:
        negative: counts ``(BINS,)`` of values below 0, from zero outwards.
        positive: counts ``(BINS,)`` of values from 0 on.
        width: of a bin; 0 if every value is 0.
        ends: of the batches.
    """

    negative: np.ndarray
    positive: np.ndarray
    width: float
    ends: Ends

    @property
    def is_empty(self) -> bool:
        """Every value is 0 (or there is none)."""
        return self.width == 0

    @property
    def is_signed(self) -> bool:
        """Some value is negative."""
        return self.ends.low < 0

    @property
    def magnitudes(self) -> np.ndarray:
        """Counts of magnitudes, from zero outwards."""
        return self.negative + self.positive

    @property
    def count(self) -> int:
        """Values in all."""
        return int(self.magnitudes.sum())

    def add(self, values: np.ndarray) -> None:
        """Count a batch's values in place; they lie within the ends."""
        if self.is_empty:
            self.positive[0] += values.size
            return
        flat = values.reshape(-1).astype(np.float64)
        below = flat < 0
        index = np.minimum((np.abs(flat) / self.width).astype(np.int64), self.positive.size - 1)
        self.negative[:] += np.bincount(index[below], minlength=self.positive.size)
        self.positive[:] += np.bincount(index[~below], minlength=self.positive.size)

    def centres(self) -> tuple[np.ndarray, np.ndarray]:
        """Value and count of every bin that is not empty, ascending."""
        middle = (np.arange(self.positive.size) + 0.5) * self.width
        values = np.concatenate([-middle[::-1], middle])
        counts = np.concatenate([self.negative[::-1], self.positive])
        kept = counts > 0
        return values[kept], counts[kept]


def empty(ends: Ends, bins: int = BINS) -> Histogram:
    """A histogram of nothing yet, up to the largest magnitude of the ends."""
    zeros = np.zeros(bins, np.int64)
    return Histogram(zeros.copy(), zeros, ends.reach / bins, ends)
