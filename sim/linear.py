"""Dense, Conv and ConvTranspose: the choice between the kernels for weighted sums."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwcompress.ir import Conv, ConvTranspose, Dense, IntType, TensorType
from hwcompress.sim.geometry import Geometry, vector_geometry, window_geometry
from hwcompress.sim.plan import SIM, Step, rows_of
from hwcompress.sim.weighted_sum import TappedSum, weighted_sum_step
from hwcompress.sim.xnor import xnor_step

__all__ = ["conv_step", "conv_transpose_step", "dense_step"]

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


@SIM.register(ConvTranspose)
def conv_transpose_step(
    op: ConvTranspose, inputs: Sequence[TensorType], outputs: Sequence[TensorType]
) -> Step:
    """Every output pixel gathers the input pixels that reach it: no zero is multiplied."""
    height, width, _ = inputs[0].shape
    row = _sources(op, 0, height, outputs[0].shape[0])[:, None, :, None]
    column = _sources(op, 1, width, outputs[0].shape[1])[None, :, None, :]
    taps = np.where((row >= 0) & (column >= 0), row * width + column, -1)
    result = rows_of(outputs[0])
    count = op.weight.shape[0]
    bias = np.zeros(count, np.int64) if op.bias is None else op.bias
    return TappedSum(
        results=(result,),
        weight=np.ascontiguousarray(op.weight.reshape(count, -1), result.dtype),
        bias=bias.astype(result.dtype),
        taps=taps.reshape(taps.shape[0] * taps.shape[1], -1).astype(np.int32),
        groups=op.groups,
    )


def _sources(op: ConvTranspose, axis: int, size: int, out_size: int) -> np.ndarray:
    """Input position that kernel position ``k`` brings to output ``o``, or -1: ``(o, k)``."""
    reach = np.arange(op.kernel[axis]) * op.dilation[axis] - op.padding[axis]
    distance = np.arange(out_size)[:, None] - reach
    place, rest = np.divmod(distance, op.stride[axis])
    return np.where((rest == 0) & (place >= 0) & (place < size), place, -1)
