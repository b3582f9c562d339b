"""A layer with weights over inputs with two unrelated scales, as a concatenation makes them.

The inputs of each scale get a layer of their own, and the two results are added: a sum of
two tensors with unrelated scales, which the quantizer behind it closes
(:mod:`hwcompress.frontend.close_sum`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.lower_join import signed_sum
from hwcompress.frontend.lowering import Lowering
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.select import cut
from hwcompress.frontend.values import Symbolic
from hwcompress.frontend.weights import MAX_RATIO

__all__ = ["scale_spans", "summed_spans"]

Span = tuple[int, int]


def scale_spans(value: Symbolic, axis: int, scale: np.ndarray) -> list[Span]:
    """Two consecutive parts of an axis within which the products' scales have a common unit.

    Args:
        value: the layer's input.
        axis: the axis of ``value`` that is summed over.
        scale: of the weights, ``(rows, length of the axis, ...)``.

    Returns:
        The parts; none if one layer does, or if two do not.
    """
    gain, offset = value.function.gain, value.function.offset
    if gain is None or offset is None:
        return []
    count = value.shape[axis]
    channel = np.moveaxis((value.order % gain.size).reshape(value.shape), axis, 0)
    rows = channel.reshape(count, -1)
    gains = gain[rows]
    if np.all(gain == gain[0]) or np.any(gains != gains[:, :1]) or np.any(gains == 0):
        return []
    each = np.abs(scale).reshape(scale.shape[0], count, -1) * np.abs(gains[None, :, :1])
    changes = np.flatnonzero(np.any(each[:, 1:] != each[:, :-1], axis=(0, 2))) + 1
    starts = [0]
    for place in changes:
        if not _one_unit(each[:, starts[-1] : place + 1]):
            starts.append(int(place))
    spans = list(itertools.pairwise([*starts, count]))
    single = all(_one_unit(each[:, start:stop]) for start, stop in spans)
    return spans if len(spans) == 2 and single else []


def _one_unit(each: np.ndarray) -> bool:
    """Whether one integer layer holds products with these scales ``(rows, ...)``."""
    flat = each.reshape(each.shape[0], -1)
    ratio = flat / flat.min(axis=1)[:, None]
    return np.array_equal(ratio, np.rint(ratio)) and bool(ratio.max() <= MAX_RATIO)


def summed_spans(
    state: Lowering,
    node: Node,
    value: Symbolic,
    axis: int,
    spans: list[Span],
    layer: Callable[[Symbolic, Span, bool], Symbolic],
) -> Symbolic:
    """The sum of a layer for each part of the axis.

    Args:
        state, node: as for a handler.
        value: the whole input.
        axis: of the parts.
        spans: from :func:`scale_spans`.
        layer: emits the layer for a part; told whether it is the first, which has the bias.

    Raises:
        UnsupportedError: the parts' results lie in different orders.
    """
    sizes = tuple(stop - start for start, stop in spans)
    results = []
    for span in spans:
        part = cut(state.builder, value, axis, sizes, span, node.label)
        result = layer(part, span, span == spans[0])
        del state.builder.origin[result.base]  # it is a part of what the source computes
        results.append(result)
    if any(not np.array_equal(item.order, results[0].order) for item in results):
        raise UnsupportedError("parts of its sum in different orders", where=node.label)
    return signed_sum(state, node, results, (1.0, 1.0), node.outputs[0])
