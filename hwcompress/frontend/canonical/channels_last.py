"""The domain ``qonnx.custom_op.channels_last``: images as ``(n, height, width, channels)``.

Its operators are the standard ones between two Transposes, which cost nothing here: the
order of the elements is all that they change.
"""

from __future__ import annotations

from dataclasses import replace

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.canonical.context import Context
from hwcompress.frontend.canonical.expand import expands
from hwcompress.frontend.onnx_model import Node

__all__ = ["DOMAIN", "channels_first"]

DOMAIN = "qonnx.custom_op.channels_last"


def channels_first(rank: int) -> tuple[int, ...]:
    """The Transpose of ``(n, ..., channels)`` to ``(n, channels, ...)``."""
    return (0, rank - 1, *range(1, rank - 1))


def channels_last(rank: int) -> tuple[int, ...]:
    """The Transpose of ``(n, channels, ...)`` to ``(n, ..., channels)``."""
    return (0, *range(2, rank), 1)


def _moved(node: Node, source: str, target: str, perm: tuple[int, ...]) -> Node:
    return Node("Transpose", node.name, "", (source,), (target,), {"perm": perm}, node.opset)


def _rank(node: Node, context: Context) -> int:
    for name in node.inputs[: 2 if node.op == "Conv" else 1]:
        shape = context.shape(name)
        if shape is not None:
            return len(shape)
    window = node.integers("kernel_shape")
    if window:
        return len(window) + 2
    raise UnsupportedError("the rank of its input is not known", where=node.label)


@expands("Conv", "MaxPool", "AveragePool", "BatchNormalization", domain=DOMAIN)
def _wrapped(node: Node, context: Context) -> list[Node]:
    """Transpose, the operator, Transpose; a Conv's weights are ``(M, kh, kw, C/g)``."""
    rank = _rank(node, context)
    if rank < 3:
        raise UnsupportedError(f"an input of {rank} axes", where=node.label)
    first, last = channels_first(rank), channels_last(rank)
    count = 2 if node.op == "Conv" else 1
    moved = [context.fresh(f"{name}_channels_first") for name in node.inputs[:count]]
    result = context.fresh(f"{node.outputs[0]}_channels_first")
    op = replace(
        node,
        domain="",
        inputs=(*moved, *node.inputs[count:]),
        outputs=(result, *node.outputs[1:]),
    )
    before = [
        _moved(node, name, target, first)
        for name, target in zip(node.inputs[:count], moved, strict=True)
    ]
    return [*before, op, _moved(node, result, node.outputs[0], last)]
