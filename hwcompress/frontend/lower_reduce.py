"""Maxima, minima, means and sums over whole axes: pools over all of an image."""

from __future__ import annotations

import math

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.arrange import as_image
from hwcompress.frontend.function import affine_function
from hwcompress.frontend.geometry import Window
from hwcompress.frontend.lower_input import materialised
from hwcompress.frontend.lower_pool import averaged, highest
from hwcompress.frontend.lowering import Lowering, handles
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.orient import channel_axis, restored, turned
from hwcompress.frontend.reductions import reduced_axes
from hwcompress.frontend.values import Symbolic, Value
from hwcompress.frontend.weights import affine_input
from hwcompress.ir import SumPool

__all__: list[str] = []


@handles("GlobalAveragePool", "GlobalMaxPool", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum")
def _reduce(state: Lowering, node: Node) -> Value:
    value = materialised(state, state.symbolic(node), node)
    rank = len(value.shape)
    if node.op.startswith("Global"):
        axes, keep = tuple(range(2, rank)), True
    else:
        given = state.constant(node, 1)
        axes = reduced_axes(node, rank, None if given is None else given.value)
        keep = bool(node.integer("keepdims", 1))
    if 0 in axes and (value.shape[0] != 1 or len(axes) == rank):
        raise UnsupportedError(
            f"{node.op} of {value.shape} over the axes {axes}",
            where=node.label,
            why="it mixes the samples of a batch",
            remedy="leave the first axis out",
        )
    axes = tuple(axis for axis in axes if axis != 0)
    result = _reduced(state, node, value, axes) if axes else value
    if keep:
        return result
    shape = tuple(size for axis, size in enumerate(result.shape) if axis not in axes)
    return result.moved(shape, result.order)


def _reduced(state: Lowering, node: Node, value: Symbolic, axes: tuple[int, ...]) -> Symbolic:
    """``value`` reduced over ``axes``, which keep a length of 1."""
    rank = len(value.shape)
    kept = [axis for axis in range(1, rank) if axis not in axes]
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(value.shape))
    if not kept:
        result = _pooled(state, node, _one_row(state, value, node), (True, True))
        return result.moved(shape, result.order)
    if rank not in (3, 4):
        raise UnsupportedError(
            f"{node.op} of {value.shape} over the axes {axes}",
            where=node.label,
            remedy="reshape it to (1, channels, height, width) before",
        )
    order = channel_axis(state.builder, value, kept)
    image = as_image(state.builder, turned(value, order), node.label)
    places = [axis in axes for axis in order[2:]]
    across = (True, places[0]) if len(places) == 1 else (places[0], places[1])
    return restored(_pooled(state, node, image, across), order)


def _one_row(state: Lowering, value: Symbolic, node: Node) -> Symbolic:
    """All elements, in any order, as one row of one channel."""
    size = state.builder.types[value.base].size
    gain, offset = affine_input(value, node)
    used = value.order % gain.size
    if value.order.size != size or len({*gain[used]}) != 1 or len({*offset[used]}) != 1:
        raise UnsupportedError(
            f"{node.op} over channels with different scales",
            where=node.label,
            remedy="quantize its input with one scale for the whole tensor",
        )
    name = state.builder.reshape(value.base, (1, size, 1))
    return state.builder.symbol(name, (1, 1, 1, size), np.arange(size), gain[:1], offset[:1])


def _pooled(state: Lowering, node: Node, image: Symbolic, across: tuple[bool, bool]) -> Symbolic:
    """``image`` pooled over its whole height, its whole width, or both."""
    height, width = state.builder.types[image.base].shape[:2]
    kernel = (height if across[0] else 1, width if across[1] else 1)
    none = (0, 0, 0, 0)
    positions = (height // kernel[0], width // kernel[1])
    window = Window(kernel, (1, 1), none, (1, 1), positions, none)
    if node.op in ("GlobalMaxPool", "ReduceMax"):
        return highest(state, node, image, window)
    if node.op == "ReduceMin":
        return highest(state, node, image, window, -1)
    result = averaged(state, node, image, window, False)
    if node.op != "ReduceSum":
        return result
    gain, offset = affine_input(image, node)
    count = math.prod(kernel)
    if count == 1:
        return result
    assert isinstance(state.builder.ops[-1], SumPool)
    state.builder.symbol(result.base, result.shape, result.order, gain, count * offset)
    return Symbolic(result.base, result.shape, result.order, affine_function(gain, count * offset))
