"""The value of a small matrix game, by the simplex method."""

from __future__ import annotations

import numpy as np

__all__ = ["game"]

_TINY = 1e-12


def game(rows: np.ndarray) -> tuple[float, np.ndarray]:
    """Weights of the columns that make the least row as large as can be.

    Args:
        rows: payoffs of 0 or more, float64 ``(rows, columns)``.

    Returns:
        That least row, and the weights: 0 or more, of sum 1.
    """
    count, columns = rows.shape
    payoff = rows + 1.0  # a positive value
    # Greatest sum of y with payoff.T @ y <= 1: the weights are its dual solution.
    table = np.concatenate([payoff.T, np.eye(columns), np.ones((columns, 1))], axis=1)
    cost = np.concatenate([-np.ones(count), np.zeros(columns + 1)])
    for turn in range(50 * (count + columns)):
        # The steepest column; in the end, Bland's rule, which cannot go round in circles.
        improving = np.flatnonzero(cost[:-1] < -_TINY)
        if not improving.size:
            break
        enter = improving[np.argmin(cost[improving])] if turn < 10 * columns else improving[0]
        column = table[:, enter]
        usable = column > _TINY
        ratio = np.where(usable, table[:, -1] / np.where(usable, column, 1.0), np.inf)
        leave = int(np.argmin(ratio))
        table[leave] /= table[leave, enter]
        others = np.arange(columns) != leave
        table[others] -= np.outer(table[others, enter], table[leave])
        cost -= cost[enter] * table[leave]
    dual = np.maximum(cost[count:-1], 0.0)
    weights = dual / dual.sum()
    return float((rows @ weights).min()), weights
