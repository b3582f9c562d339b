"""Nodes that join computed tensors element by element: sums, and products by a gate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.arrange import arranged, as_image
from hwcompress.frontend.binary import BINARY
from hwcompress.frontend.branches import aligned, not_quantized, spread, vector_axis
from hwcompress.frontend.extremes import extreme
from hwcompress.frontend.function import affine_function, constant_function
from hwcompress.frontend.lower_input import entered, materialised
from hwcompress.frontend.lowering import Lowering
from hwcompress.frontend.offsets import without_offset
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.orient import channels_second, restored, turned
from hwcompress.frontend.rectified import rectified
from hwcompress.frontend.sums import PendingSum, common_scale
from hwcompress.frontend.values import Symbolic
from hwcompress.ir import Add, Mul, Reshape

__all__ = ["combined", "one_base", "same_elements", "signed_sum", "summed"]

# Multipliers up to the first are taken at once; up to the second only where no quantizer
# follows, which could do with smaller ones.
_SMALL = 1 << 12
_LARGEST = 1 << 24
_COMPARED = frozenset({"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"})


def combined(state: Lowering, node: Node, first: Symbolic, second: Symbolic) -> Symbolic:
    """Two computed tensors under an element-wise operator."""
    first, second = one_base(state, node, [first, second])
    if same_elements(first, second):
        return _same_base(node, first, second)
    if node.op in ("Add", "Sub"):
        return summed(state, node, first, second)
    if node.op == "Mul":
        return _product(state, node, first, second)
    if node.op in ("Max", "Min"):
        return extreme(state, node, first, second)
    if node.op in _COMPARED:
        return _comparison(state, node, first, second)
    raise UnsupportedError(
        f"{node.op} of two different computed tensors",
        where=node.label,
        remedy="only sums, differences, products, maxima and comparisons of branches are"
        " supported; quantize the result of another operator's branches into one tensor",
    )


def same_elements(first: Symbolic, second: Symbolic) -> bool:
    """Whether both are functions of the same integers, element by element."""
    return (
        first.base == second.base
        and first.raw == second.raw
        and first.shape == second.shape
        and np.array_equal(first.order, second.order)
    )


def one_base(state: Lowering, node: Node, values: list[Symbolic]) -> list[Symbolic]:
    """The values over one base, where one is over a tensor and another over its vector, or
    over the raw input that the tensor holds."""
    builder = state.builder
    if len({item.base for item in values}) == 1:
        return values
    values = [item if item.base else entered(state, item, node) for item in values]
    bases = {item.base for item in values}
    if len(bases) != 2 or bases & set(builder.pending):
        return values
    for flat in bases:
        (source,) = bases - {flat}
        made = any(
            isinstance(op, Reshape) and op.outputs == (flat,) and op.inputs == (source,)
            for op in builder.ops
        )
        if made and len(builder.types[flat].shape) == 1:
            return [builder.flattened(item) for item in values]
    return values


def _same_base(node: Node, first: Symbolic, second: Symbolic) -> Symbolic:
    """Two functions of one integer are one function of it."""
    binary = BINARY[node.op](node)
    a, b = first.function, second.function
    function = a.joined(b, binary.function, binary.senses, binary.enclose)
    known = a.gain is not None and b.gain is not None
    if known and node.op in ("Add", "Sub"):
        sign = 1 if node.op == "Add" else -1
        assert a.gain is not None and a.offset is not None
        assert b.gain is not None and b.offset is not None
        function = function.known_affine(a.gain + sign * b.gain, a.offset + sign * b.offset)
        return Symbolic(first.base, first.shape, first.order, function, raw=first.raw)
    affine = next((item for item in (first, second) if item.head is None), first)
    head = affine if affine.head is None else affine.head
    grid = (np.ones(a.channels), np.zeros(a.channels)) if node.op in _COMPARED else None
    return Symbolic(
        first.base, first.shape, first.order, function, head, (node.op,), first.raw, None, grid
    )


def _comparison(state: Lowering, node: Node, first: Symbolic, second: Symbolic) -> Symbolic:
    """A comparison of two branches: of their difference with zero."""
    value = summed(state, node, first, second, sign=-1.0)
    binary = BINARY[node.op](node)
    channels = value.function.channels
    zero = constant_function(np.zeros(channels))
    function = value.function.joined(zero, binary.function, binary.senses, binary.enclose)
    grid = (np.ones(channels), np.zeros(channels))
    return replace(value, function=function, head=value, tail=(node.op,), steps=None, grid=grid)


def summed(
    state: Lowering, node: Node, first: Symbolic, second: Symbolic, sign: float | None = None
) -> Symbolic:
    """A sum or difference of two branches; a given ``sign`` makes an intermediate result."""
    builder = state.builder
    values = [
        item if item.base in builder.pending else rectified(state, materialised(state, item, node))
        for item in (first, second)
    ]
    for value in values:
        if not value.function.is_affine:
            raise not_quantized(node, value)
    if values[0].shape != values[1].shape:
        values = spread(state, node, *values)
    plain = [value for value in values if value.base not in builder.pending]
    if len(plain) == 2:
        values = list(aligned(state, node, *values))
    else:  # what is pending stays in its order
        fixed = next(value for value in values if value.base in builder.pending)
        shape = builder.types[builder.pending[fixed.base].tensors[0]].shape
        values = [
            arranged(builder, value, shape, fixed.order, node.label) if value in plain else value
            for value in values
        ]
        if any(not np.array_equal(value.order, fixed.order) for value in values):
            raise builder.pending[fixed.base].refused(node.label)
    source = node.outputs[0] if sign is None else ""
    if sign is None:
        sign = -1.0 if node.op == "Sub" else 1.0
    return signed_sum(state, node, values, (1.0, sign), source)


def signed_sum(
    state: Lowering, node: Node, values: list[Symbolic], signs: tuple[float, ...], source: str
) -> Symbolic:
    """A signed sum of affine values of one shape and order: the source's tensor ``source``."""
    tensors, gains, offset = _terms(state, values, signs)
    return _added(state, node, values[0], tensors, gains, offset, source)


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
    source: str,
) -> Symbolic:
    """The sum as an Add with integer multipliers, or left to the quantizer behind it."""
    builder = state.builder
    if len(tensors) == 1:  # both were functions of one tensor after all
        function = affine_function(gains[0], offset)
        return Symbolic(tensors[0], like.shape, like.order, function)
    bounds = [builder.ranges[tensor] for tensor in tensors]
    counts = np.array([item.hi - item.lo + 1 for item in bounds], np.float64)
    combinations = int(min(counts.prod(axis=0).sum(), 2.0**62))
    exact = common_scale(gains, _SMALL)
    if exact is None:
        wide = common_scale(gains, _LARGEST)
        name = f"?{source or builder.fresh(node.op)}"  # no operation's name
        builder.pending[name] = PendingSum(node.label, tensors, gains, offset, combinations, wide)
        one, zero = np.ones_like(offset), np.zeros_like(offset)
        return Symbolic(name, like.shape, like.order, affine_function(one, zero))
    multipliers, scale = exact
    short = multipliers[:, :1] if np.all(multipliers == multipliers[:, :1]) else multipliers
    name = builder.fresh(node.name or node.op)
    builder.add(Add(name, tensors, (name,), short))
    result = builder.symbol(name, like.shape, like.order, scale, offset)
    if source:
        builder.origin[name] = (source, result)
    return result


def _product(state: Lowering, node: Node, first: Symbolic, second: Symbolic) -> Symbolic:
    """A product of two branches, one of which may hold one value per channel."""
    builder = state.builder
    values = [rectified(state, materialised(state, item, node)) for item in (first, second)]
    for value in values:
        if not value.function.is_affine:
            raise not_quantized(node, value)
    source, gate = values
    if source.order.size < gate.order.size:
        source, gate = gate, source
    axes = tuple(range(len(source.shape)))
    if source.shape == gate.shape:
        source, gate = aligned(state, node, source, gate)
    else:
        axis = vector_axis(source.shape, gate.shape)
        if axis is None:
            raise UnsupportedError(
                f"Mul of tensors of shapes {source.shape} and {gate.shape}",
                where=node.label,
                remedy="give the gate the other's shape, or one value per channel",
            )
        axes = channels_second(axis, len(axes))
        source, gate = (
            as_image(builder, turned(item, axes), node.label) for item in (source, gate)
        )
    source, gate = (without_offset(builder, item, node) for item in (source, gate))
    name = builder.fresh(node.name or node.op)
    builder.add(Mul(name, (source.base, gate.base), (name,)))
    one, two = source.function.gain, gate.function.gain
    assert one is not None
    assert two is not None
    result = builder.symbol(name, source.shape, source.order, one * two, np.zeros_like(one))
    result = restored(result, axes)
    builder.origin[name] = (node.outputs[0], result)
    return result
