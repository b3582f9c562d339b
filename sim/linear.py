"""Dense and Conv: the choice between the kernels for weighted sums."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwcompress.ir import Conv, Dense, IntType, TensorType
from hwcompress.sim.geometry import Geometry, vector_geometry, window_geometry
from hwcompress.sim.plan import SIM, Step, rows_of
from hwcompress.sim.weighted_sum import weighted_sum_step
from hwcompress.sim.xnor import xnor_step

__all__ = ["conv_step", "dense_step"]

# Below this depth a packed word is so empty that multiplying is faster
# (a vector holds 4 words, but 16 sums of 16 bits).
_MIN_XNOR_DEPTH = 12


def _sum_step(
    weight: np.ndarray,
    wtype: IntType,
    bias: np.ndarray | None,
    geometry: Geometry,
    groups: int,
    pad_value: int,
    source: TensorType,
    result: TensorType,
) -> Step:
    """``weight`` is ``(M, taps, depth)``."""
    if bias is None:
        bias = np.zeros(weight.shape[0], np.int64)
    bipolar = source.dtype.is_bipolar and wtype.is_bipolar
    make = xnor_step if bipolar and weight.shape[2] >= _MIN_XNOR_DEPTH else weighted_sum_step
    return make(weight, bias, geometry, groups, pad_value, rows_of(result))


@SIM.register(Dense)
def dense_step(op: Dense, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> Step:
    """Dense as a 1 x 1 convolution on an image of one pixel."""
    weight = op.weight[:, None, :]
    geometry = vector_geometry(inputs[0].channels)
    return _sum_step(weight, op.wtype, op.bias, geometry, 1, 0, inputs[0], outputs[0])


@SIM.register(Conv)
def conv_step(op: Conv, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> Step:
    """Conv without a copy of its windows or of a padded input."""
    rows, height, width, depth = op.weight.shape
    weight = op.weight.reshape(rows, height * width, depth)
    geometry = window_geometry(inputs[0], outputs[0], op.kernel, op.stride, op.padding, op.dilation)
    return _sum_step(
        weight, op.wtype, op.bias, geometry, op.groups, op.pad_value, inputs[0], outputs[0]
    )
