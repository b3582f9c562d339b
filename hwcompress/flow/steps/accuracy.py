"""From outputs to class numbers, and from these to accuracies."""

from __future__ import annotations

import numpy as np

from hwcompress.data import check_labels
from hwcompress.ir import ArgMax, Graph, TopK
from hwcompress.report.facts import Accuracy, Confusion

__all__ = ["accuracy", "class_count", "confusion", "decide", "single_boundary", "usable_labels"]

_MAX_CONFUSION = 32


def class_count(graph: Graph) -> int:
    """Number of classes that the first output tells apart; a single value tells two."""
    tensor = graph.outputs[0].inputs[0]
    if isinstance(graph.producer(tensor), ArgMax | TopK):
        return graph.tensors[tensor].dtype.hi + 1
    return max(graph.tensors[tensor].type.size, 2)


def decide(graph: Graph, real: np.ndarray) -> np.ndarray:
    """Class numbers ``(n,)`` from the first output's real values ``(n, ...)``.

    The largest value wins, the first one on a tie; a single value decides by
    its sign, or against one half if it cannot be negative; ArgMax and TopK
    have decided already.
    """
    tensor = graph.outputs[0].inputs[0]
    flat = real.reshape(real.shape[0], -1)
    if isinstance(graph.producer(tensor), ArgMax | TopK):
        decided = np.rint(flat[:, 0])
    elif flat.shape[1] > 1:
        decided = np.argmax(flat, axis=1)
    else:
        decided = flat[:, 0] > single_boundary(graph)
    return np.asarray(decided, np.int64)


def single_boundary(graph: Graph) -> float:
    """What a single output value must exceed to mean class 1."""
    kind = graph.tensors[graph.outputs[0].inputs[0]]
    lowest = float(kind.affine.apply(np.array([[kind.dtype.lo], [kind.dtype.hi]])).min())
    return 0.0 if lowest < 0 else 0.5


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
