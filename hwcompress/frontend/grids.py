"""Values that are whole numbers of steps, though only an evaluation says which.

A quantizer may be written in plain operators: Div, Round, Clip, Mul. After the Round
every value lies on a grid, and scaling and clipping keep it there. Where a layer reads
such a value, the region behind it is closed as it would be by a Quant node.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from hwcompress.frontend.casts import CAST_RANGES
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.values import Symbolic

__all__ = ["Grid", "grid_after"]

Grid = tuple[np.ndarray, np.ndarray]
"""Scale (not zero) and offset per channel."""

_WHOLE = frozenset(
    {
        "And",
        "Ceil",
        "Equal",
        "Floor",
        "Greater",
        "GreaterOrEqual",
        "Less",
        "LessOrEqual",
        "Not",
        "Or",
        "Round",
        "Sign",
        "Xor",
    }
)
# Parameters may be rounded to float32; a bound that is off by so much of a step is on the grid.
_NEAR = 1e-6


def grid_after(node: Node, value: Symbolic, constants: tuple[np.ndarray, ...]) -> Grid | None:
    """The grid of a node's result, if it has one.

    Args:
        node: the node.
        value: its operand.
        constants: its constants, per channel of the operand's base; gain and offset of an
            affine operator, bounds of a Clip.
    """
    channels = value.function.channels
    if node.op in _WHOLE:
        return np.ones(channels), np.zeros(channels)
    if node.op == "Cast":
        to = node.integer("to", TensorProto.FLOAT)
        if to in CAST_RANGES or to == TensorProto.BOOL:
            return np.ones(channels), np.zeros(channels)
        return None
    grid = value.grid
    if grid is None or any(item.size != channels for item in grid):
        return None
    scale, offset = grid
    if node.op in ("Add", "Sub", "Mul", "BatchNormalization") and len(constants) == 2:
        gain, addend = constants
        return (gain * scale, gain * offset + addend) if np.all(gain) else None
    if node.op == "Div" and len(constants) == 1:
        return scale / constants[0], offset / constants[0]
    if node.op == "Neg":
        return -scale, -offset
    edges = {"Relu": (np.zeros(channels),), "Clip": constants, "Max": constants, "Min": constants}
    if node.op not in edges:
        return None
    kept = all(_on_grid(grid, edge) for edge in edges[node.op])
    return grid if kept else None


def _on_grid(grid: Grid, edge: np.ndarray) -> bool:
    steps = (edge - grid[1]) / grid[0]
    return bool(np.all(np.isinf(edge) | (np.abs(steps - np.rint(steps)) <= _NEAR)))
