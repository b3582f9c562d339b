"""Shapes of a single node's outputs, by the shape inference of ``onnx``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hwcompress.frontend.float64 import QUANTIZERS
from hwcompress.frontend.onnx_model import Node

__all__ = ["output_shapes"]

Shape = tuple[int, ...]
_KEEP = QUANTIZERS | {"MultiThreshold", "Dropout", "Identity", "QuantizeLinear"}


def output_shapes(
    node: Node,
    shape: Callable[[str], Shape | None],
    constant: Callable[[str], np.ndarray | None],
) -> list[Shape | None]:
    """Shape of each output, ``None`` where it does not follow.

    Args:
        node: a node with canonical operators.
        shape: of an input.
        constant: value of an input that is a small constant.
    """
    unknown: list[Shape | None] = [None] * len(node.outputs)
    shapes = {name: shape(name) for name in node.inputs if name}
    if any(item is None for item in shapes.values()):
        return unknown
    if node.op in _KEEP:
        return [shapes[node.inputs[0]], *unknown[1:]]
    if node.domain not in ("", "ai.onnx"):
        return unknown
    values = {name: constant(name) for name in shapes}
    inputs = [
        helper.make_tensor_value_info(name, _element(values[name]), item)
        for name, item in shapes.items()
    ]
    weights = [
        numpy_helper.from_array(item, name) for name, item in values.items() if item is not None
    ]
    try:
        proto = helper.make_node(
            node.op,
            list(node.inputs),
            list(node.outputs),
            **{key: _attribute(item) for key, item in node.attributes.items()},
        )
        results = [
            helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None)
            for name in node.outputs
            if name
        ]
        graph = helper.make_graph([proto], "node", inputs, results, weights)
        opsets = [helper.make_opsetid("", node.opset)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        found = onnx.shape_inference.infer_shapes(model, data_prop=True).graph.output
    except Exception:  # onnx raises many types; a node that makes no sense has no shape
        return unknown
    known = {item.name: _stated(item) for item in found}
    return [known.get(name) for name in node.outputs]


def _element(value: np.ndarray | None) -> int:
    return TensorProto.FLOAT if value is None else helper.np_dtype_to_tensor_dtype(value.dtype)


def _attribute(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return numpy_helper.from_array(value)
    return list(value) if isinstance(value, tuple) else value


def _stated(info: onnx.ValueInfoProto) -> Shape | None:
    kind = info.type.tensor_type
    if not kind.HasField("shape") or not all(axis.HasField("dim_value") for axis in kind.shape.dim):
        return None
    return tuple(int(axis.dim_value) for axis in kind.shape.dim)
