"""Operators that move, select, join and repeat values, and reductions."""

from __future__ import annotations

import operator

import numpy as np
import torch
from torch import nn

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.geometry import resize_sources
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.shapes import MOVES, moved_shape, permutation
from hwcompress.frontend.slices import read_slice, resize_target, split_sizes
from hwcompress.frontend.to_torch.emitter import (
    HANDLERS,
    Computed,
    Emitter,
    Inputs,
    Value,
    computed,
    constant,
    converts,
    given,
)

__all__: list[str] = []


def _stored(inputs: Inputs, index: int, node: Node, what: str) -> np.ndarray | None:
    value = given(inputs, index)
    return None if value is None else constant(value, node, what)


def _batch_kept(shape: tuple[int, ...], node: Node) -> tuple[int, ...]:
    if not shape or shape[0] != 1:
        raise UnsupportedError(f"its result {shape} mixes the samples of a batch", where=node.label)
    return shape


def _move(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    """Samples lie one behind the other, so that a reshape of one is that of a batch, also where
    positions move into the first axis and back."""
    x = computed(inputs[0], node, "input")
    shape = moved_shape(node, x.shape, _stored(inputs, 1, node, "shape"))
    if shape == x.shape:
        return x
    if not shape or not shape[1:]:
        raise UnsupportedError(f"its result {shape} has no axis behind the batch", where=node.label)
    if len(shape) == 2 and len(x.shape) > 2 and shape[0] == x.shape[0]:
        return emit.call(torch.flatten, x, 1)
    return emit.call(torch.reshape, x, (-1, *shape[1:]))


HANDLERS.update(dict.fromkeys(MOVES, _move))


@converts("Transpose")
def _transpose(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    axes = list(permutation(node, x.shape))
    if axes[0] != 0:
        if x.shape[axes[0]] != 1 or x.shape[0] != 1:
            raise UnsupportedError("the batch axis is transposed", where=node.label)
        # Another axis of length 1 changes places with the batch: the same with both left alone.
        place = axes.index(0)
        axes[0], axes[place] = 0, axes[0]
    return x if axes == sorted(axes) else emit.call(torch.permute, x, tuple(axes))


@converts("Concat")
def _concat(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    rank = next(len(item.shape) for item in inputs if isinstance(item, Computed))
    axis = node.integer("axis", 0) % rank
    if axis == 0:
        raise UnsupportedError("a Concat along the batch", where=node.label)
    if len(inputs) == 1:
        return computed(inputs[0], node, "input")
    if any(isinstance(item, np.ndarray) for item in inputs):
        return _with_constants(node, inputs, axis, emit)
    return emit.call(torch.cat, list(inputs), dim=axis)


def _with_constants(node: Node, inputs: Inputs, axis: int, emit: Emitter) -> Value:
    """Constants beside computed tensors: padding, if each of them is one number."""
    places = [index for index, item in enumerate(inputs) if isinstance(item, Computed)]
    before, middle, after = (
        inputs[: places[0]],
        inputs[places[0] : places[-1] + 1],
        inputs[places[-1] + 1 :],
    )
    fillers = {float(v) for item in (*before, *after) for v in np.unique(np.asarray(item))}
    if any(isinstance(item, np.ndarray) for item in middle) or len(fillers) != 1:
        raise UnsupportedError("a Concat with stored tensors", where=node.label)
    x = middle[0] if len(middle) == 1 else emit.call(torch.cat, list(middle), dim=axis)
    assert isinstance(x, Computed)
    pads = [0, 0] * len(x.shape)
    widths = [
        sum(item.shape[axis] for item in side if isinstance(item, np.ndarray))
        for side in (before, after)
    ]
    place = 2 * (len(x.shape) - 1 - axis)
    pads[place : place + 2] = widths
    return emit.call(nn.functional.pad, x, pads, value=fillers.pop())


@converts("Split")
def _split(node: Node, inputs: Inputs, emit: Emitter) -> list[Value]:
    x = computed(inputs[0], node, "input")
    axis, sizes = split_sizes(node, x.shape, _stored(inputs, 1, node, "sizes"))
    return list(emit.parts(torch.split, x, list(sizes), axis))


@converts("Slice")
def _slice(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    rest = [_stored(inputs, index, node, "bounds") for index in range(1, len(inputs))]
    cut = []
    for size, (start, stop, step) in zip(x.shape, read_slice(node, x.shape, rest), strict=True):
        if step < 0:
            raise UnsupportedError("a Slice backwards", where=node.label)
        whole = (start, stop, step) == (0, size, 1)
        cut.append(slice(None) if whole else slice(start, stop, step))
    if cut[0] != slice(None):
        raise UnsupportedError("a Slice of the batch", where=node.label)
    if all(item == slice(None) for item in cut):
        return x
    return emit.call(operator.getitem, x, tuple(cut))


@converts("Gather")
def _gather(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    index = constant(inputs[1], node, "indices").astype(np.int64)
    axis = node.integer("axis", 0) % len(x.shape)
    index = np.where(index < 0, index + x.shape[axis], index)
    if axis == 0:
        raise UnsupportedError("a Gather along the batch", where=node.label)
    if index.ndim == 0:
        return emit.call(torch.select, x, axis, int(index))
    if index.ndim > 1:
        raise UnsupportedError(f"indices of shape {index.shape}", where=node.label)
    return emit.call(torch.index_select, x, axis, index)


@converts("Resize", "Upsample")
def _resize(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    if node.text("mode", "nearest") != "nearest":
        raise UnsupportedError(
            f"interpolation by {node.text('mode', '')!r}",
            where=node.label,
            remedy="resize with nearest neighbours, or use a transposed convolution",
        )
    rest = [_stored(inputs, index, node, "sizes") for index in range(1, len(inputs))]
    scales, sizes = resize_target(node, x.shape, rest)
    if sizes[:2] != x.shape[:2]:
        raise UnsupportedError(f"a Resize to {sizes}", where=node.label)
    result = x
    factors = [b // a for a, b in zip(x.shape[2:], sizes[2:], strict=True)]
    plain = True
    for axis in range(2, len(x.shape)):
        index = resize_sources(node, x.shape[axis], sizes[axis], scales[axis])
        repeated = np.arange(x.shape[axis]).repeat(max(factors[axis - 2], 1))
        plain &= bool(np.array_equal(index, repeated))
    if plain:
        part = nn.Upsample(scale_factor=tuple(float(item) for item in factors), mode="nearest")
        return emit.module(part, node.name or "upsample", x)
    for axis in range(2, len(x.shape)):
        index = resize_sources(node, x.shape[axis], sizes[axis], scales[axis])
        result = emit.call(torch.index_select, result, axis, index)
    return result


@converts("DepthToSpace")
def _depth_to_space(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    block = node.integer("blocksize", 0)
    _, channels, height, width = x.shape
    if block < 1 or channels % (block * block):
        raise UnsupportedError(f"blocks of {block} of a tensor {x.shape}", where=node.label)
    depth = channels // (block * block)
    if node.text("mode", "DCR") == "CRD":
        return emit.module(nn.PixelShuffle(block), node.name or "pixel_shuffle", x)
    x = emit.call(torch.reshape, x, (-1, block, block, depth, height, width))
    x = emit.call(torch.permute, x, (0, 3, 4, 1, 5, 2))
    return emit.call(torch.reshape, x, (-1, depth, height * block, width * block))


@converts("SpaceToDepth")
def _space_to_depth(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    block = node.integer("blocksize", 0)
    _, channels, height, width = x.shape
    if block < 1 or height % block or width % block:
        raise UnsupportedError(f"blocks of {block} of a tensor {x.shape}", where=node.label)
    high, wide = height // block, width // block
    x = emit.call(torch.reshape, x, (-1, channels, high, block, wide, block))
    x = emit.call(torch.permute, x, (0, 3, 5, 1, 2, 4))
    return emit.call(torch.reshape, x, (-1, channels * block * block, high, wide))


@converts("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin")
def _reduce(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    stored = _stored(inputs, 1, node, "axes")
    listed = node.integers("axes") if stored is None else tuple(map(int, stored.reshape(-1)))
    rank = len(x.shape)
    axes = tuple(sorted(item % rank for item in listed)) or tuple(range(rank))
    keep = bool(node.integer("keepdims", 1))
    if 0 in axes:
        raise UnsupportedError("a reduction over the batch", where=node.label)
    return emit.call(_REDUCTIONS[node.op], x, axes, keepdim=keep)


_REDUCTIONS = {
    "ReduceMax": torch.amax,
    "ReduceMean": torch.mean,
    "ReduceMin": torch.amin,
    "ReduceSum": torch.sum,
}


@converts("ArgMax", "ArgMin")
def _index(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    keep, axis = bool(node.integer("keepdims", 1)), node.integer("axis", 0)
    if node.integer("select_last_index", 0):
        raise UnsupportedError("select_last_index", where=node.label)
    if axis % len(x.shape) == 0:
        raise UnsupportedError(f"{node.op} along the batch", where=node.label)
    function = torch.argmax if node.op == "ArgMax" else torch.argmin
    return emit.call(function, x, axis, keepdim=keep)


@converts("Tile")
def _tile(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    counts = tuple(int(item) for item in constant(inputs[1], node, "repeats").reshape(-1))
    if len(counts) != len(x.shape) or min(counts) < 1 or counts[0] != 1:
        raise UnsupportedError(f"{x.shape} repeated {counts} times", where=node.label)
    for axis, count in enumerate(counts):
        if count > 1:
            x = emit.call(torch.cat, [x] * count, dim=axis)
    return x


@converts("Expand")
def _expand(node: Node, inputs: Inputs, emit: Emitter) -> Value:
    x = computed(inputs[0], node, "input")
    target = tuple(int(item) for item in constant(inputs[1], node, "shape").reshape(-1))
    shape = np.broadcast_shapes(x.shape, target)
    if shape == x.shape:
        return x
    _batch_kept(shape, node)
    if len(shape) != len(x.shape):
        raise UnsupportedError(f"{x.shape} spread out to {shape}", where=node.label)
    return emit.call(torch.Tensor.expand, x, (-1, *shape[1:]))
