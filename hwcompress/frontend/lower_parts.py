"""Nodes that take parts of a tensor or repeat its pixels: Split, Slice, Resize."""

from __future__ import annotations

import itertools

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.arrange import as_image, as_vector
from hwcompress.frontend.geometry import image_order, resize_sources, source_shape
from hwcompress.frontend.lower_input import materialised
from hwcompress.frontend.lowering import Lowering, handles
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.slices import Cut, read_slice, resize_target, split_sizes
from hwcompress.frontend.values import Constant, Symbolic, Value
from hwcompress.ir import Concat, MaxPool, Upsample

__all__: list[str] = []


@handles("Split")
def _split(state: Lowering, node: Node) -> tuple[Value, ...]:
    value = state.symbolic(node)
    given = state.constant(node, 1)
    axis, sizes = split_sizes(node, value.shape, None if given is None else given.value)
    if axis != 1:
        raise UnsupportedError(
            f"a Split of {value.shape} along axis {axis}",
            where=node.label,
            remedy="split channels (axis 1)",
        )
    stops = tuple(itertools.accumulate(sizes))
    whole = _whole(state, node)
    return tuple(
        _channels(state, whole, sizes, stop - size, stop, node.outputs[index])
        for index, (size, stop) in enumerate(zip(sizes, stops, strict=True))
    )


def _whole(state: Lowering, node: Node) -> Symbolic:
    """The node's input in a layout of which channels can be cut off."""
    value = materialised(state, state.symbolic(node), node)
    if len(value.shape) == 2:
        return as_vector(state.builder, value, node.label)
    return as_image(state.builder, value, node.label)


def _channels(
    state: Lowering, whole: Symbolic, sizes: tuple[int, ...], start: int, stop: int, source: str
) -> Symbolic:
    """Channels ``start`` to ``stop`` of a tensor that is cut into parts of ``sizes``."""
    builder = state.builder
    stops = list(itertools.accumulate(sizes))
    parts = builder.split(whole.base, sizes)
    kept = [
        part
        for part, end, size in zip(parts, stops, sizes, strict=True)
        if start <= end - size and end <= stop
    ]
    name = kept[0]
    if len(kept) > 1:
        name = builder.fresh(f"{whole.base}_parts")
        builder.add(Concat(name, tuple(kept), (name,)))
    shape = (1, stop - start, *whole.shape[2:])
    order = np.arange(stop - start) if len(shape) == 2 else image_order(shape)
    channels = np.arange(start, stop)
    result = whole.rebased(name, shape, order, lambda function: function.rearranged(channels))
    gain, offset = result.function.gain, result.function.offset
    if gain is not None and offset is not None:
        builder.symbol(name, shape, order, gain, offset)
        if np.all(gain) and name not in builder.origin:
            builder.origin[name] = (source, result)
    return result


def _cut(state: Lowering, node: Node, shape: tuple[int, ...]) -> Cut | None:
    """The bounds of a Slice, or ``None`` if they are computed."""
    given = [state.values.get(name) if name else None for name in node.inputs[1:]]
    if any(item is not None and not isinstance(item, Constant) for item in given):
        return None
    arrays = [item.value if isinstance(item, Constant) else None for item in given]
    return read_slice(node, shape, arrays)


@handles("Slice")
def _slice(state: Lowering, node: Node) -> Value:
    for index in range(1, len(node.inputs)):
        state.constant(node, index)  # or raise
    value = state.symbolic(node)
    cut = _cut(state, node, value.shape)
    assert cut is not None
    result = value
    for axis, (start, stop, step) in enumerate(cut):
        if (start, stop, step) == (0, value.shape[axis], 1):
            continue
        if axis == 1 and step == 1 and start < stop:
            whole = _whole(state, node) if result is value else result
            source = "" if result is not value else node.outputs[0]
            result = _channels(state, whole, _sizes(state, node, value.shape), start, stop, source)
        elif axis < 2 or start != 0 or stop != value.shape[axis] or step < 1:
            raise UnsupportedError(
                f"a Slice of axis {axis} of {value.shape} from {start} to {stop} by {step}",
                where=node.label,
                remedy="cut consecutive channels, or take every n-th row or column from the"
                " first on",
            )
    steps = tuple(step for _, _, step in cut[2:])
    return result if all(step == 1 for step in steps) else _thinned(state, node, result, steps)


def _thinned(state: Lowering, node: Node, value: Symbolic, steps: tuple[int, ...]) -> Symbolic:
    """Every n-th pixel: the maximum of one pixel is itself."""
    image = as_image(state.builder, materialised(state, value, node), node.label)
    stride = (1, steps[0]) if len(steps) == 1 else (steps[0], steps[1])
    name = state.builder.fresh(node.name or node.op)
    state.builder.add(MaxPool(name, (image.base,), (name,), (1, 1), stride))
    shape = source_shape(state.builder.types[name].shape, len(image.shape))
    return _placed(state, node, image, name, shape)


def _sizes(state: Lowering, node: Node, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Parts between all the cuts that the model's Slices make in this tensor's channels."""
    stops = {shape[1]}
    for reader in state.readers(node.inputs[0]):
        cut = _cut(state, reader, shape) if reader.op == "Slice" else None
        if cut is not None and cut[1][2] == 1 and cut[1][0] < cut[1][1]:
            stops |= {cut[1][0], cut[1][1]}
    ordered = [0, *sorted(stops - {0})]
    return tuple(b - a for a, b in itertools.pairwise(ordered))


@handles("Resize", "Upsample")
def _resize(state: Lowering, node: Node) -> Value:
    value = as_image(state.builder, materialised(state, state.symbolic(node), node), node.label)
    if node.text("mode", "nearest") != "nearest":
        raise UnsupportedError(
            f"mode {node.text('mode', '')!r}",
            where=node.label,
            why="interpolated values are no integers",
            remedy="use mode='nearest', or a transposed convolution",
        )
    given = [state.constant(node, index) for index in range(1, len(node.inputs))]
    arrays = [None if item is None else item.value for item in given]
    scales, sizes = resize_target(node, value.shape, arrays)
    factors = []
    for size, result, scale in zip(value.shape, sizes, scales, strict=True):
        factor = result // size
        index = resize_sources(node, size, result, scale)
        if result % size or not np.array_equal(index, np.arange(result) // max(factor, 1)):
            raise UnsupportedError(
                f"resizing {value.shape} to {tuple(sizes)}",
                where=node.label,
                remedy="enlarge by whole numbers, so that every pixel is repeated as often",
            )
        factors.append(factor)
    if factors[:2] != [1, 1]:
        raise UnsupportedError("resizing channels or the batch", where=node.label)
    name = state.builder.fresh(node.name or node.op)
    pair = (1, factors[2]) if len(factors) == 3 else (factors[2], factors[3])
    state.builder.add(Upsample(name, (value.base,), (name,), pair))
    return _placed(state, node, value, name, sizes)


def _placed(
    state: Lowering, node: Node, image: Symbolic, name: str, shape: tuple[int, ...]
) -> Symbolic:
    """The functions of ``image`` over a tensor that holds some of its pixels."""
    result = image.rebased(name, shape, image_order(shape), lambda function: function)
    gain, offset = result.function.gain, result.function.offset
    if gain is not None and offset is not None:
        state.builder.symbol(name, shape, result.order, gain, offset)
        if np.all(gain):
            state.builder.origin[name] = (node.outputs[0], result)
    return result
