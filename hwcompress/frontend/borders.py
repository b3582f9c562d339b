"""Padding as an operation of its own, and its merging into the operation that reads it.

A padded tensor is a 1x1 convolution with one weight of 1 for each channel, whose padding
holds the level that stands for the value. A convolution or pool that reads it and
could pad so itself takes the tensor inside instead; a padded tensor that nothing else
reads then never comes into being.
"""

from __future__ import annotations

import numpy as np

from hwcompress.frontend.geometry import image_order, source_shape
from hwcompress.frontend.lowering import Border, Lowering
from hwcompress.frontend.values import Symbolic
from hwcompress.ir import Conv, IntType

__all__ = ["padded", "placed", "without_border", "without_low_border"]

Quad = tuple[int, int, int, int]


def placed(state: Lowering, image: Symbolic, name: str) -> Symbolic:
    """The functions of ``image`` over a graph tensor of other height and width."""
    shape = source_shape(state.builder.types[name].shape, len(image.shape))
    result = image.rebased(name, shape, image_order(shape), lambda function: function)
    gain, offset = result.function.gain, result.function.offset
    if gain is not None and offset is not None:
        state.builder.symbol(name, shape, result.order, gain, offset)
    return result


def padded(state: Lowering, image: Symbolic, padding: Quad, level: int) -> Symbolic:
    """``image`` (over ``(H, W, C)``) with a border of the integer ``level``."""
    channels = state.builder.types[image.base].channels
    border = Border(image.base, padding, level)
    for name, known in state.borders.items():
        if known == border:
            return placed(state, image, name)
    name = state.builder.fresh(f"{image.base}_padded")
    weight = np.ones((channels, 1, 1, 1), np.int64)
    state.builder.add(
        Conv(
            name,
            (image.base,),
            (name,),
            weight,
            IntType(0, 1),
            padding=padding,
            groups=channels,
            pad_value=level,
        )
    )
    state.borders[name] = border
    return placed(state, image, name)


def _sum(a: Quad, b: Quad) -> Quad:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3])


def without_border(state: Lowering, border: Border) -> Border:
    """``border`` around what is inside its tensor, if that has a border of the same level."""
    while (inner := state.borders.get(border.tensor)) is not None:
        if any(border.padding) and inner.level != border.level:
            break
        border = Border(inner.tensor, _sum(inner.padding, border.padding), inner.level)
    return border


def without_low_border(
    state: Lowering, tensor: str, padding: Quad, kernel: tuple[int, int]
) -> Border:
    """The same for a maximum, whose padding never wins: neither does a border of a level
    that no element is below, in windows that hold an element."""
    result = Border(tensor, padding, 0)
    while (inner := state.borders.get(result.tensor)) is not None:
        total = _sum(inner.padding, result.padding)
        low = int(state.builder.ranges[inner.tensor].lo.min())
        if inner.level > low or max(total[0::2]) >= kernel[0] or max(total[1::2]) >= kernel[1]:
            break
        result = Border(inner.tensor, total, 0)
    return result
