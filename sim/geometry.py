"""Window geometry as the kernels read it: one tuple of integers."""

from __future__ import annotations

from hwcompress.ir import TensorType
from hwcompress.ir.ops.spatial import Pair, Quad

__all__ = ["Geometry", "vector_geometry", "window_geometry"]

Geometry = tuple[int, ...]


def window_geometry(
    source: TensorType,
    result: TensorType,
    kernel: Pair,
    stride: Pair,
    padding: Quad,
    dilation: Pair = (1, 1),
) -> Geometry:
    """``[H, W, C, OH, OW, KH, KW, stride y, x, pad top, left, dilation y, x]``.

    Padding below and to the right follows from ``OH`` and ``OW``.
    """
    facts = (*source.shape, *result.shape[:2], *kernel, *stride, *padding[:2], *dilation)
    return tuple(int(fact) for fact in facts)


def vector_geometry(channels: int) -> Geometry:
    """A vector as an image of one pixel under a 1 x 1 window."""
    return (1, 1, channels, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1)
