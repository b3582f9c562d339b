"""A record for every operation of an integer graph, and their sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from hwcompress.inspect.facts import LayerFacts, Totals
from hwcompress.ir import (
    Add,
    Affine,
    Constant,
    Conv,
    ConvTranspose,
    Dense,
    Graph,
    IntType,
    Op,
    Rescale,
    SumPool,
    Table,
    Threshold,
)

__all__ = ["layer_facts", "scale_kind", "scale_text", "sum_up"]

_SUMS = (Add, Conv, ConvTranspose, Dense, SumPool)


def layer_facts(graph: Graph, op: Op) -> LayerFacts:
    """The record of one operation."""
    result = graph.tensors[op.outputs[0]]
    weights, wtype, macs = _weights(graph, op)
    bits = 0 if wtype is None else weights * wtype.bits
    return LayerFacts(
        op.name,
        op.kind,
        tuple(str(kind.dtype) for kind in graph.input_types(op)),
        result.shape,
        str(result.dtype),
        macs,
        weights,
        "" if wtype is None else str(wtype),
        bits,
        scale_kind(result.affine),
        scale_text(result.affine),
        _detail(op),
        _parameters(op),
        result.dtype.bits if isinstance(op, _SUMS) else None,
    )


def sum_up(layers: Sequence[LayerFacts]) -> Totals:
    """The sums over all layers."""
    counts = Counter(layer.operation for layer in layers)
    return Totals(
        len(layers),
        dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        sum(layer.macs for layer in layers),
        sum(layer.weights for layer in layers),
        sum(layer.weight_bits for layer in layers),
        sum(layer.parameters for layer in layers),
        max((layer.accumulator_bits or 0 for layer in layers), default=0),
    )


def scale_kind(affine: Affine) -> str:
    """What kind of numbers the scales are."""
    powers = all(np.frexp(abs(scale))[0] == 0.5 for scale in affine.scale)
    if len(affine.scale) == 1:
        return "power of two" if powers else "per tensor"
    return "powers of two per channel" if powers else "per channel"


def scale_text(affine: Affine) -> str:
    """The scale, or its range over the channels; and whether there is an offset."""
    low, high = min(affine.scale), max(affine.scale)
    text = _number(low) if low == high else f"{_number(low)} to {_number(high)}"
    return text + (" and an offset" if any(affine.offset) else "")


def _number(value: float) -> str:
    mantissa, exponent = np.frexp(value)
    if mantissa == 0.5 and not 0 <= exponent - 1 <= 7:
        return f"2^{int(exponent) - 1}"
    return f"{value:.4g}"


def _weights(graph: Graph, op: Op) -> tuple[int, IntType | None, int]:
    """Number, type and multiply-accumulate operations of the weights."""
    if not isinstance(op, Conv | ConvTranspose | Dense):
        return 0, None, 0
    # Each weight is used once at every position of the result; of a transposed
    # convolution, at every position of the input.
    places = op.inputs[0] if isinstance(op, ConvTranspose) else op.outputs[0]
    shape = graph.tensors[places].shape[:-1]
    size = int(op.weight.size)
    return size, op.wtype, size * int(np.prod(shape, dtype=np.int64))


def _parameters(op: Op) -> int:
    """Integers that are stored with an operation, weights not counted."""
    if isinstance(op, Conv | ConvTranspose | Dense):
        return 0 if op.bias is None else int(op.bias.size)
    if isinstance(op, Threshold):
        return int(op.thresholds.size)
    if isinstance(op, Rescale):
        return int(op.mul.size + op.add.size + op.shift.size)
    if isinstance(op, Table | Constant):
        return int(op.values.size)
    return 0


def _rows(count: int) -> str:
    return "for all channels" if count == 1 else f"in each of {count} channels"


def _detail(op: Op) -> str:
    """How an operation does what it does, in words."""
    if isinstance(op, Threshold):
        rows, steps = op.thresholds.shape
        falling = int((op.sign < 0).sum())
        text = f"{steps} threshold{'s' if steps != 1 else ''} {_rows(rows)}"
        return text + (f", {falling} falling" if falling else "")
    if isinstance(op, Rescale):
        return _rescale_detail(op)
    if isinstance(op, Table):
        rows, entries = op.values.shape
        return f"{entries} entries {_rows(rows)}"
    if isinstance(op, Conv | ConvTranspose):
        height, width = op.weight.shape[1:3]
        parts = [f"{height}x{width}"]
        if op.stride != (1, 1):
            parts.append(f"stride {op.stride[0]}x{op.stride[1]}")
        if op.dilation != (1, 1):
            parts.append(f"dilation {op.dilation[0]}x{op.dilation[1]}")
        if op.groups > 1:
            parts.append(f"{op.groups} groups")
        return ", ".join(parts)
    if isinstance(op, SumPool):
        return f"{op.kernel[0]}x{op.kernel[1]}"
    if isinstance(op, Constant):
        return f"{np.unique(op.values).size} different values"
    if isinstance(op, Add):
        widest = int(np.abs(op.multipliers).max())
        return "" if widest == 1 else f"multipliers up to {widest}"
    return ""


def _rescale_detail(op: Rescale) -> str:
    low, high = int(op.shift.min()), int(op.shift.max())
    shift = f"shift {low}" if low == high else f"shifts {low} to {high}"
    bits = max(int(np.abs(op.mul).max()).bit_length(), 1)
    by = "no multiplier" if np.all(np.abs(op.mul) == 1) else f"multiplier of {bits} bits"
    rounding = "to nearest even" if op.rounding == "half_even" else "rounding down"
    return f"{by}, {shift}, {rounding}, {_rows(max(op.mul.size, op.add.size, op.shift.size))}"
