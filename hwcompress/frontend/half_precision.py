"""A model in float16 with float32 arithmetic: the same stored numbers, sums that keep their digits.

In float16 a sum of a few hundred products is off by whole steps of a quantizer, by as many as
the order of its terms has it: nothing could be compared with it. The parameters stay what the
file says. A Cast to float16 still rounds.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["in_float32"]

_HALF, _FULL = TensorProto.FLOAT16, TensorProto.FLOAT
# Attributes that name the type of a result.
_TYPES = frozenset({"dtype", "output_dtype", "to"})


def in_float32(proto: onnx.ModelProto) -> bool:
    """Change a model in place; whether anything in it was float16."""
    graph, found = proto.graph, False
    for tensor in graph.initializer:
        found |= _widened(tensor)
    for info in (*graph.input, *graph.output, *graph.value_info):
        if info.type.tensor_type.elem_type == _HALF:
            info.type.tensor_type.elem_type, found = _FULL, True
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        nodes.append(node)
        rounds = False
        for attribute in node.attribute:
            if attribute.HasField("t"):
                found |= _widened(attribute.t)
            elif attribute.name in _TYPES and attribute.i == _HALF:
                rounds, found = node.op_type == "Cast", True
                attribute.i = _HALF if rounds else _FULL
        if rounds:
            output = node.output[0]
            node.output[0] = f"{output}/in float16"
            nodes.append(helper.make_node("Cast", list(node.output), [output], to=_FULL))
    if found:
        del graph.node[:]
        graph.node.extend(nodes)
    return found


def _widened(tensor: onnx.TensorProto) -> bool:
    if tensor.data_type != _HALF:
        return False
    values = numpy_helper.to_array(tensor).astype(np.float32)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return True
