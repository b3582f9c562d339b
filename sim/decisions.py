"""From the outputs of a graph to class numbers."""

from __future__ import annotations

import numpy as np

from hwcompress.ir import ArgMax, Graph, TopK

__all__ = ["class_count", "decide", "decides", "single_boundary"]


def decides(graph: Graph) -> bool:
    """Whether the first output chooses between classes: numbers of classes, or a value for each."""
    kind = graph.tensors[graph.outputs[0].inputs[0]].type
    maker = graph.producer(graph.outputs[0].inputs[0])
    return isinstance(maker, ArgMax | TopK) or kind.size == kind.channels


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
