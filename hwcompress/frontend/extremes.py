"""The larger or smaller of two branches: ``max(a, b) = b + max(a - b, 0)``."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.branches import aligned, not_quantized, spread
from hwcompress.frontend.lower_input import materialised
from hwcompress.frontend.lowering import Lowering
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.sums import common_scale
from hwcompress.frontend.values import Symbolic
from hwcompress.ir import Add, IntType, Rescale

__all__ = ["extreme"]

_LARGEST = 1 << 12


def extreme(state: Lowering, node: Node, first: Symbolic, second: Symbolic) -> Symbolic:
    """Max or Min of two quantized branches whose values lie on one grid.

    Raises:
        UnsupportedError: a branch is not quantized, or there is no common grid.
    """
    builder = state.builder
    values = [materialised(state, item, node) for item in (first, second)]
    for value in values:
        if not value.function.is_affine:
            raise not_quantized(node, value)
    if values[0].shape != values[1].shape:
        values = spread(state, node, *values)
    a, b = aligned(state, node, *values)
    terms = [(item.function.gain, item.function.offset) for item in (a, b)]
    (gain_a, offset_a), (gain_b, offset_b) = terms
    assert gain_a is not None and offset_a is not None
    assert gain_b is not None and offset_b is not None
    rows = np.array([gain_a, gain_b, offset_a - offset_b])
    found = common_scale(rows, _LARGEST)
    if found is None:
        raise UnsupportedError(
            f"{node.op} of branches with unrelated scales or offsets"
            f" ({gain_a[0]:.6g} and {gain_b[0]:.6g})",
            where=node.label,
            why="no integers stand for both",
            remedy="quantize both branches with one scale (a shared quantizer)",
        )
    (mul_a, mul_b, apart), scale = found
    stem = builder.fresh(node.name or node.op)
    name = f"{stem}_difference"
    tensors = (a.base, b.base)
    difference = builder.add(Add(name, tensors, (name,), _short(np.array([mul_a, -mul_b]))))
    bounds = builder.ranges[difference]
    low, high = int((bounds.lo + apart).min()), int((bounds.hi + apart).max())
    kept = IntType(0, max(high, 1)) if node.op == "Max" else IntType(min(low, -1), 0)
    one, zero = np.ones(1, np.int64), np.zeros(1, np.int64)
    name = f"{stem}_excess"
    addend = _short(apart[None])[0]
    excess = builder.add(Rescale(name, (difference,), (name,), one, addend, zero, "floor", kept))
    total = builder.add(
        Add(stem, (b.base, excess), (stem,), _short(np.array([mul_b, np.ones_like(mul_b)])))
    )
    total = _narrowed(state, total, (a, mul_a, apart), (b, mul_b, np.zeros_like(apart)), node.op)
    result = builder.symbol(total, b.shape, b.order, scale, offset_b)
    builder.origin[total] = (node.outputs[0], result)
    return result


def _short(rows: np.ndarray) -> np.ndarray:
    return rows[:, :1] if np.all(rows == rows[:, :1]) else rows


def _narrowed(
    state: Lowering,
    tensor: str,
    first: tuple[Symbolic, np.ndarray, np.ndarray],
    second: tuple[Symbolic, np.ndarray, np.ndarray],
    op: str,
) -> str:
    """The tensor with the type of what it reaches: a sum does not know its parts are related."""
    builder = state.builder
    choose = np.maximum if op == "Max" else np.minimum
    ends = []
    for value, factor, addend in (first, second):
        bounds = builder.ranges[value.base]
        corners = np.stack([bounds.lo * factor, bounds.hi * factor]) + addend
        ends.append((corners.min(axis=0), corners.max(axis=0)))
    low, high = (choose(one, two) for one, two in zip(*ends, strict=True))
    reach = IntType(int(low.min()), int(high.max()))
    if reach.bits >= builder.types[tensor].dtype.bits:
        return tensor
    one, zero = np.ones(1, np.int64), np.zeros(1, np.int64)
    name = f"{tensor}_narrow"
    return builder.add(Rescale(name, (tensor,), (name,), one, zero, zero, "floor", reach))
