"""Two branches brought to one shape and order before they are joined."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.arrange import as_image, as_vector
from hwcompress.frontend.geometry import image_order, image_shape
from hwcompress.frontend.lowering import Lowering
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.values import Symbolic
from hwcompress.ir import Upsample

__all__ = ["aligned", "not_quantized", "spread"]


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


def spread(state: Lowering, node: Node, first: Symbolic, second: Symbolic) -> list[Symbolic]:
    """One value per channel repeated over the image of the other branch."""
    wide, narrow = (first, second) if first.order.size >= second.order.size else (second, first)
    shape = wide.shape
    per_channel = (1, shape[1], *(1 for _ in shape[2:]))
    if len(shape) not in (3, 4) or narrow.shape != per_channel:
        raise UnsupportedError(
            f"{node.op} of tensors of shapes {first.shape} and {second.shape}",
            where=node.label,
            remedy="give both branches one shape, or one of them one value per channel",
        )
    if narrow.base in state.builder.pending:
        raise state.builder.pending[narrow.base].refused(node.label)
    image = as_image(state.builder, narrow, node.label)
    factor = image_shape(shape)[:2]
    name = state.builder.fresh(f"{narrow.base}_spread")
    state.builder.add(Upsample(name, (image.base,), (name,), factor))
    result = image.rebased(name, shape, image_order(shape), lambda function: function)
    gain, offset = result.function.gain, result.function.offset
    assert gain is not None
    assert offset is not None
    state.builder.symbol(name, shape, result.order, gain, offset)
    return [result if item is narrow else item for item in (first, second)]
