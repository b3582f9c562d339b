"""Axes of ReduceMean, ReduceMax, ReduceMin and ReduceSum, for the importer and for float64."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.onnx_model import Node

__all__ = ["reduced_axes"]


def reduced_axes(node: Node, rank: int, given: np.ndarray | None) -> tuple[int, ...]:
    """The axes that a node reduces, counted from the front, ascending.

    Args:
        node: the node; its axes are an attribute in old opsets, an input since
            opset 13 (ReduceSum) and 18 (the others).
        rank: number of axes of the input.
        given: the input.
    """
    axes = node.integers("axes") if given is None else tuple(int(i) for i in given.reshape(-1))
    if not axes:
        return () if node.integer("noop_with_empty_axes", 0) else tuple(range(rank))
    if any(not -rank <= axis < rank for axis in axes):
        raise UnsupportedError(f"axes {axes} of a tensor with {rank} axes", where=node.label)
    return tuple(sorted({axis % rank for axis in axes}))
