"""Integers that stand for ``scale * integer``, without an offset."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.builder import GraphBuilder
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.values import Symbolic
from hwcompress.ir import IntType, Rescale

__all__ = ["without_offset"]

_MAX_ZERO = 2.0**31


def without_offset(builder: GraphBuilder, value: Symbolic, node: Node) -> Symbolic:
    """An affine ``value`` over integers whose zero is the real zero.

    Emits an addition of the zero point, where there is one.

    Raises:
        UnsupportedError: not affine, or no integer stands for zero.
    """
    gain, offset = value.function.gain, value.function.offset
    if gain is None or offset is None:
        raise UnsupportedError(
            f"its input is not quantized after {' and '.join(value.tail) or 'an activation'}",
            where=node.label,
            remedy="put a quantizer between the activation and this node",
        )
    if not np.any(offset):
        return value
    level = np.divide(offset, gain, out=np.full(gain.shape, np.nan), where=gain != 0)
    zero = np.rint(level)
    # zero * scale / scale may be off by a rounding of the two.
    near = np.abs(level - zero) <= 1e-12 * np.maximum(np.abs(zero), 1.0)
    if not np.all(near & (np.abs(zero) < _MAX_ZERO)):
        raise UnsupportedError(
            "its input has an offset that is no whole number of its steps",
            where=node.label,
            why="the product with it is no product of integers",
            remedy="quantize its input with an integer zero point",
        )
    add = zero.astype(np.int64)
    bounds = builder.ranges[value.base]
    otype = IntType(int((bounds.lo + add).min()), int((bounds.hi + add).max()))
    name = builder.fresh(f"{value.base}_centred")
    one, shift = np.ones(1, np.int64), np.zeros(1, np.int64)
    addend = add[:1] if np.all(add == add[0]) else add
    builder.add(Rescale(name, (value.base,), (name,), one, addend, shift, "floor", otype))
    return builder.symbol(name, value.shape, value.order, gain, np.zeros_like(offset))
