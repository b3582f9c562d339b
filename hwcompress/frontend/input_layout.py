"""Which axis of a raw input its first reader takes for the channels."""

from __future__ import annotations

from hwcompress.frontend.lowering import Lowering
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.shapes import MOVES

__all__ = ["channel_axis_of_readers"]

_CHANNELS_SECOND = frozenset(
    {
        "AveragePool",
        "BatchNormalization",
        "Conv",
        "ConvTranspose",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "MaxPool",
        "Upsample",
    }
)
_UNKNOWN = MOVES | {"Gather", "Gemm", "MatMul"}
_FARTHEST = 64  # nodes that are looked at


def channel_axis_of_readers(state: Lowering, node: Node, rank: int) -> int:
    """The axis of ``node``'s input that is the second one where a window operator reads it.

    Nodes in between only carry it on, Transposes move it. Where no window operator is
    found it is the second axis, as in all of ONNX.

    Args:
        state: the import.
        node: the node that makes the raw input an integer tensor.
        rank: axes of its input.
    """
    waiting = [(node, tuple(range(rank)))]
    seen = {node}
    while waiting and len(seen) <= _FARTHEST:
        item, axes = waiting.pop(0)
        if item.op in _CHANNELS_SECOND:
            return axes[1]
        if item.op in _UNKNOWN:
            continue
        if item.op == "Transpose":
            perm = item.integers("perm", tuple(reversed(range(rank))))
            if sorted(perm) != list(range(rank)):
                continue
            axes = tuple(axes[i] for i in perm)
        for reader in state.readers(item.outputs[0]):
            if reader not in seen:
                seen.add(reader)
                waiting.append((reader, axes))
    return 1
