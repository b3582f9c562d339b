"""Pad: around an image, around its channels, with any value that has a level."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.arrange import as_image
from hwcompress.frontend.borders import padded
from hwcompress.frontend.lower_input import materialised
from hwcompress.frontend.lowering import Lowering, handles
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.orient import channel_axis, restored, turned
from hwcompress.frontend.pads import Borders, read_pad
from hwcompress.frontend.select import along, note_origin, taken
from hwcompress.frontend.values import Symbolic, Value
from hwcompress.frontend.weights import affine_input, level_of
from hwcompress.ir import Concat, Constant, int_range

__all__: list[str] = []

_LOWEST = -1e30  # what a maximum's padding is written as, where it is not minus infinity


@handles("Pad")
def _pad(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    given = [state.constant(node, index) for index in range(1, len(node.inputs))]
    borders = read_pad(node, value.shape, [None if item is None else item.value for item in given])
    if not any(any(pair) for pair in borders.pads):
        return value
    value = materialised(state, value, node)
    for axis, (begin, end) in enumerate(borders.pads):
        size = value.shape[axis]
        if borders.mode != "constant" and (begin, end) != (0, 0):
            value = taken(state.builder, value, axis, borders.sources(axis, size), node.label)
        elif begin < 0 or end < 0:
            kept = np.arange(max(-begin, 0), size - max(-end, 0))
            value = taken(state.builder, value, axis, kept, node.label)
    if borders.mode != "constant":
        return value
    return _surrounded(state, node, value, borders)


def _surrounded(state: Lowering, node: Node, value: Symbolic, borders: Borders) -> Symbolic:
    """Constants around ``value``."""
    pads = [(max(begin, 0), max(end, 0)) for begin, end in borders.pads]
    grown = [axis for axis, pair in enumerate(pads) if any(pair)]
    rank = len(value.shape)
    if not grown:
        return value
    if rank in (3, 4):
        # The channels are best an axis that is not padded.
        among = [axis for axis in (1, rank - 1) if axis not in grown]
        among += [axis for axis in range(1, rank) if axis not in among]
        order = channel_axis(state.builder, value, among)
        image = as_image(state.builder, turned(value, order), node.label)
        places = [pads[axis] for axis in order]
        (top, bottom), (left, right) = places[2:] if rank == 4 else [(0, 0), places[2]]
        if top or bottom or left or right:
            level = _level(state, node, image, borders.value)
            image = padded(state, image, (top, left, bottom, right), level)
        value = restored(image, order)
        pads = [pair if axis == order[1] else (0, 0) for axis, pair in enumerate(pads)]
    for axis, pair in enumerate(pads):
        if any(pair):
            value = _lengthened(state, node, value, axis, pair, borders.value)
    return value


def _level(state: Lowering, node: Node, value: Symbolic, real: float) -> int:
    """The integer that stands for ``real`` in every channel."""
    if real < _LOWEST:
        readers = state.readers(node.outputs[0])
        if readers and all(reader.op == "MaxPool" for reader in readers):
            gain, _ = affine_input(value, node)
            if np.all(gain > 0):
                return int(state.builder.ranges[value.base].lo.min())
        raise UnsupportedError(
            f"padding with {real:g}, which only a MaxPool may read",
            where=node.label,
            remedy="give the MaxPool its own pads",
        )
    return level_of(value, real, node)


def _lengthened(
    state: Lowering, node: Node, value: Symbolic, axis: int, pair: tuple[int, int], real: float
) -> Symbolic:
    """``value`` with constant elements in front of and behind an axis: side by side with them."""
    builder = state.builder
    item = along(builder, value, axis, node.label)
    width = item.count * item.inner
    tensor = item.value.base
    if builder.types[tensor].channels != width:
        tensor = builder.reshape(tensor, (item.outer, width))
    gain, offset = affine_input(item.value, node)
    spread = np.arange(width) % gain.size
    gain, offset = gain[spread], offset[spread]
    try:
        level, zero = level_of(item.value, real, node), float(offset[0])
    except UnsupportedError:
        level, zero = 0, real  # new channels may have a function of their own
    parts, gains, offsets = [], [], []
    for place, count in enumerate((pair[0], item.count, pair[1])):
        if place == 1:
            parts.append(tensor)
            gains.append(gain)
            offsets.append(offset)
        elif count:
            shape = (*builder.types[tensor].shape[:-1], count * item.inner)
            name = builder.fresh(f"{tensor}_border")
            values = np.full(shape, level, np.int64)
            builder.add(Constant(name, (), (name,), values, int_range(values)))
            parts.append(name)
            gains.append(np.full(shape[-1], gain[0]))
            offsets.append(np.full(shape[-1], zero))
    name = builder.fresh(node.name or node.op)
    builder.add(Concat(name, tuple(parts), (name,)))
    count = item.count + sum(pair)
    order = item.order(count)
    result = builder.symbol(
        name, item.shape(count), order, np.concatenate(gains), np.concatenate(offsets)
    )
    note_origin(builder, node.outputs[0], result)
    return result
