"""Images whichever way round the source has them.

Nodes over whole axes (pads, reductions) name axes of the source, where the channels may be
the second axis or the last one, or be moved by a Transpose. Here such a node is read over
the graph's ``(H, W, C)``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwcompress.frontend.builder import GraphBuilder
from hwcompress.frontend.geometry import image_order, image_shape
from hwcompress.frontend.values import Symbolic

__all__ = ["channel_axis", "channels_second", "restored", "turned"]

Axes = tuple[int, ...]


def channels_second(axis: int, rank: int) -> Axes:
    """The order of axes that moves one of them behind the batch."""
    return (0, axis, *(i for i in range(1, rank) if i != axis))


def turned(value: Symbolic, axes: Axes) -> Symbolic:
    """``value`` with its axes in another order; elements stay where they are."""
    order = value.order.reshape(value.shape).transpose(axes)
    return value.moved(order.shape, order.reshape(-1))


def restored(value: Symbolic, axes: Axes) -> Symbolic:
    """Undo :func:`turned`."""
    return turned(value, tuple(int(i) for i in np.argsort(axes)))


def channel_axis(builder: GraphBuilder, value: Symbolic, among: Sequence[int]) -> Axes:
    """The order of axes that puts the channels second.

    Of the axes ``among`` it takes the one that the graph tensor has as channels already;
    else the first.

    Args:
        builder: the graph.
        value: a tensor of three or four axes over a graph tensor.
        among: axes that may be taken for channels.
    """
    rank = len(value.shape)
    kind = builder.types[value.base]
    for axis in among:
        axes = channels_second(axis, rank)
        item = turned(value, axes)
        same = kind.shape == image_shape(item.shape)
        if same and np.array_equal(item.order, image_order(item.shape)):
            return axes
    return channels_second(among[0], rank)
