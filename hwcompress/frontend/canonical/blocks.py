"""DepthToSpace and SpaceToDepth: a Reshape, a Transpose and a Reshape, which cost nothing here."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.canonical.context import Context
from hwcompress.frontend.canonical.expand import expands
from hwcompress.frontend.onnx_model import Node

__all__: list[str] = []


@expands("DepthToSpace", "SpaceToDepth")
def _blocks(node: Node, context: Context) -> list[Node]:
    shape, size = context.shape(node.inputs[0]), node.integer("blocksize", 0)
    if shape is None or len(shape) != 4 or size < 1:
        raise UnsupportedError(
            f"blocks of {size} of a tensor of shape {shape}",
            where=node.label,
            remedy="export the model with a fixed input shape",
        )
    batch, channels, height, width = shape
    if node.op == "SpaceToDepth":
        inner = (batch, channels, height // size, size, width // size, size)
        perm = (0, 3, 5, 1, 2, 4)
        outer = (batch, channels * size * size, height // size, width // size)
        fits = height % size == 0 and width % size == 0
    else:
        fewer = channels // (size * size)
        columns_first = node.text("mode", "DCR") == "DCR"
        inner = (batch, size, size, fewer, height, width)
        inner = inner if columns_first else (batch, fewer, size, size, height, width)
        perm = (0, 3, 4, 1, 5, 2) if columns_first else (0, 1, 4, 2, 5, 3)
        outer = (batch, fewer, height * size, width * size)
        fits = channels % (size * size) == 0
    if not fits:
        raise UnsupportedError(f"blocks of {size} do not divide {shape}", where=node.label)
    names = [context.fresh(f"{node.outputs[0]}_blocks") for _ in range(2)]
    shapes = [
        context.add_constant(f"{name}_shape", np.array(item, np.int64))
        for name, item in zip(names, (inner, outer), strict=True)
    ]

    def made(op: str, inputs: tuple[str, ...], output: str, **attributes: tuple[int, ...]) -> Node:
        return Node(op, node.name, "", inputs, (output,), attributes, node.opset)

    return [
        made("Reshape", (node.inputs[0], shapes[0]), names[0]),
        made("Transpose", (names[0],), names[1], perm=perm),
        made("Reshape", (names[1], shapes[1]), node.outputs[0]),
    ]
