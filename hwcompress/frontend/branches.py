"""Two branches brought to one shape and order before they are joined."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.arrange import as_image, as_vector
from hwcompress.frontend.geometry import image_order, image_shape
from hwcompress.frontend.lowering import Lowering
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.orient import channels_second, restored, turned
from hwcompress.frontend.values import Symbolic
from hwcompress.ir import Upsample

__all__ = ["aligned", "not_quantized", "spread", "vector_axis"]


def aligned(
    state: Lowering, node: Node, first: Symbolic, second: Symbolic
) -> tuple[Symbolic, Symbolic]:
    """Both over graph tensors of one shape, in one order."""
    types = state.builder.types
    if np.array_equal(first.order, second.order):
        if types[first.base].shape == types[second.base].shape:
            return first, second
        if types[first.base].size == types[second.base].size:
            return state.builder.flattened(first), state.builder.flattened(second)
    if len(first.shape) in (3, 4):
        return as_image(state.builder, first, node.label), as_image(
            state.builder, second, node.label
        )
    return tuple(as_vector(state.builder, item, node.label) for item in (first, second))  # type: ignore[return-value]


def not_quantized(node: Node, value: Symbolic) -> UnsupportedError:
    return UnsupportedError(
        f"an input is not quantized after {' and '.join(value.tail) or 'an activation'}",
        where=node.label,
        why=f"{node.op} of two branches works on integers",
        remedy="put a quantizer between the activation and this node",
    )


def vector_axis(shape: tuple[int, ...], narrow: tuple[int, ...]) -> int | None:
    """The axis of an image or signal of ``shape`` along which ``narrow`` holds one value for
    each position, the same for all others; ``None`` if it is nothing like that."""
    if len(shape) not in (3, 4) or len(narrow) != len(shape):
        return None
    for axis in range(1, len(shape)):
        if narrow == tuple(size if i == axis else 1 for i, size in enumerate(shape)):
            return axis
    return None


def spread(state: Lowering, node: Node, first: Symbolic, second: Symbolic) -> list[Symbolic]:
    """One value per channel repeated over the image of the other branch."""
    wide, narrow = (first, second) if first.order.size >= second.order.size else (second, first)
    axis = vector_axis(wide.shape, narrow.shape)
    if axis is None:
        raise UnsupportedError(
            f"{node.op} of tensors of shapes {first.shape} and {second.shape}",
            where=node.label,
            remedy="give both branches one shape, or one of them one value per channel",
        )
    if narrow.base in state.builder.pending:
        raise state.builder.pending[narrow.base].refused(node.label)
    axes = channels_second(axis, len(wide.shape))
    shape = turned(wide, axes).shape
    image = as_image(state.builder, turned(narrow, axes), node.label)
    factor = image_shape(shape)[:2]
    name = state.builder.fresh(f"{narrow.base}_spread")
    state.builder.add(Upsample(name, (image.base,), (name,), factor))
    result = image.rebased(name, shape, image_order(shape), lambda function: function)
    gain, offset = result.function.gain, result.function.offset
    assert gain is not None
    assert offset is not None
    state.builder.symbol(name, shape, result.order, gain, offset)
    result = restored(result, axes)
    return [result if item is narrow else item for item in (first, second)]
