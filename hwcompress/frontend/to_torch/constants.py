"""Nodes that depend on constants alone, evaluated by onnxruntime."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.onnx_model import Attribute, Node

__all__ = ["fold"]

_LARGEST = 1 << 26  # elements of all tensors of one node
_BROADCASTING = ("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "Where")
_IR_VERSION = 8  # old enough for every onnxruntime that this package allows


def fold(node: Node, inputs: Sequence[np.ndarray | None]) -> list[np.ndarray]:
    """Every output of a node of which all inputs are constants.

    Raises:
        UnsupportedError: the operator is not known, or its inputs do not fit.
    """
    import onnxruntime

    if sum(item.size for item in inputs if item is not None) + _made(node, inputs) > _LARGEST:
        raise UnsupportedError("its constants are too large", where=node.label)
    names = ["" if item is None else f"in{index}" for index, item in enumerate(inputs)]
    feeds = {name: np.asarray(x) for name, x in zip(names, inputs, strict=True) if x is not None}
    outputs = [f"out{index}" if name else "" for index, name in enumerate(node.outputs)]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(
            _model(node, names, feeds, outputs).SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
        )
        results = iter(session.run(None, feeds))
    except Exception as error:  # of onnx for types, of onnxruntime for operators and shapes
        raise UnsupportedError(
            f"it cannot be evaluated: {str(error).splitlines()[0][:200]}",
            where=node.label,
            remedy="export the model with constant folding (do_constant_folding=True)",
        ) from error
    return [np.asarray(next(results)) if name else np.empty(0) for name in outputs]


def _made(node: Node, inputs: Sequence[np.ndarray | None]) -> int:
    """Elements that an operator makes whose result may be larger than its inputs."""
    first = inputs[0] if inputs else None
    second = inputs[1] if len(inputs) > 1 else None
    if node.op == "ConstantOfShape" and first is not None:
        return math.prod(int(item) for item in first.reshape(-1))
    if node.op == "Expand" and first is not None and second is not None:
        return math.prod(max(int(item), 1) for item in second.reshape(-1)) * max(first.size, 1)
    if node.op == "Tile" and first is not None and second is not None:
        return math.prod(int(item) for item in second.reshape(-1)) * first.size
    if node.op == "Range" and all(item is not None and item.size == 1 for item in inputs[:3]):
        start, stop, step = (float(np.asarray(item).reshape(())) for item in inputs[:3])
        return math.ceil(abs((stop - start) / step)) if step else 0
    if node.op == "Pad":
        pads = node.integers("pads") if second is None else second.reshape(-1)
        sizes = () if first is None else first.shape
        return math.prod(
            size + sum(abs(int(item)) for item in pads[axis :: len(sizes)])
            for axis, size in enumerate(sizes)
        )
    if node.op in ("Resize", "Upsample"):
        raise UnsupportedError("it resizes a constant", where=node.label)
    if node.op in _BROADCASTING:
        return math.prod(np.broadcast_shapes(*(x.shape for x in inputs if x is not None)))
    return 0


def _model(
    node: Node, names: list[str], feeds: dict[str, np.ndarray], outputs: list[str]
) -> onnx.ModelProto:
    proto = helper.make_node(node.op, names, outputs, domain=node.domain)
    proto.attribute.extend(_attribute(*item) for item in node.attributes.items())
    described = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
        for name, x in feeds.items()
    ]
    results = [helper.make_empty_tensor_value_info(name) for name in outputs if name]
    graph = helper.make_graph([proto], "constant", described, results)
    opset = helper.make_opsetid("", node.opset)
    return helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION)


def _attribute(name: str, value: Attribute) -> onnx.AttributeProto:
    if isinstance(value, np.ndarray):
        return helper.make_attribute(name, numpy_helper.from_array(value))
    if isinstance(value, tuple) and not value:
        return helper.make_attribute(name, [], attr_type=onnx.AttributeProto.INTS)
    return helper.make_attribute(name, list(value) if isinstance(value, tuple) else value)
