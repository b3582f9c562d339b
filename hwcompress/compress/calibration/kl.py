"""The threshold that loses least information: Kullback-Leibler divergence of histograms.

For every number of bins kept, the histogram with the rest added to its last bin (P) is compared
with the one that the levels of the quantizer can tell apart (Q: the kept bins merged, and spread
again over those that hold anything). The best number of bins wins, the lowest on a tie.

Source: S. Migacz, 8-bit Inference with TensorRT, GTC 2017. Where that leaves details open (what
remains when bins are merged, whole counts in Q, empty bins) this is what onnxruntime does, so
that both find the same threshold in the same histogram.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hwcompress.errors import InputError

__all__ = ["Kept", "best_bins", "best_bins_two_sided", "divergence"]

_EMPTY = 1e-4  # what an empty bin is taken for


class Kept(NamedTuple):
    """How many bins (on each side of zero) are kept, and the divergence from that on.

    Attributes:
        bins: the best number.
        first: the lowest number that was tried.
        curve: divergence for ``first, first + 1, ...``; infinite if nothing is kept.
    """

    bins: int
    first: int
    curve: np.ndarray


def divergence(counts: np.ndarray, before: int, behind: int, levels: int) -> float:
    """Of the kept counts ``(n,)``, n at least ``levels``, with so many values left out of them."""
    p = counts.astype(np.int64).copy()
    p[0] += before
    p[-1] += behind
    merged = counts.size // levels
    starts = np.arange(levels) * merged
    total = np.add.reduceat(counts.astype(np.int64), starts)  # the last one with what remains
    filled = np.add.reduceat((p[: levels * merged] != 0).astype(np.int64), starts)
    share = np.where(filled > 0, total // np.maximum(filled, 1), 0)
    q = np.zeros_like(p)
    q[: levels * merged] = np.repeat(share, merged)
    first, second = _smooth(p), _smooth(q)
    if first is None or second is None:
        return float("inf")
    first, second = first / first.sum(), second / second.sum()
    return float(np.sum(first * np.log(first / second)))


def _smooth(counts: np.ndarray) -> np.ndarray | None:
    """Empty bins get a little, the others give it; ``None`` if all are empty."""
    zeros = counts == 0
    filled = counts.size - int(zeros.sum())
    if not filled:
        return None
    taken = _EMPTY * (counts.size - filled) / filled
    return np.where(zeros, _EMPTY, counts - taken)


def best_bins(counts: np.ndarray, levels: int) -> Kept:
    """For magnitudes, or values that are never negative: ``counts`` from zero outwards.

    ``T = (bins + 1/2) * width`` is the threshold by the slides above.

    Raises:
        InputError: there are fewer bins than levels.
    """
    _enough(counts.size, levels)
    behind = counts.sum() - np.cumsum(counts)
    curve = np.array(
        [
            divergence(counts[:kept], 0, int(behind[kept - 1]), levels)
            for kept in range(levels, counts.size + 1)
        ]
    )
    return Kept(levels + int(np.argmin(curve)), levels, curve)


def best_bins_two_sided(counts: np.ndarray, levels: int) -> Kept:
    """For values of both signs: ``counts`` from the most negative bin to the most positive one.

    Bins are taken away alike on both sides, but one more on the left, as onnxruntime does.

    Raises:
        InputError: there are fewer bins than levels.
    """
    _enough(counts.size, levels)
    centre, half = counts.size // 2, levels // 2
    sums = np.concatenate([[0], np.cumsum(counts)])
    values = []
    for kept in range(half, centre + 1):
        start, stop = centre - kept, min(centre + kept + 1, counts.size)
        before, behind = int(sums[start]), int(sums[-1] - sums[stop])
        values.append(divergence(counts[start:stop], before, behind, levels))
    curve = np.array(values)
    return Kept(half + int(np.argmin(curve)), half, curve)


def _enough(bins: int, levels: int) -> None:
    if not 1 <= levels <= bins:
        raise InputError(
            f"{bins} bins of a histogram for {levels} levels",
            remedy="give a level for each bin at most",
        )
