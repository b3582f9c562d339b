"""Operators of FINN's domain that are standard ones in other words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.canonical.channels_last import DOMAIN
from hwcompress.frontend.canonical.context import Context
from hwcompress.frontend.canonical.expand import expands
from hwcompress.frontend.onnx_model import Node

__all__: list[str] = []

_WIDEST = 32  # bits


@expands("MaxPoolNHWC", domain="qonnx.custom_op.general")
@expands("MaxPoolNHWC", domain="finn.custom_op.general")
@expands("MaxPoolNHWC", domain="finn")
def _pool(node: Node, context: Context) -> list[Node]:
    """The older name of the channels-last MaxPool."""
    return [replace(node, op="MaxPool", domain=DOMAIN)]


@expands("QuantAvgPool2d", domain="qonnx.custom_op.general")
@expands("QuantAvgPool2d", domain="finn.custom_op.general")
@expands("QuantAvgPool2d", domain="finn")
def _truncated_average(node: Node, context: Context) -> list[Node]:
    """The sum over a window, shifted right: Brevitas' pool that truncates.

    The shift makes the widest sum of ``ibits`` fit into ``obits``.
    """
    kernel, stride = node.integer("kernel", 1), node.integer("stride", 1)
    ibits, obits = node.integer("ibits", 1), node.integer("obits", 1)
    if not 1 <= ibits <= _WIDEST or not 1 <= obits <= _WIDEST or kernel < 1:
        raise UnsupportedError(f"kernel {kernel}, ibits {ibits} or obits {obits}", where=node.label)
    shift = max(((2**ibits - 1) * kernel * kernel).bit_length() - obits, 0)
    layout = node.text("data_layout", "NCHW")
    if layout not in ("NCHW", "NHWC"):
        raise UnsupportedError(f"data_layout {layout!r}", where=node.label)
    pool = {"kernel_shape": (kernel, kernel), "strides": (stride, stride)}
    steps: list[tuple[str, float | None]] = [("Mul", float(kernel * kernel)), ("Round", None)]
    if shift:
        steps += [("Div", 2.0**shift), ("Floor", None)]
    last = context.fresh(f"{node.outputs[0]}_average")
    nodes = [
        replace(
            node,
            op="AveragePool",
            domain=DOMAIN if layout == "NHWC" else "",
            outputs=(last,),
            attributes=pool,
        )
    ]
    for place, (op, number) in enumerate(steps, 1):
        inputs = [last]
        if number is not None:
            inputs.append(context.add_constant(f"{op}_by", np.array(number)))
        last = node.outputs[0] if place == len(steps) else context.fresh(f"{node.outputs[0]}_{op}")
        nodes.append(
            replace(node, op=op, domain="", inputs=tuple(inputs), outputs=(last,), attributes={})
        )
    return nodes
