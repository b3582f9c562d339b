"""Putting elements into the order that an operation needs.

A Transpose or Reshape in the source changes only the ``order`` of a
:class:`~hwcompress.frontend.values.Symbolic`. Where an operation needs its
elements in another order than the stream has, this module emits what moves
them: a Reshape alone, a Shuffle of channels, or a Transpose between two
Reshapes.
"""

from __future__ import annotations

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.builder import GraphBuilder
from hwcompress.frontend.function import ScalarFunction
from hwcompress.frontend.geometry import image_order, image_shape
from hwcompress.frontend.positions import evened
from hwcompress.frontend.values import Symbolic
from hwcompress.ir import Shuffle, Transpose

__all__ = ["alike", "arranged", "as_image", "as_vector"]

_MOST_SHUFFLED = 1 << 14  # elements in an order that is written out


def as_image(builder: GraphBuilder, value: Symbolic, where: str) -> Symbolic:
    """``value``, ``(1, C, H, W)`` or ``(1, C, L)``, over a graph tensor ``(H, W, C)``."""
    if value.shape[0] != 1:
        raise UnsupportedError(
            f"needs one image or signal a sample, got {value.shape[0]} of {value.shape[1:]}",
            where=where,
            why="a Reshape before it moved positions into the batch axis",
        )
    if len(value.shape) not in (3, 4):
        raise UnsupportedError(
            "needs an image (1, channels, height, width) or a signal (1, channels, length),"
            f" got {value.shape}",
            where=where,
        )
    return arranged(builder, value, image_shape(value.shape), image_order(value.shape), where)


def as_vector(builder: GraphBuilder, value: Symbolic, where: str) -> Symbolic:
    """``value`` over a vector in the order of the source."""
    size = value.order.size
    return arranged(builder, value, (size,), np.arange(size), where)


def arranged(
    builder: GraphBuilder, value: Symbolic, shape: tuple[int, ...], order: np.ndarray, where: str
) -> Symbolic:
    """``value`` over a graph tensor of ``shape`` in which its elements lie in ``order``.

    Raises:
        UnsupportedError: no operation moves the elements so, or channels with
            different functions would be mixed.
    """
    before = builder.types[value.base]
    if before.shape == shape and np.array_equal(value.order, order):
        return value
    wanted = np.empty(order.size, np.int64)  # for each new element the one of the old tensor
    wanted[order] = value.order
    channels = shape[-1]
    sources = (wanted % before.channels).reshape(-1, channels)
    kept = bool(np.all(sources == sources[0]))
    if not kept and not alike(value.function, sources):
        even = evened(builder, value)
        if even is not None:
            return arranged(builder, even, shape, order, where)
        raise UnsupportedError(
            "its elements must be reordered, and those of one new channel have different scales",
            where=where,
            remedy="quantize the tensor with one scale before it is reshaped, transposed or"
            " given to this node; constants that differ by position need the tensor's scale, or a"
            " multiple of it",
        )
    into = sources[0]
    key = (value.base, shape, wanted.tobytes())
    if key not in builder.arranged:
        builder.arranged[key] = _moved(builder, value, shape, wanted, kept, where)

    def function(old: ScalarFunction) -> ScalarFunction:
        return old.rearranged(into)

    result = value.rebased(builder.arranged[key], value.shape, order, function)
    gain, offset = result.function.gain, result.function.offset
    if gain is not None and offset is not None and result.base not in builder.affine:
        builder.symbol(result.base, result.shape, order, gain, offset)
    return result


def alike(function: ScalarFunction, sources: np.ndarray) -> bool:
    """Whether the old channels of each column have one affine function."""
    gain, offset = function.gain, function.offset
    if gain is None or offset is None:
        return False
    same = (gain[sources] == gain[sources[0]]) & (offset[sources] == offset[sources[0]])
    return bool(np.all(same))


def _moved(
    builder: GraphBuilder,
    value: Symbolic,
    shape: tuple[int, ...],
    wanted: np.ndarray,
    kept: bool,
    where: str,
) -> str:
    """Emit what lays out the elements ``wanted`` of the base, and give its name."""
    before = builder.types[value.base]
    whole = wanted.size == before.size
    if whole and np.array_equal(wanted, np.arange(wanted.size)):
        return builder.reshape(value.base, shape)
    channels = shape[-1]
    positions = (wanted // before.channels).reshape(-1, channels)
    in_place = np.arange(positions.shape[0])[:, None]
    if whole and kept and before.channels == channels and np.all(positions == in_place):
        tensor = builder.reshape(value.base, shape)
        name = builder.fresh(f"{value.base}_shuffle")
        permutation = wanted[:channels] % channels
        return builder.add(Shuffle(name, (tensor,), (name,), permutation))
    digits = _digits(wanted) if whole else None
    if digits is None and whole and wanted.size <= _MOST_SHUFFLED:
        tensor = builder.reshape(value.base, (wanted.size,))
        name = builder.fresh(f"{value.base}_shuffle")
        builder.add(Shuffle(name, (tensor,), (name,), wanted))
        return builder.reshape(name, shape)
    if digits is None:
        raise UnsupportedError(
            "the elements must be reordered before this node, in a way that is no transposition",
            where=where,
            remedy="keep the channels in front, as Conv and Linear take them",
        )
    sizes, strides = digits
    by_stride = sorted(range(len(sizes)), key=lambda axis: -strides[axis])
    inner = tuple(sizes[axis] for axis in by_stride)
    axes = tuple(by_stride.index(axis) for axis in range(len(sizes)))
    tensor = builder.reshape(value.base, inner)
    name = builder.fresh(f"{value.base}_transpose")
    builder.add(Transpose(name, (tensor,), (name,), inner, axes))
    return builder.reshape(name, shape)


def _digits(wanted: np.ndarray) -> tuple[list[int], list[int]] | None:
    """Sizes and strides (outermost first) with ``wanted[i] = sum of digit * stride``.

    The digits are those of ``i`` in the mixed radix of the sizes. Every
    composition of reshapes and transposes has this form; ``None`` if
    ``wanted`` has not.
    """
    sizes: list[int] = []
    strides: list[int] = []
    rest = wanted
    while rest.size > 1:
        steps = np.diff(rest)
        breaks = np.flatnonzero(steps != steps[0])
        run = int(breaks[0]) + 1 if breaks.size else rest.size
        if rest.size % run or run < 2:
            return None
        sizes.insert(0, run)
        strides.insert(0, int(steps[0]))
        rest = rest[::run]
    value = np.zeros(1, np.int64)
    for size, stride in zip(sizes, strides, strict=True):
        value = (value[:, None] + stride * np.arange(size)).reshape(-1)
    radix = 1
    for stride, size in sorted(zip(strides, sizes, strict=True)):
        if stride != radix:
            return None
        radix *= size
    return (sizes, strides) if np.array_equal(value, wanted) else None
