"""Nodes that join computed tensors element by element: sums, and products by a gate."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.arrange import arranged, as_image, as_vector
from hwcompress.frontend.elementwise import BINARY
from hwcompress.frontend.function import affine_function
from hwcompress.frontend.geometry import image_order, image_shape
from hwcompress.frontend.lower_input import materialised
from hwcompress.frontend.lowering import Lowering
from hwcompress.frontend.offsets import without_offset
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.sums import MOST_COMBINATIONS, PendingSum, common_scale
from hwcompress.frontend.values import Symbolic
from hwcompress.ir import Add, Mul, Upsample

__all__ = ["combined"]

# Multipliers up to the first are taken at once; up to the second only where the
# inputs are too wide for the search of smaller ones.
_SMALL = 1 << 12
_LARGEST = 1 << 24


def combined(state: Lowering, node: Node, first: Symbolic, second: Symbolic) -> Symbolic:
    """Two computed tensors under an element-wise operator."""
    if (
        first.base == second.base
        and first.raw == second.raw
        and first.shape == second.shape
        and np.array_equal(first.order, second.order)
    ):
        return _same_base(node, first, second)
    if node.op in ("Add", "Sub"):
        return _sum(state, node, first, second)
    if node.op == "Mul":
        return _product(state, node, first, second)
    raise UnsupportedError(
        f"{node.op} of two different computed tensors",
        where=node.label,
        remedy="only sums, differences and products of branches are supported",
    )


def _same_base(node: Node, first: Symbolic, second: Symbolic) -> Symbolic:
    """Two functions of one integer are one function of it."""
    a, b = first.function, second.function
    if node.op in ("Add", "Sub"):
        function = a.plus(b, 1 if node.op == "Add" else -1)
    else:
        function = a.combined(b, BINARY[node.op])
    if function.is_affine:
        return Symbolic(first.base, first.shape, first.order, function, raw=first.raw)
    affine = next((item for item in (first, second) if item.head is None), first)
    head = affine if affine.head is None else affine.head
    return Symbolic(first.base, first.shape, first.order, function, head, (node.op,), first.raw)


def _aligned(
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


def _not_quantized(node: Node, value: Symbolic) -> UnsupportedError:
    return UnsupportedError(
        f"an input is not quantized after {' and '.join(value.tail) or 'an activation'}",
        where=node.label,
        why=f"{node.op} of two branches works on integers",
        remedy="put a quantizer between the activation and this node",
    )


def _sum(state: Lowering, node: Node, first: Symbolic, second: Symbolic) -> Symbolic:
    """A sum or difference of two branches."""
    builder = state.builder
    values = [
        item if item.base in builder.pending else materialised(state, item, node)
        for item in (first, second)
    ]
    for value in values:
        if not value.function.is_affine:
            raise _not_quantized(node, value)
    if values[0].shape != values[1].shape:
        values = _spread(state, node, *values)
    plain = [value for value in values if value.base not in builder.pending]
    if len(plain) == 2:
        values = list(_aligned(state, node, *values))
    else:  # what is pending stays in its order
        fixed = next(value for value in values if value.base in builder.pending)
        shape = builder.types[builder.pending[fixed.base].tensors[0]].shape
        values = [
            arranged(builder, value, shape, fixed.order, node.label) if value in plain else value
            for value in values
        ]
        if any(not np.array_equal(value.order, fixed.order) for value in values):
            raise builder.pending[fixed.base].refused(node.label)
    signs = (1.0, -1.0 if node.op == "Sub" else 1.0)
    tensors, gains, offset = _terms(state, values, signs)
    return _added(state, node, values[0], tensors, gains, offset)


def _spread(state: Lowering, node: Node, first: Symbolic, second: Symbolic) -> list[Symbolic]:
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


def _terms(
    state: Lowering, values: list[Symbolic], signs: tuple[float, ...]
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Tensors, gains ``(tensors, channels)`` and offset of a signed sum of affine values."""
    terms: dict[str, np.ndarray] = {}
    total = np.zeros(values[0].function.channels)
    for value, sign in zip(values, signs, strict=True):
        gain, offset = value.function.gain, value.function.offset
        assert gain is not None
        assert offset is not None
        total = total + sign * offset
        pending = state.builder.pending.get(value.base)
        parts = {value.base: np.ones_like(gain)}
        if pending is not None:
            total = total + sign * gain * pending.offset
            parts = dict(zip(pending.tensors, pending.gains, strict=True))
        for tensor, inner in parts.items():
            terms[tensor] = terms.get(tensor, 0.0) + sign * gain * inner
    return tuple(terms), np.array(list(terms.values())), total


def _added(
    state: Lowering,
    node: Node,
    like: Symbolic,
    tensors: tuple[str, ...],
    gains: np.ndarray,
    offset: np.ndarray,
) -> Symbolic:
    """The sum as an Add with integer multipliers, or left to the quantizer behind it."""
    builder = state.builder
    if not np.all(np.any(gains, axis=0)):
        raise UnsupportedError(
            "a channel of both branches has scale zero",
            where=node.label,
            remedy="prune the channel, or train it again",
        )
    if len(tensors) == 1:  # both were functions of one tensor after all
        function = affine_function(gains[0], offset)
        return Symbolic(tensors[0], like.shape, like.order, function)
    bounds = [builder.ranges[tensor] for tensor in tensors]
    counts = np.array([item.hi - item.lo + 1 for item in bounds], np.float64)
    combinations = int(min(counts.prod(axis=0).sum(), 2.0**62))
    exact = common_scale(gains, _SMALL)
    if exact is None and combinations > MOST_COMBINATIONS:
        exact = common_scale(gains, _LARGEST)
    if exact is None:
        pending = PendingSum(node.label, tensors, gains, offset, combinations)
        if combinations > MOST_COMBINATIONS:
            raise pending.refused(
                node.label,
                f"their {combinations} combinations of values are too many to try all",
            )
        name = f"?{node.outputs[0]}"
        builder.pending[name] = pending
        one, zero = np.ones_like(offset), np.zeros_like(offset)
        return Symbolic(name, like.shape, like.order, affine_function(one, zero))
    multipliers, scale = exact
    if np.abs(multipliers).max() > _SMALL:
        builder.notes.append(
            f"{node.label}: unrelated scales need wide multipliers, up to"
            f" {int(np.abs(multipliers).max())}; one scale for both branches makes them small"
        )
    short = multipliers[:, :1] if np.all(multipliers == multipliers[:, :1]) else multipliers
    name = builder.fresh(node.name or node.op)
    builder.add(Add(name, tensors, (name,), short))
    result = builder.symbol(name, like.shape, like.order, scale, offset)
    builder.origin[name] = (node.outputs[0], result)
    return result


def _product(state: Lowering, node: Node, first: Symbolic, second: Symbolic) -> Symbolic:
    """A product of two branches, one of which may hold one value per channel."""
    builder = state.builder
    values = [materialised(state, item, node) for item in (first, second)]
    for value in values:
        if not value.function.is_affine:
            raise _not_quantized(node, value)
    source, gate = values
    if source.order.size < gate.order.size:
        source, gate = gate, source
    if source.shape == gate.shape:
        source, gate = _aligned(state, node, source, gate)
    else:
        per_channel = (1, source.shape[1], *(1 for _ in source.shape[2:]))
        if len(source.shape) not in (3, 4) or gate.shape != per_channel:
            raise UnsupportedError(
                f"Mul of tensors of shapes {source.shape} and {gate.shape}",
                where=node.label,
                remedy="give the gate the other's shape, or one value per channel",
            )
        source, gate = as_image(builder, source, node.label), as_image(builder, gate, node.label)
    source, gate = (without_offset(builder, item, node) for item in (source, gate))
    name = builder.fresh(node.name or node.op)
    builder.add(Mul(name, (source.base, gate.base), (name,)))
    one, two = source.function.gain, gate.function.gain
    assert one is not None
    assert two is not None
    result = builder.symbol(name, source.shape, source.order, one * two, np.zeros_like(one))
    builder.origin[name] = (node.outputs[0], result)
    return result
