"""Operators that move, join and repeat elements, and those of shapes, in float64.

Operators of which only constants are made here (shapes that an exporter computes) are
evaluated by the reference implementation of the package ``onnx``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.shapes import MOVES, moved_shape
from hwcompress.frontend.slices import (
    expanded_shape,
    gather_index,
    read_slice,
    shape_span,
    split_sizes,
    tile_repeats,
)

__all__ = ["FOLDED", "LAYOUT", "SEVERAL", "folded"]

Arrays = Sequence[Any]
Evaluator = Callable[[Node, Arrays], np.ndarray]

_LARGEST = 1 << 27  # elements of a folded constant

FOLDED = frozenset(
    "BitShift CumSum Einsum EyeLike GatherElements GatherND IsInf IsNaN NonZero OneHot Pad"
    " ReduceL1 ReduceL2 ReduceLogSum ReduceProd ReduceSumSquare ScatterElements ScatterND Trilu"
    " Unique".split()
)
"""Operators that are evaluated where all their inputs are constants."""


def _item(inputs: Arrays, index: int) -> Any:
    return inputs[index] if len(inputs) > index else None


def _limited(node: Node, shape: Sequence[int]) -> None:
    if math.prod(int(size) for size in shape) > _LARGEST:
        raise UnsupportedError(f"a constant of shape {tuple(shape)}", where=node.label)


def _concat(node: Node, inputs: Arrays) -> np.ndarray:
    """Constants, which are those of one sample, hold for every sample."""
    axis, batch = node.integer("axis", 1), max(item.shape[:1] for item in inputs)
    if axis not in (0, -inputs[0].ndim) and batch:
        inputs = [
            np.broadcast_to(item, (*batch, *item.shape[1:])) if item.shape[0] == 1 else item
            for item in inputs
        ]
    return np.concatenate(inputs, axis=axis)


def _slice(node: Node, inputs: Arrays) -> np.ndarray:
    result = inputs[0]
    for axis, (start, stop, step) in enumerate(read_slice(node, result.shape, inputs[1:])):
        result = np.take(result, range(start, stop, step), axis=axis)
    return np.asarray(result)


def _gather(node: Node, inputs: Arrays) -> np.ndarray:
    axis, index = gather_index(node, inputs[0].shape, _item(inputs, 1))
    return np.take(inputs[0], index, axis=axis)


def _tile(node: Node, inputs: Arrays) -> np.ndarray:
    repeats = tile_repeats(node, inputs[0].shape, _item(inputs, 1))
    _limited(node, [a * b for a, b in zip(inputs[0].shape, repeats, strict=True)])
    return np.tile(inputs[0], repeats)


def _expand(node: Node, inputs: Arrays) -> np.ndarray:
    shape = expanded_shape(node, inputs[0].shape, _item(inputs, 1))
    _limited(node, shape)
    return np.broadcast_to(inputs[0], shape)


def _constant_of_shape(node: Node, inputs: Arrays) -> np.ndarray:
    value = np.asarray(node.attributes.get("value", np.zeros(1, np.float32))).reshape(-1)
    shape = tuple(int(size) for size in inputs[0])
    if value.size != 1 or min(shape, default=1) < 0:
        raise UnsupportedError(f"{value.size} values for the shape {shape}", where=node.label)
    _limited(node, shape)
    return np.full(shape, value[0])


def _range(node: Node, inputs: Arrays) -> np.ndarray:
    start, limit, delta = (item.reshape(-1)[0] for item in inputs)
    if delta == 0 or abs(float(limit - start) / float(delta)) > _LARGEST:
        raise UnsupportedError(f"a range from {start} to {limit} by {delta}", where=node.label)
    return np.arange(start, limit, delta)


def _shape(node: Node, inputs: Arrays) -> np.ndarray:
    return np.array(shape_span(node, inputs[0].shape), np.int64)


def _split(node: Node, inputs: Arrays) -> list[np.ndarray]:
    axis, sizes = split_sizes(node, inputs[0].shape, _item(inputs, 1))
    return np.split(inputs[0], np.cumsum(sizes)[:-1], axis=axis)


def _move(node: Node, inputs: Arrays) -> np.ndarray:
    return np.reshape(inputs[0], moved_shape(node, inputs[0].shape, _item(inputs, 1)))


LAYOUT: dict[str, Evaluator] = {
    "Concat": _concat,
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "Gather": _gather,
    "Range": _range,
    "Shape": _shape,
    "Size": lambda _, x: np.array(x[0].size, np.int64),
    "Slice": _slice,
    "Tile": _tile,
    "Transpose": lambda node, x: x[0].transpose(
        node.integers("perm", tuple(reversed(range(x[0].ndim))))
    ),
    **dict.fromkeys(MOVES, _move),
}

SEVERAL: dict[str, Callable[[Node, Arrays], list[np.ndarray]]] = {"Split": _split}


def folded(node: Node, inputs: Arrays) -> list[np.ndarray]:
    """Outputs of one of :data:`FOLDED`.

    Raises:
        UnsupportedError: the operator does not take its inputs.
    """
    from onnx.reference import ReferenceEvaluator

    if any(item is not None and item.size > _LARGEST >> 4 for item in inputs):
        raise UnsupportedError("its constants are too large", where=node.label)
    given = {name: item for name, item in zip(node.inputs, inputs, strict=True) if name}
    proto = onnx.helper.make_node(
        node.op,
        list(node.inputs),
        list(node.outputs),
        **{key: _attribute(item) for key, item in node.attributes.items()},
    )
    graph = onnx.helper.make_graph(
        [proto],
        "node",
        [
            _described(name, onnx.helper.np_dtype_to_tensor_dtype(item.dtype))
            for name, item in given.items()
        ],
        [_described(name, onnx.TensorProto.UNDEFINED) for name in node.outputs if name],
    )
    opset = onnx.helper.make_opsetid("", node.opset)
    try:
        model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)
        results = ReferenceEvaluator(model).run(None, given)
    except Exception as error:  # the reference raises many types
        raise UnsupportedError(
            f"it does not fit its constants ({type(error).__name__}: {error})",
            where=node.label,
            remedy="check the file with onnx.checker.check_model",
        ) from error
    return [np.asarray(item) for item in results]


def _described(name: str, kind: int) -> onnx.ValueInfoProto:
    return onnx.helper.make_tensor_value_info(name, kind, None)


def _attribute(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return onnx.numpy_helper.from_array(value)
    return list(value) if isinstance(value, tuple) else value
