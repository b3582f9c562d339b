"""Operators with any number of operands, two by two."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwcompress.frontend.canonical.context import Context
from hwcompress.frontend.canonical.expand import expands
from hwcompress.frontend.onnx_model import Node

__all__: list[str] = []


@expands("Max", "Min", "Sum", "Mean")
def _variadic(node: Node, context: Context) -> list[Node]:
    """A chain of operators with two operands; a Mean is divided in the end."""
    operator = "Add" if node.op in ("Sum", "Mean") else node.op
    count = len(node.inputs)
    if count == 2 and operator == node.op:
        return [node]
    if count == 1:
        return [replace(node, op="Identity")]
    nodes: list[Node] = []
    total = node.inputs[0]
    for place, operand in enumerate(node.inputs[1:], 2):
        last = place == count and node.op != "Mean"
        output = node.outputs[0] if last else context.fresh(f"{node.outputs[0]}_{place}")
        nodes.append(replace(node, op=operator, inputs=(total, operand), outputs=(output,)))
        total = output
    if node.op == "Mean":
        number = context.add_constant("operands", np.array(count, np.float32))
        nodes.append(replace(node, op="Div", inputs=(total, number)))
    return nodes
