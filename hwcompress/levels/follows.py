"""Which side is wrong: whether each result follows from the side's own operands."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hwcompress.ir import Graph, Input, Op, Output
from hwcompress.levels.difference import Follows

__all__ = ["follows"]


def follows(graph: Graph, side: str, values: Mapping[str, np.ndarray]) -> Follows:
    """Compute every operation of a sample by its definition, on what the side itself has.

    Args:
        graph: the graph.
        side: whose integers they are.
        values: integers ``(1, *shape)`` of one sample, of any of the tensors.
    """
    looked, wrong = [], []
    for op in graph.ops:
        if not isinstance(op, Input | Output) and _known(graph, op, values):
            looked.append(op.name)
            if not _right(op, values):
                wrong.append(op.name)
    return Follows(side, len(looked), tuple(wrong))


def _known(graph: Graph, op: Op, values: Mapping[str, np.ndarray]) -> bool:
    """Whether the side has all operands, inside their types, and a result."""
    return any(name in values for name in op.outputs) and all(
        name in values and graph.tensors[name].dtype.contains(values[name]) for name in op.inputs
    )


def _right(op: Op, values: Mapping[str, np.ndarray]) -> bool:
    results = op.evaluate([values[name] for name in op.inputs])
    return all(
        name not in values or np.array_equal(values[name], result)
        for name, result in zip(op.outputs, results, strict=True)
    )
