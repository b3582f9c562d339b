"""A Relu that no quantizer follows: exact where zero is one of the integers before it.

``relu(gain * q + offset)`` with ``offset`` a whole number of steps ``gain`` is ``|gain|``
times the integer ``max(q + offset / gain, 0)`` (or ``max(-q - offset / gain, 0)``, where the
gain is negative). So the sums and averages behind it work on integers, though the source
quantizes them only later: onnxruntime, told to quantize some operators only, leaves such gaps.
"""

from __future__ import annotations

import numpy as np

from hwcompress.frontend.lowering import Lowering
from hwcompress.frontend.values import Symbolic
from hwcompress.ir import IntType, Rescale

__all__ = ["rectified"]

# The bias of integers is a product of float32 scales, taken twice.
_NEAR = 1e-9
_MOST = 2.0**40


def rectified(state: Lowering, value: Symbolic) -> Symbolic:
    """``value`` as an affine function of a new tensor, if it is such a Relu; else as it is."""
    builder, head = state.builder, value.head
    if value.function.is_affine or head is None or set(value.tail) != {"Relu"}:
        return value
    if id(value) in state.closed:
        return state.closed[id(value)][1]
    gain, offset = head.function.gain, head.function.offset
    if gain is None or offset is None or head.base != value.base or not np.all(gain):
        return value
    kind = builder.types.get(value.base)
    steps = offset / gain
    whole = np.rint(steps)
    if kind is None or kind.dtype.is_bipolar or np.any(np.abs(steps) > _MOST):
        return value
    off = np.abs(steps - whole)
    if np.any(off > _NEAR * np.maximum(np.abs(steps), 1.0)):
        return value
    if np.any(off > 0):
        builder.notes.append(
            f"Relu behind {value.base}: its zero is taken as an integer of the sum before; the"
            f" float32 scale of the bias puts it {float(off.max()):.1g} of a step beside one"
        )
    sign = np.sign(gain).astype(np.int64)
    add = sign * whole.astype(np.int64)
    bounds = builder.ranges[value.base]
    reached = np.maximum(sign * bounds.lo + add, sign * bounds.hi + add)
    otype = IntType(0, max(int(reached.max()), 0))
    name = builder.fresh(f"{value.base}_relu")
    zero = np.zeros(1, np.int64)
    builder.add(Rescale(name, (value.base,), (name,), sign, add, zero, "floor", otype))
    result = builder.symbol(name, value.shape, value.order, np.abs(gain), np.zeros_like(gain))
    source = next((key for key, item in state.values.items() if item is value), "")
    if source:
        builder.origin[name] = (source, result)
    state.closed[id(value)] = (value, result)  # the value is kept, and with it its identity
    return result
