"""Operators that move elements: they change shape and order, and emit nothing."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.lowering import Lowering, handles
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.shapes import MOVES, moved_shape, permutation
from hwcompress.frontend.slices import shape_span
from hwcompress.frontend.values import Constant, Value

__all__: list[str] = []


@handles("Identity")
def _same(state: Lowering, node: Node) -> Value:
    return state.symbolic(node)


@handles("Dropout")
def _dropout(state: Lowering, node: Node) -> Value:
    training = state.constant(node, 2)
    if training is not None and np.any(training.value):
        raise UnsupportedError(
            "it is in training mode",
            where=node.label,
            remedy="export the model in eval mode: module.eval()",
        )
    return state.symbolic(node)


@handles("Shape")
def _shape(state: Lowering, node: Node) -> Value:
    return Constant(np.array(shape_span(node, state.symbolic(node).shape), np.int64))


@handles("Size")
def _size(state: Lowering, node: Node) -> Value:
    return Constant(np.array(state.symbolic(node).order.size, np.int64))


@handles(*MOVES)
def _move(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    given = state.constant(node, 1)
    shape = moved_shape(node, value.shape, None if given is None else given.value)
    return value.moved(shape, value.order)


@handles("Transpose")
def _transpose(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    moved = value.order.reshape(value.shape).transpose(permutation(node, value.shape))
    return value.moved(moved.shape, moved.reshape(-1))
