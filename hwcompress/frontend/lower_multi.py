"""MultiThreshold closes a region, as a quantizer does."""

from __future__ import annotations

import numpy as np

from hwcompress.frontend.closing import close_region
from hwcompress.frontend.lower_input import encoded_input, entered, materialised
from hwcompress.frontend.lowering import Lowering, handles
from hwcompress.frontend.multi_threshold import MultiThreshold, read_multi_threshold
from hwcompress.frontend.onnx_model import Node
from hwcompress.frontend.values import Symbolic, Value

__all__: list[str] = []


@handles("MultiThreshold")
def _multi_threshold(state: Lowering, node: Node) -> Value:
    value = state.symbolic(node)
    steps = read_multi_threshold(node, value.shape, state.required(node, 1).value)
    single = steps.thresholds.shape[0] == 1
    if state.enters_as_it_is(value) or (not value.base and not single):
        value = entered(state, value, node)
    if not value.base:
        channel = np.zeros(1, np.int64)

        def encode(real: np.ndarray) -> np.ndarray:
            return steps.levels(value.function.call(real[None, :], channel), channel)[0]

        meaning = (steps.scale, steps.offset)
        return encoded_input(state, node, value, encode, steps.dtype, meaning)
    value, place = _threshold_rows(state, node, value, steps)

    def levels(real: np.ndarray, channel: np.ndarray) -> np.ndarray:
        return steps.levels(real, place[channel])

    channels = value.function.channels
    meaning_rows = (np.full(channels, steps.scale), np.full(channels, steps.offset))
    return close_region(
        state, node, value, levels, steps.dtype, meaning_rows, source=node.outputs[0]
    )


def _threshold_rows(
    state: Lowering, node: Node, value: Symbolic, steps: MultiThreshold
) -> tuple[Symbolic, np.ndarray]:
    """The row of thresholds for each channel of the base, which is flattened if need be."""
    if steps.thresholds.shape[0] == 1:
        return value, np.zeros(value.function.channels, np.int64)
    shape = tuple(size if axis == steps.axis else 1 for axis, size in enumerate(value.shape))
    index = np.arange(steps.thresholds.shape[0], dtype=np.float64).reshape(shape)
    place = state.per_channel(value, index, node)
    if place is None:
        value = state.builder.flattened(materialised(state, value, node))
        place = state.per_channel(value, index, node)
    assert place is not None
    return value, place.astype(np.int64)
