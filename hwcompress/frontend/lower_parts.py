"""Nodes that take parts of a tensor or repeat them: Split, Slice, Gather, Resize, Tile, Expand."""

from __future__ import annotations

import itertools

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.arrange import as_image
from hwcompress.frontend.borders import placed
from hwcompress.frontend.geometry import resize_sources
from hwcompress.frontend.lower_input import materialised
from hwcompress.frontend.lowering import Lowering, handles
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.orient import channel_axis, restored, turned
from hwcompress.frontend.select import cut, note_origin, taken
from hwcompress.frontend.slices import (
    Cut,
    expanded_shape,
    gather_index,
    read_slice,
    resize_target,
    split_sizes,
    tile_repeats,
)
from hwcompress.frontend.values import Constant, Symbolic, Value
from hwcompress.ir import MaxPool, Upsample

__all__: list[str] = []

Span = tuple[int, int]


def _arrays(state: Lowering, node: Node) -> list[np.ndarray | None]:
    """The node's inputs behind the data, which must be constants."""
    given = [state.constant(node, index) for index in range(1, len(node.inputs))]
    return [None if item is None else item.value for item in given]


@handles("Split")
def _split(state: Lowering, node: Node) -> tuple[Value, ...]:
    value = materialised(state, state.symbolic(node), node)
    (given,) = _arrays(state, node) or [None]
    axis, sizes = split_sizes(node, value.shape, given)
    stops = tuple(itertools.accumulate(sizes))
    shared = _sizes(_spans(state, node, axis, value.shape), value.shape[axis])
    results = []
    for size, stop, output in zip(sizes, stops, node.outputs, strict=True):
        part = cut(state.builder, value, axis, shared, (stop - size, stop), node.label)
        note_origin(state.builder, output, part)
        results.append(part)
    return tuple(results)


def _span(state: Lowering, node: Node, shape: tuple[int, ...], axis: int) -> list[Span]:
    """Consecutive parts of an axis that a Slice or Split of a tensor of ``shape`` takes."""
    given = [state.values.get(name) if name else None for name in node.inputs[1:]]
    if any(item is not None and not isinstance(item, Constant) for item in given):
        return []
    arrays = [item.value if isinstance(item, Constant) else None for item in given]
    if node.op == "Split":
        along, sizes = split_sizes(node, shape, arrays[0] if arrays else None)
        ends = tuple(itertools.accumulate(sizes))
        spans = [(b - a, b) for a, b in zip(sizes, ends, strict=True)]
        return spans if along == axis else []
    bounds = read_slice(node, shape, arrays)
    start, stop, step = bounds[axis]
    others = [place for place in _changed(bounds, shape) if place != axis]
    return [] if others or step != 1 or start >= stop else [(start, stop)]


def _spans(state: Lowering, node: Node, axis: int, shape: tuple[int, ...]) -> set[Span]:
    """Consecutive parts of an axis of a node's input that the model takes."""
    spans: set[Span] = set()
    for reader in state.readers(node.inputs[0]):
        if reader.op not in ("Slice", "Split"):
            continue
        try:
            spans.update(_span(state, reader, shape, axis))
        except UnsupportedError:  # it is reported when it is walked
            continue
    return spans


def _sizes(spans: set[Span], size: int) -> tuple[int, ...]:
    """How an axis is cut so that one Split serves all."""
    stops = {size, *itertools.chain.from_iterable(spans)}
    ordered = [0, *sorted(stops - {0})]
    return tuple(b - a for a, b in itertools.pairwise(ordered))


def _changed(bounds: Cut, shape: tuple[int, ...]) -> list[int]:
    return [
        axis
        for axis, (span, size) in enumerate(zip(bounds, shape, strict=True))
        if span != (0, size, 1)
    ]


@handles("Slice")
def _slice(state: Lowering, node: Node) -> Value:
    arrays = _arrays(state, node)
    value = state.symbolic(node)
    bounds = read_slice(node, value.shape, arrays)
    axes = [
        axis
        for axis in _changed(bounds, value.shape)
        if not np.array_equal(range(*bounds[axis]), range(value.shape[axis]))
    ]
    if not axes:
        return value
    value = materialised(state, value, node)
    for axis in axes:
        if not len(range(*bounds[axis])):
            raise UnsupportedError(
                f"a Slice of axis {axis} of {value.shape} from {bounds[axis][0]} to"
                f" {bounds[axis][1]} by {bounds[axis][2]}",
                where=node.label,
                why="it takes nothing",
            )
    forward = all(bounds[axis][2] > 0 for axis in axes)
    start, stop, step = bounds[axes[0]]
    spans = _spans(state, node, axes[0], value.shape)
    if len(axes) == 1 and step == 1 and (axes[0] == 1 or len(spans) > 1):
        sizes = _sizes(spans, value.shape[axes[0]])
        result = cut(state.builder, value, axes[0], sizes, (start, stop), node.label)
    elif len(value.shape) in (3, 4) and value.shape[0] == 1 and min(axes) >= 2 and forward:
        result = _thinned(state, node, value, bounds)
    else:
        result = value
        for axis in axes:
            index = np.arange(*bounds[axis])
            result = taken(state.builder, result, axis, index, node.label)
    note_origin(state.builder, node.outputs[0], result)
    return result


def _thinned(state: Lowering, node: Node, value: Symbolic, bounds: Cut) -> Symbolic:
    """Every n-th row and column of a part of an image: the maximum of one pixel is itself."""
    builder = state.builder
    image = as_image(builder, value, node.label)
    view = builder.types[image.base].shape
    spans = bounds[2:] if len(bounds) == 4 else ((0, 1, 1), bounds[2])
    after = []
    for (start, stop, step), size in zip(spans, view[:2], strict=True):
        count = len(range(start, stop, step))
        end = min(start + count * step, size)  # as far as the last step reaches
        more = (size - start - 1) // step + 1 > count
        after.append(size - end if more else 0)
    padding = (spans[0][0], spans[1][0], after[0], after[1])
    steps = (spans[0][2], spans[1][2])
    name = builder.crop(image.base, (view[0], view[1], view[2]), padding)
    if max(steps) > 1:
        source, name = name, builder.fresh(node.name or node.op)
        builder.add(MaxPool(name, (source,), (name,), (1, 1), steps))
    return placed(state, image, name)


@handles("Gather")
def _gather(state: Lowering, node: Node) -> Value:
    arrays = _arrays(state, node)
    value = state.symbolic(node)
    axis, index = gather_index(node, value.shape, arrays[0] if arrays else None)
    shape = (*value.shape[:axis], *index.shape, *value.shape[axis + 1 :])
    flat = index.reshape(-1)
    if value.shape[axis] == 1 and np.array_equal(flat, [0]):
        return value.moved(shape, value.order)
    result = taken(state.builder, materialised(state, value, node), axis, flat, node.label)
    result = result.moved(shape, result.order)
    note_origin(state.builder, node.outputs[0], result)
    return result


@handles("Resize", "Upsample")
def _resize(state: Lowering, node: Node) -> Value:
    if node.text("mode", "nearest") != "nearest":
        raise UnsupportedError(
            f"mode {node.text('mode', '')!r}",
            where=node.label,
            why="interpolated values are no integers",
            remedy="use mode='nearest', or a transposed convolution",
        )
    value = state.symbolic(node)
    scales, sizes = resize_target(node, value.shape, _arrays(state, node))
    indices = [
        resize_sources(node, size, result, scale)
        for size, result, scale in zip(value.shape, sizes, scales, strict=True)
    ]
    same = [
        np.array_equal(index, range(size)) for index, size in zip(indices, value.shape, strict=True)
    ]
    kept = [axis for axis in range(1, len(same)) if same[axis]]
    if not same[0] or not kept or len(same) not in (3, 4):
        raise UnsupportedError(
            f"resizing the batch or every axis of {value.shape}",
            where=node.label,
            remedy="resize height and width only",
        )
    value = materialised(state, value, node)
    order = channel_axis(state.builder, value, kept)
    result = _resized(state, node, turned(value, order), [indices[axis] for axis in order])
    result = restored(result, order)
    note_origin(state.builder, node.outputs[0], result)
    return result


def _resized(state: Lowering, node: Node, value: Symbolic, indices: list[np.ndarray]) -> Symbolic:
    """``value``, channels second, with positions ``indices`` of every axis."""
    value = as_image(state.builder, value, node.label)
    factors = [max(index.size // size, 1) for index, size in zip(indices, value.shape, strict=True)]
    if all(
        np.array_equal(index, np.arange(size * factor) // factor)
        for index, size, factor in zip(indices, value.shape, factors, strict=True)
    ):
        if max(factors) == 1:
            return value
        pair = (1, factors[2]) if len(factors) == 3 else (factors[2], factors[3])
        name = state.builder.fresh(node.name or node.op)
        state.builder.add(Upsample(name, (value.base,), (name,), pair))
        return placed(state, value, name)
    for axis in range(2, len(value.shape)):
        value = taken(state.builder, value, axis, indices[axis], node.label)
    return value


@handles("Tile", "Expand")
def _repeated(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    arrays = _arrays(state, node)
    given = arrays[0] if arrays else None
    if node.op == "Tile":
        repeats = tile_repeats(node, value.shape, given)
    else:
        shape = expanded_shape(node, value.shape, given)
        wider = (1,) * (len(shape) - len(value.shape)) + value.shape
        value = value.moved(wider, value.order)
        repeats = tuple(b // a for a, b in zip(wider, shape, strict=True))
    if all(times == 1 for times in repeats):
        return value
    result = materialised(state, value, node)
    for axis, times in enumerate(repeats):
        if times != 1:
            index = np.tile(np.arange(value.shape[axis]), times)
            result = taken(state.builder, result, axis, index, node.label)
    note_origin(state.builder, node.outputs[0], result)
    return result
