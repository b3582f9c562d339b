"""Least squares with coefficients that are not negative, robust and relative."""

from __future__ import annotations

import numpy as np

__all__ = ["fit_relative", "nonnegative"]

_FLOOR = 8.0  # LUTs: an error of a module that is smaller counts as if it were this large
_ROUNDS = 12
_TOLERANCE = 1e-9
_RIDGE = 1e-9


def nonnegative(matrix: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The ``x >= 0`` with the least ``|matrix x - target|``.

    By the active sets of C. L. Lawson and R. J. Hanson, Solving Least Squares Problems, 1974,
    chapter 23. Columns are scaled to length 1; a column of zeros gets 0.

    Args:
        matrix: float64 ``(rows, columns)``.
        target: float64 ``(rows,)``.
    """
    length = np.linalg.norm(matrix, axis=0)
    scaled = matrix / np.where(length > 0, length, 1.0)
    gram, right = scaled.T @ scaled, scaled.T @ target
    gram[np.diag_indices_from(gram)] += _RIDGE  # columns that depend on each other share
    found, free = np.zeros(len(right)), np.zeros(len(right), bool)
    limit = _TOLERANCE * max(1.0, float(np.abs(right).max(initial=0.0)))
    for _ in range(3 * len(right)):
        slope = np.where(free | (length == 0), -np.inf, right - gram @ found)
        best = int(np.argmax(slope)) if len(slope) else 0
        if not len(slope) or slope[best] <= limit:
            break
        free[best] = True
        while True:
            trial = np.zeros(len(right))
            trial[free] = np.linalg.solve(gram[np.ix_(free, free)], right[free])
            below = free & (trial <= 0)
            if not below.any():
                found = trial
                break
            # As far as the first one that reaches zero, which leaves.
            share = found[below] / np.maximum(found[below] - trial[below], 1e-300)
            found = found + float(share.min()) * (trial - found)
            free &= found > _TOLERANCE
            found[~free] = 0.0
    return found / np.where(length > 0, length, 1.0)


def fit_relative(
    features: np.ndarray, luts: np.ndarray, whole: np.ndarray | None = None
) -> np.ndarray:
    """Coefficients for the least relative error; few large errors count less than squared.

    Iteratively reweighted: an error beyond the usual one is weighted down to its size.

    Args:
        features: ``(modules, features)``, not negative.
        luts: ``(modules,)``.
        whole: what errors are relative to, where that is not ``luts``.
    """
    scale = 1 / np.maximum(luts if whole is None else whole, _FLOOR)
    weight = np.ones(len(luts))
    found = np.zeros(features.shape[1])
    for _ in range(_ROUNDS):
        both = scale * np.sqrt(weight)
        after = nonnegative(features * both[:, None], luts * both)
        error = np.abs(features @ after - luts) * scale
        usual = max(1.345 * 1.4826 * float(np.median(error)), 0.005)
        weight = np.minimum(1.0, usual / np.maximum(error, 1e-12))
        if np.allclose(after, found, atol=1e-4):
            break
        found = after
    return after
