"""What a graph with requantized weights is to compute, from the rule alone, in exact float64."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from hwcompress.ir import Conv, ConvTranspose, Dense, Graph, Input, Op, Output, Rescale, Threshold

__all__ = ["evaluate_with"]

_FRACTION = 16
"""Values are multiples of its inverse: multipliers have four fraction bits at most."""


def evaluate_with(
    graph: Graph, weights: Mapping[str, np.ndarray], feeds: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Outputs by name: the old graph with other weights, real ones, in every layer named."""
    values: dict[str, np.ndarray] = {}
    count = len(next(iter(feeds.values())))
    for op in graph.ops:
        if isinstance(op, Input):
            values[op.outputs[0]] = feeds[op.outputs[0]].astype(np.float64)
        elif not isinstance(op, Output):
            results = _results(op, [values[name] for name in op.inputs], weights)
            # A constant is the same for every sample.
            each = [np.broadcast_to(item, (count, *item.shape[1:])) for item in results]
            values.update(zip(op.outputs, each, strict=True))
    return {op.name: values[op.inputs[0]] for op in graph.outputs}


def _results(
    op: Op, inputs: list[np.ndarray], weights: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, ...]:
    if isinstance(op, Conv | ConvTranspose | Dense) and op.name in weights:
        (x,) = inputs
        # Whole numbers, as the definition wants them: sixteenths of weights and biases.
        weight = (weights[op.name] * _FRACTION).astype(np.int64)
        assert np.array_equal(weight / _FRACTION, weights[op.name])
        bias = None if op.bias is None else op.bias * _FRACTION
        scaled = dataclasses.replace(op, weight=weight, bias=bias)
        return tuple(item / _FRACTION for item in scaled.evaluate([x.astype(np.int64)]))
    if isinstance(op, Threshold):
        (x,) = inputs
        thresholds, sign = op.rows(x.shape[-1])
        count = ((x * sign)[..., None] >= thresholds).sum(axis=-1)
        return (op.otype.lo + op.otype.step * count.astype(np.float64),)
    if isinstance(op, Rescale):
        real = (inputs[0] * op.mul + op.add) / 2.0**op.shift
        whole = np.floor(real) if op.rounding == "floor" else np.rint(real)
        return (np.clip(whole, op.otype.lo, op.otype.hi),)
    if any(np.any(item != np.rint(item)) for item in inputs):
        # Only what chooses or moves elements may see fractions.
        assert op.kind in ("MaxPool", "Reshape", "Transpose", "Upsample"), op.kind
        found = op.evaluate([(item * _FRACTION).astype(np.int64) for item in inputs])
        return tuple(item / _FRACTION for item in found)
    return tuple(
        item.astype(np.float64) for item in op.evaluate([x.astype(np.int64) for x in inputs])
    )
