"""What the fit of a family with few measurements takes over from one with many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["guided"]

_CAUTION = 10.0  # times a module's LUTs: what errors of a guess are relative to
_USUAL = 8.0  # value of a feature that no module has


def guided(
    matrix: np.ndarray,
    luts: np.ndarray,
    whole: np.ndarray,
    names: Sequence[str],
    reference: Mapping[str, float],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same with a guess for every feature that the other family has a coefficient of.

    The guess is that coefficient times how much more the modules take here than there, in
    the middle. It counts little: where the measurements tell a coefficient they decide.

    Args:
        matrix: ``(modules, features)``.
        luts: ``(modules,)``, of what the features stand for.
        whole: ``(modules,)``, what their errors are relative to.
        names: of the features.
        reference: coefficients of the other family.

    Returns:
        The three arrays, longer.
    """
    known = [place for place, name in enumerate(names) if name in reference]
    if not known:
        return matrix, luts, whole
    there = matrix[:, known] @ np.array([reference[names[place]] for place in known])
    both = (there > 0) & (luts > 0)
    ratio = float(np.median(luts[both] / there[both])) if both.any() else 1.0
    usual = float(np.median(whole)) if len(whole) else 1.0
    guesses = np.zeros((len(known), len(names)))
    for row, place in enumerate(known):
        some = matrix[:, place][matrix[:, place] > 0]
        guesses[row, place] = float(np.median(some)) if len(some) else _USUAL
    targets = np.array([ratio * reference[names[place]] for place in known])
    return (
        np.vstack([matrix, guesses]),
        np.concatenate([luts, targets * guesses[range(len(known)), known]]),
        np.concatenate([whole, np.full(len(known), _CAUTION * usual)]),
    )
