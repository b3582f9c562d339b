"""Quantized weights whose elements only move, are taken in parts or joined, stay quantized."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from hwcompress.frontend.float64 import evaluate_outputs
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.shapes import MOVES
from hwcompress.frontend.values import Constant
from hwcompress.ir import IntType

__all__ = ["moved_weights"]

_MOVING = MOVES | frozenset(
    "Dropout Expand Flatten Gather GatherElements Identity Slice Split Tile Transpose".split()
)


def moved_weights(node: Node, inputs: Sequence[Constant | None]) -> list[Constant] | None:
    """Outputs of a node on constants, with their integers; ``None`` if it changes values.

    Args:
        node: the node.
        inputs: its inputs, ``None`` where one is left out.
    """
    if node.op == "Concat":
        data = [item for item in inputs if item is not None]
    elif node.op in _MOVING and inputs and inputs[0] is not None:
        data = [inputs[0]]
    else:
        return None
    if not data or any(item.levels is None for item in data):
        return None
    rest = [None if item is None else item.value for item in inputs[len(data) :]]

    def moved(field: str) -> list[np.ndarray]:
        arrays = [
            np.broadcast_to(np.asarray(getattr(item, field)), item.value.shape) for item in data
        ]
        return evaluate_outputs(node, [*arrays, *rest])

    dtypes = [item.dtype for item in data if item.dtype is not None]
    dtype = reduce(IntType.union, dtypes)
    fields = zip(*(moved(name) for name in ("value", "levels", "scale", "zero")), strict=True)
    return [
        Constant(value, levels.astype(np.int64), scale, zero, dtype)
        for value, levels, scale, zero in fields
    ]
