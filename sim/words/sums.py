"""Operations as weighted sums over elements of one or several tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir import (
    Add,
    Conv,
    ConvTranspose,
    Dense,
    Op,
    Rescale,
    SumPool,
    TensorType,
    Threshold,
)
from hwcompress.sim.words.plane import image_of

__all__ = ["Border", "Sum", "Sums", "as_sums"]

Pair = tuple[int, int]
Border = tuple[int, int, int, int]
"""Pixels above, to the left, below and to the right of an image."""

# A matrix with a row for every channel is not made beyond this size.
_MOST_WEIGHTS = 1 << 24


@dataclass(frozen=True, eq=False)
class Sum:
    """One sum for each of some pixels of the result, all of them alike.

    Pixel ``(oy, ox)`` of ``size`` lies at ``origin + (oy, ox) * pitch`` of the result, and is
    ``bias[m] + sum_e weight[m, e] * x[oy * stride[0] + tap_y[e], ox * stride[1] + tap_x[e],
    tap_c[e]]``. ``weight`` is int64 ``(M, E)`` with ``E >= 1``; taps may be negative.
    """

    weight: np.ndarray
    tap_y: np.ndarray
    tap_x: np.ndarray
    tap_c: np.ndarray
    stride: Pair
    size: Pair
    origin: Pair = (0, 0)
    pitch: Pair = (1, 1)

    def border(self, height: int, width: int) -> Border:
        """How far it reads beyond an image."""
        last_y = int(self.tap_y.max()) + (self.size[0] - 1) * self.stride[0]
        last_x = int(self.tap_x.max()) + (self.size[1] - 1) * self.stride[1]
        return (
            max(-int(self.tap_y.min()), 0),
            max(-int(self.tap_x.min()), 0),
            max(last_y - height + 1, 0),
            max(last_x - width + 1, 0),
        )


@dataclass(frozen=True, eq=False)
class Sums:
    """All sums of an operation, over the channels of its inputs side by side.

    Attributes:
        parts: together they make every pixel of the result once.
        bias: int64 ``(M,)``.
        apart: each output reads few of the elements.
        border: pixels around the image that are read.
        pad: the integer that they hold.
    """

    parts: tuple[Sum, ...]
    bias: np.ndarray
    apart: bool
    border: Border
    pad: int = 0

    @property
    def weights(self) -> np.ndarray:
        """Of all parts."""
        return np.concatenate([part.weight for part in self.parts], axis=1)


def as_sums(op: Op, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> Sums | None:
    """The operation as weighted sums, or ``None`` if it is something else."""
    if not inputs or any(len(item.shape) not in (1, 3) for item in inputs):
        return None
    channels = inputs[0].channels
    match op:
        case Dense():
            rows, depth = op.weight.shape
            return _window(op, op.weight.reshape(rows, 1, 1, depth), inputs, outputs)
        case Conv():
            return _window(op, op.weight, inputs, outputs)
        case SumPool():
            return _window(op, np.ones((channels, *op.kernel, 1), np.int64), inputs, outputs)
        case ConvTranspose():
            return _transposed(op, inputs, outputs)
        case Add():
            return _single(op.rows(channels).T, inputs[0].shape)
        case Threshold() | Rescale():
            return _single(np.ones((channels, 1), np.int64), inputs[0].shape)
    return None


def _single(weight: np.ndarray, shape: tuple[int, ...]) -> Sums | None:
    """Every channel is a sum of its own over that channel of each input."""
    channels, many = weight.shape
    if channels * channels * many > _MOST_WEIGHTS:
        return None
    whole = np.zeros((channels, many, channels), np.int64)
    at = np.arange(channels)
    whole[at, :, at] = weight
    none = np.zeros(many * channels, np.int64)
    height, width, _ = image_of(shape)
    taps = np.arange(many * channels)
    part = Sum(whole.reshape(channels, -1), none, none, taps, (1, 1), (height, width))
    return Sums((part,), np.zeros(channels, np.int64), True, (0, 0, 0, 0))


def _window(
    op: Op, weight: np.ndarray, inputs: Sequence[TensorType], outputs: Sequence[TensorType]
) -> Sums | None:
    """``weight`` is ``(M, KH, KW, C / groups)``."""
    groups = inputs[0].channels // weight.shape[3]
    spread = _spread(weight, groups)
    if spread is None:
        return None
    stride = dilation = (1, 1)
    padding, pad = (0, 0, 0, 0), 0
    if isinstance(op, Conv | SumPool):
        stride, padding, pad = op.stride, op.padding, op.pad_value
    if isinstance(op, Conv):
        dilation = op.dilation
    y, x, c = (item.reshape(-1) for item in np.indices(spread.shape[1:]))
    height, width, _ = image_of(outputs[0].shape)
    part = Sum(
        spread.reshape(spread.shape[0], -1),
        y * dilation[0] - padding[0],
        x * dilation[1] - padding[1],
        c,
        stride,
        (height, width),
    )
    bias = getattr(op, "bias", None)
    start = np.zeros(spread.shape[0], np.int64) if bias is None else bias
    border = part.border(*image_of(inputs[0].shape)[:2])
    return Sums((part,), start, groups > 1, border, pad)


def _spread(weight: np.ndarray, groups: int) -> np.ndarray | None:
    """Weights over all channels, those of other groups 0."""
    if groups == 1:
        return weight
    rows, tall, wide, depth = weight.shape
    if rows * tall * wide * depth * groups > _MOST_WEIGHTS:
        return None
    whole = np.zeros((rows, tall, wide, groups, depth), np.int64)
    at = np.arange(rows)
    whole[at, :, :, at // (rows // groups)] = weight
    return whole.reshape(rows, tall, wide, groups * depth)


def _transposed(
    op: ConvTranspose, inputs: Sequence[TensorType], outputs: Sequence[TensorType]
) -> Sums | None:
    """One sum for each phase of the output: the kernel positions that meet it are its taps."""
    weight = _spread(op.weight, op.groups)
    if weight is None:
        return None
    height, width, _ = outputs[0].shape
    parts = []
    for origin in np.ndindex(min(op.stride[0], height), min(op.stride[1], width)):
        (rows, from_y), (columns, from_x) = (_phase(op, axis, origin[axis]) for axis in (0, 1))
        here = weight[:, rows][:, :, columns]
        y, x, c = np.indices(here.shape[1:])
        tap_y, tap_x, tap_c = np.ravel(from_y[y]), np.ravel(from_x[x]), np.ravel(c)
        flat = here.reshape(here.shape[0], -1)
        if not flat.size:  # no kernel position meets it: the bias alone
            flat = np.zeros((here.shape[0], 1), np.int64)
            tap_y = tap_x = tap_c = np.ravel(np.zeros(1, np.int64))
        size = (
            -(-(height - origin[0]) // op.stride[0]),
            -(-(width - origin[1]) // op.stride[1]),
        )
        parts.append(Sum(flat, tap_y, tap_x, tap_c, (1, 1), size, origin, op.stride))
    borders = [part.border(*inputs[0].shape[:2]) for part in parts]
    top, left, bottom, right = (max(side) for side in zip(*borders, strict=True))
    bias = np.zeros(weight.shape[0], np.int64) if op.bias is None else op.bias
    return Sums(tuple(parts), bias, op.groups > 1, (top, left, bottom, right))


def _phase(op: ConvTranspose, axis: int, origin: int) -> tuple[np.ndarray, np.ndarray]:
    """Kernel positions that reach outputs ``origin + i * stride``, each with its input at i = 0."""
    kernel = np.arange(op.kernel[axis])
    place, rest = np.divmod(origin + op.padding[axis] - kernel * op.dilation[axis], op.stride[axis])
    meets = rest == 0
    return kernel[meets], place[meets]
