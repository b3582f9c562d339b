"""Least squares with coefficients that are not negative, robust and relative."""

from __future__ import annotations

import numpy as np

__all__ = ["fit_relative", "nonnegative"]

_FLOOR = 8.0  # LUTs: an error of a module that is smaller counts as if it were this large
_ROUNDS = 30
_SWEEPS = 4000
_TOLERANCE = 1e-10


def nonnegative(
    matrix: np.ndarray, target: np.ndarray, start: np.ndarray | None = None
) -> np.ndarray:
    """The ``x >= 0`` with the least ``|matrix x - target|``, by coordinate descent.

    Args:
        matrix: float64 ``(rows, columns)``.
        target: float64 ``(rows,)``.
        start: a guess.
    """
    gram, right = matrix.T @ matrix, matrix.T @ target
    found = np.zeros(len(right)) if start is None else start.copy()
    diagonal = np.diag(gram)
    for _ in range(_SWEEPS):
        change = 0.0
        for place in np.flatnonzero(diagonal > 0):
            step = (right[place] - gram[place] @ found) / diagonal[place]
            value = max(0.0, found[place] + step)
            change = max(change, abs(value - found[place]) * np.sqrt(diagonal[place]))
            found[place] = value
        if change < _TOLERANCE:
            break
    return found


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
        after = nonnegative(features * both[:, None], luts * both, found)
        error = np.abs(features @ after - luts) * scale
        usual = max(1.345 * 1.4826 * float(np.median(error)), 0.005)
        weight = np.minimum(1.0, usual / np.maximum(error, 1e-12))
        if np.allclose(after, found, atol=1e-6):
            break
        found = after
    return after
