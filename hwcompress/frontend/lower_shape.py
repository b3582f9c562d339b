"""Operators that move elements: they change shape and order, and emit nothing."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.float64 import reshaped
from hwcompress.frontend.lowering import Lowering, handles
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.values import Constant, Symbolic, Value

__all__: list[str] = []


@handles("Identity", "Dropout", "Cast")
def _same(state: Lowering, node: Node) -> Value:
    return state.symbolic(node)


@handles("Shape")
def _shape(state: Lowering, node: Node) -> Value:
    return Constant(np.array(state.symbolic(node).shape, np.int64))


def _moved(value: Symbolic, shape: tuple[int, ...], node: Node) -> Symbolic:
    if int(np.prod(shape, dtype=np.int64)) != value.order.size or (shape and shape[0] != 1):
        raise UnsupportedError(
            f"{value.shape} becomes {shape}, which does not keep the batch axis",
            where=node.label,
            remedy="export the model with a batch of one",
        )
    return value.moved(shape, value.order)


@handles("Reshape")
def _reshape(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    return _moved(value, reshaped(value.shape, state.required(node, 1).value, node), node)


@handles("Flatten")
def _flatten(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    axis = node.integer("axis", 1) % (len(value.shape) + 1)
    rows = int(np.prod(value.shape[:axis], dtype=np.int64))
    return _moved(value, (rows, value.order.size // rows), node)


@handles("Squeeze", "Unsqueeze")
def _squeeze(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    given = state.constant(node, 1)
    axes = tuple(int(item) for item in given.value) if given else node.integers("axes")
    dummy = np.empty(value.shape, np.int8)
    if node.op == "Unsqueeze":
        return _moved(value, np.expand_dims(dummy, axes).shape, node)
    return _moved(value, np.squeeze(dummy, axis=axes or None).shape, node)


@handles("Transpose")
def _transpose(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    perm = node.integers("perm", tuple(reversed(range(len(value.shape)))))
    moved = value.order.reshape(value.shape).transpose(perm)
    if moved.shape[0] != 1:
        raise UnsupportedError("the batch axis is transposed", where=node.label)
    return value.moved(moved.shape, moved.reshape(-1))
