"""Convolutions as FINN lowers them: Im2Col and MatMul; and XnorPopcountMatMul.

Im2Col alone is a convolution whose weights pick one pixel each. A MatMul with constant
weights that reads it is the convolution that it came from; the picked pixels then come into
being only if something else reads them. Definitions: ``custom_op/general/im2col.py`` and
``xnorpopcount.py`` of the package ``qonnx``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.canonical.context import Context
from hwcompress.frontend.canonical.expand import expands
from hwcompress.frontend.onnx_model import Attribute, Node

__all__: list[str] = []

_DOMAINS = ("qonnx.custom_op.general", "finn.custom_op.general", "finn")
_WIDEST = 1 << 13  # elements of a window
_FIRST, _LAST = (0, 3, 1, 2), (0, 2, 3, 1)  # channels


def _made(node: Node, op: str, inputs: Iterable[str], output: str, **attributes: Attribute) -> Node:
    return Node(op, node.name, "", tuple(inputs), (output,), attributes, node.opset)


@expands("Im2Col", domain=_DOMAINS[0])
@expands("Im2Col", domain=_DOMAINS[1])
@expands("Im2Col", domain=_DOMAINS[2])
def _im2col(node: Node, context: Context) -> list[Node]:
    """Images ``(n, h, w, C)`` to windows ``(n, oh, ow, kh * kw * C)``."""
    shape = context.shape(node.inputs[0])
    kernel = node.integers("kernel_size")
    if len(kernel) != 2:  # before 2021 a single number
        kernel = (node.integer("kernel_size", 1),) * 2
    if shape is None or len(shape) != 4 or min(kernel) < 1:
        raise UnsupportedError(
            f"windows of {kernel} over a tensor of shape {shape}",
            where=node.label,
            remedy="give it images (1, height, width, channels)",
        )
    channels, size = shape[3], kernel[0] * kernel[1]
    if channels * size > _WIDEST:
        raise UnsupportedError(
            f"windows of {channels * size} elements",
            where=node.label,
            why=f"more than {_WIDEST} are not supported",
            remedy="give the model with its Conv nodes, before they were lowered",
        )
    # In this order whether "depthwise" or not, which is about the hardware.
    place = np.arange(channels * size).reshape(channels, size).T.reshape(-1)
    pick = np.eye(channels * size, dtype=np.float32)[place].reshape(-1, channels, *kernel)
    output = node.outputs[0]
    source, windows = (context.fresh(f"{output}_{what}") for what in ("image", "windows"))
    nodes = [_made(node, "Transpose", node.inputs[:1], source, perm=_FIRST)]
    pads, level = node.integers("pad_amount", (0, 0, 0, 0)), node.integer("pad_value", 0)
    if level and any(pads):
        around = np.array([0, 0, *pads[:2], 0, 0, *pads[2:]], np.int64)
        given = (around, np.array(float(level), np.float32))
        extra = [context.add_constant(f"{output}_pad", item) for item in given]
        padded = context.fresh(f"{output}_padded")
        nodes.append(_made(node, "Pad", (source, *extra), padded, mode="constant"))
        source, pads = padded, (0, 0, 0, 0)
    stride = node.integers("stride", (1, 1))
    conv = _made(
        node,
        "Conv",
        (source, context.add_constant(f"{output}_pick", pick)),
        windows,
        kernel_shape=kernel,
        strides=stride,
        pads=pads,
        dilations=node.integers("dilations", (1, 1)),
        group=1,
    )
    last = _made(node, "Transpose", (windows,), output, perm=_LAST)
    context.windows[output] = (conv, last)
    return [*nodes, conv, last]


@expands("MatMul")
def _product_of_windows(node: Node, context: Context) -> list[Node]:
    if len(node.inputs) != 2 or node.inputs[0] not in context.windows:
        return [node]
    weight = context.shape(node.inputs[1])
    if not context.is_constant(node.inputs[1]) or weight is None or len(weight) != 2:
        return [node]
    conv, last = context.windows[node.inputs[0]]
    pick = context.constant(conv.inputs[1])
    assert pick is not None
    rows, (_, channels, *kernel) = weight[1], pick.shape
    if weight[0] != len(pick):
        return [node]
    column = np.argsort(pick.reshape(len(pick), -1).argmax(axis=1))
    output = node.outputs[0]
    names = [context.fresh(f"{output}_{what}") for what in ("rows", "flat", "kernel", "first")]
    groups = _groups(context.constant(node.inputs[1]), column, rows, channels)
    # Elements of (rows, columns) of the kernel, flat.
    index = (np.arange(rows)[:, None] * len(pick) + column).reshape(rows, channels, *kernel)
    if groups > 1:
        index = index[np.arange(rows), np.arange(rows)][:, None]
    given = (np.array([-1], np.int64), index.astype(np.int64))
    flat, taken = (context.add_constant(f"{output}_index", item) for item in given)
    return [
        _made(node, "Transpose", node.inputs[1:], names[0], perm=(1, 0)),
        _made(node, "Reshape", (names[0], flat), names[1]),
        _made(node, "Gather", (names[1], taken), names[2], axis=0),
        replace(
            conv,
            name=node.name,
            inputs=(conv.inputs[0], names[2]),
            outputs=(names[3],),
            attributes={**conv.attributes, "group": groups},
            source="",
        ),
        replace(last, name=node.name, inputs=(names[3],), outputs=(output,), source=""),
    ]


def _groups(weight: np.ndarray | None, column: np.ndarray, rows: int, channels: int) -> int:
    """As many groups as channels, if each row has weights for its own channel only."""
    if weight is None or rows != channels or channels == 1:
        return 1
    own = weight.T[:, column].reshape(rows, channels, -1)
    return 1 if np.any(own[~np.eye(channels, dtype=bool)]) else channels


@expands("XnorPopcountMatMul", domain=_DOMAINS[0])
@expands("XnorPopcountMatMul", domain=_DOMAINS[1])
@expands("XnorPopcountMatMul", domain=_DOMAINS[2])
def _xnor(node: Node, context: Context) -> list[Node]:
    """How many of the bits agree: ``x @ (2 w - 1) + sum(1 - w)`` for bits x and w."""
    weight = context.constant(node.inputs[1])
    if weight is None:
        raise UnsupportedError(
            "both operands depend on the data",
            where=node.label,
            why="a matrix product in hardware has constant weights",
        )
    product = context.fresh(f"{node.outputs[0]}_product")
    signs = context.add_constant(f"{node.inputs[1]}_signs", 2 * weight - 1)
    unset = context.add_constant(f"{node.inputs[1]}_unset", (1 - weight).sum(axis=0))
    return [
        _made(node, "MatMul", (node.inputs[0], signs), product),
        _made(node, "Add", (product, unset), node.outputs[0]),
    ]
