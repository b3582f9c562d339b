"""From outputs to class numbers, and from these to accuracies."""

from __future__ import annotations

import numpy as np

from hwcompress.data import check_labels
from hwcompress.ir import Graph
from hwcompress.report.facts import Accuracy, Confusion
from hwcompress.sim.decisions import class_count, decide, single_boundary

__all__ = ["accuracy", "class_count", "confusion", "decide", "single_boundary", "usable_labels"]

_MAX_CONFUSION = 32


def accuracy(who: str, by: str, given: np.ndarray, labels: np.ndarray) -> Accuracy:
    """Share of right decisions."""
    return Accuracy(who, int((given == labels).sum()), int(labels.size), by)


def confusion(given: np.ndarray, labels: np.ndarray, classes: int) -> Confusion | None:
    """The confusion matrix, or ``None`` with so many classes that nobody could read it."""
    if classes > _MAX_CONFUSION:
        return None
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, given), 1)
    return Confusion(tuple(tuple(int(count) for count in row) for row in counts))


def usable_labels(labels: np.ndarray, graph: Graph, where: str) -> np.ndarray:
    """Labels that the model's classes cover.

    Raises:
        InputError: one does not exist in the model.
    """
    return check_labels(labels, labels.size, where, class_count(graph))
