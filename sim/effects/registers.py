"""Sums in a register that may be too narrow: one kernel for every operation that adds up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir import Add, Conv, ConvTranspose, Dense, IntType, Op, SumPool, TensorType
from hwcompress.sim.jit import kernel
from hwcompress.sim.linear import conv_transpose_step
from hwcompress.sim.weighted_sum import TappedSum

__all__ = ["NarrowSum", "Register", "Terms", "partial_sums", "terms_of", "wrap_rows"]

_ABSENT, _PADDED = -1, -2
_ROWS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Register:
    """Where a sum is formed, and how the result leaves.

    Attributes:
        held: the register's range.
        saturate: clamped after every addition, instead of taken modulo its width.
        wire: range of the stream behind it; the result is taken modulo its width.
    """

    held: IntType
    saturate: bool
    wire: IntType


@dataclass(frozen=True, eq=False)
class Terms:
    """What an operation adds up, in the order in which it does.

    Output element ``(pixel, m)`` is ``bias[m]`` plus the sum over taps, then over ``d``, of
    ``weight[m, tap * depth + d] * x[taps[pixel, tap], group * depth + d]``.

    Attributes:
        weight: int64 ``(M, taps * depth)``.
        bias: int64 ``(M,)``.
        taps: int32 ``(pixels, taps)``: the input's pixel, -1 for none, -2 for padding.
        groups: the first ``M / groups`` outputs read the first channels, and so on.
        pad_value: integer of a padded element.
    """

    weight: np.ndarray
    bias: np.ndarray
    taps: np.ndarray
    groups: int = 1
    pad_value: int = 0


def terms_of(op: Op, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> Terms:
    """Terms of an operation that adds up.

    Add reads its inputs as if they were one image, one after the other.
    """
    source, result = inputs[0], outputs[0]
    if isinstance(op, Dense):
        return Terms(op.weight, _bias(op), np.zeros((1, 1), np.int32))
    if isinstance(op, Conv):
        taps = _window_taps(op, source, result, op.dilation)
        weight = op.weight.reshape(op.weight.shape[0], -1)
        return Terms(weight, _bias(op), taps, op.groups, op.pad_value)
    if isinstance(op, ConvTranspose):
        step = conv_transpose_step(op, inputs, outputs)
        assert isinstance(step, TappedSum)
        return Terms(op.weight.reshape(op.weight.shape[0], -1), _bias(op), step.taps, op.groups)
    zeros = np.zeros(source.channels, np.int64)
    if isinstance(op, SumPool):
        taps = _window_taps(op, source, result, (1, 1))
        ones = np.ones((source.channels, taps.shape[1]), np.int64)
        return Terms(ones, zeros, taps, source.channels, op.pad_value)
    assert isinstance(op, Add)
    pixels = source.size // source.channels
    places = np.arange(pixels)[:, None] + pixels * np.arange(len(inputs))
    return Terms(op.rows(source.channels).T, zeros, places.astype(np.int32), source.channels)


def _bias(op: Dense | Conv | ConvTranspose) -> np.ndarray:
    return np.zeros(op.weight.shape[0], np.int64) if op.bias is None else op.bias


def _window_taps(
    op: Conv | SumPool, source: TensorType, result: TensorType, dilation: tuple[int, int]
) -> np.ndarray:
    places = []
    for axis in (0, 1):
        corner = np.arange(result.shape[axis]) * op.stride[axis] - op.padding[axis]
        at = corner[:, None] + np.arange(op.kernel[axis]) * dilation[axis]
        places.append(np.where((at >= 0) & (at < source.shape[axis]), at, _PADDED))
    row, column = places[0][:, None, :, None], places[1][None, :, None, :]
    taps = np.where((row >= 0) & (column >= 0), row * source.shape[1] + column, _PADDED)
    return taps.reshape(result.shape[0] * result.shape[1], -1).astype(np.int32)


def partial_sums(terms: Terms, values: Sequence[IntType]) -> IntType:
    """Interval that holds every running sum on the way, the bias and the result included.

    Args:
        terms: of the operation.
        values: what its inputs may be.
    """
    # One for all taps; of Add, one for each, as its taps are its inputs.
    low, high = (np.array([getattr(kind, end) for kind in values]) for end in ("lo", "hi"))
    if np.any(terms.taps == _PADDED):
        low, high = np.minimum(low, terms.pad_value), np.maximum(high, terms.pad_value)
    if np.any(terms.taps == _ABSENT):
        low, high = np.minimum(low, 0), np.maximum(high, 0)
    least, most = int(terms.bias.min()), int(terms.bias.max())
    for first in range(0, len(terms.bias), _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        ends = terms.weight[rows] * low, terms.weight[rows] * high
        start = terms.bias[rows, None]
        least = min(least, int((start + np.cumsum(np.minimum(*ends), axis=1)).min()))
        most = max(most, int((start + np.cumsum(np.maximum(*ends), axis=1)).max()))
    return IntType(least, most)


@kernel
def _sums(x, weight, bias, taps, groups, limits, saturate, work, y, touched, wrong):  # type: ignore[no-untyped-def]
    """Sums one output element at a time, all samples of the block side by side.

    ``limits``: register low, high; what wrapping to register and wire keeps (low, mask, low,
    mask); pad value. ``work``: 4 rows. Returns the sums that overflowed, and that are not exact.
    """
    lanes = x.shape[1]
    pixels, kernel_size = taps.shape
    depth = weight.shape[1] // kernel_size
    filters = bias.size // groups
    low, high = limits[0], limits[1]
    held_low, held_mask = np.int64(limits[2]), np.int64(limits[3])
    wire_low, wire_mask = np.int64(limits[4]), np.int64(limits[5])
    exact, first, second, padding = work[0], work[1], work[2], work[3]
    for i in range(lanes):
        padding[i] = limits[6]
    overflowed = changed = 0
    for pixel in range(pixels):
        for m in range(bias.size):
            start = bias[m]
            # Saturating: the register, and how often it was clamped. Wrapping: the least and
            # the largest running sum.
            for i in range(lanes):
                exact[i] = start
            if saturate:
                held = min(max(start, low), high)
                for i in range(lanes):
                    first[i] = held
                    second[i] = held != start
            else:
                for i in range(lanes):
                    first[i] = start
                    second[i] = start
            for tap in range(kernel_size):
                place = taps[pixel, tap]
                if place == -1:
                    continue
                for d in range(depth):
                    factor = weight[m, tap * depth + d]
                    if factor == 0:  # adds nothing
                        continue
                    if place >= 0:
                        source = x[(place * groups + m // filters) * depth + d]
                    else:
                        source = padding
                    if saturate:
                        for i in range(lanes):
                            exact[i] += source[i] * factor
                            first[i] += source[i] * factor
                            second[i] |= (first[i] < low) | (first[i] > high)
                            first[i] = min(max(first[i], low), high)
                    else:
                        for i in range(lanes):
                            exact[i] += source[i] * factor
                            first[i] = min(first[i], exact[i])
                            second[i] = max(second[i], exact[i])
            target = y[pixel * bias.size + m]
            for i in range(lanes):
                true = np.int64(exact[i])
                if saturate:
                    value = np.int64(first[i])
                    over = second[i] != 0
                else:
                    value = ((true - held_low) & held_mask) + held_low
                    over = (first[i] < low) | (second[i] > high)
                value = ((value - wire_low) & wire_mask) + wire_low
                target[i] = value
                differs = value != true
                over |= differs
                touched[i] |= over
                wrong[i] |= differs
                overflowed += over
                changed += differs
    return overflowed, changed


def wrap_rows(x: np.ndarray, wire: IntType) -> tuple[np.ndarray, np.ndarray]:
    """Integers modulo the width of a stream, int64, and which of them differ.

    Args:
        x: ``(features, lanes)``.
        wire: every value of the stream's stored form.
    """
    result = ((x.astype(np.int64) - wire.lo) & (wire.hi - wire.lo)) + wire.lo
    return result, np.asarray(result != x)


@dataclass(frozen=True, eq=False)
class NarrowSum:
    """Sums in registers: terms in the dtype in which no running sum can wrap."""

    terms: Terms
    register: Register
    dtype: np.dtype
    weight: np.ndarray
    bias: np.ndarray
    limits: np.ndarray

    @classmethod
    def make(cls, terms: Terms, register: Register, reach: IntType, peak: int) -> NarrowSum:
        """Choose the dtype.

        Args:
            terms: what is added up.
            register: where.
            reach: interval of :func:`partial_sums`.
            peak: largest magnitude of an input.
        """
        held, wire = register.held, register.wire
        largest_term = int(np.abs(terms.weight).max()) * max(peak, abs(terms.pad_value))
        bound = max(map(abs, (reach.lo, reach.hi, held.lo, held.hi))) + largest_term
        # Limits themselves must fit, too: the mask of 32 bits does not.
        narrow = max(bound, held.hi - held.lo, wire.hi - wire.lo) < 1 << 31
        dtype = np.dtype(np.int32 if narrow else np.int64)
        limits = (
            *(held.lo, held.hi, held.lo, held.hi - held.lo, wire.lo, wire.hi - wire.lo),
            terms.pad_value,
        )
        return cls(
            terms=terms,
            register=register,
            dtype=dtype,
            weight=np.ascontiguousarray(terms.weight, dtype),
            bias=terms.bias.astype(dtype),
            limits=np.array(limits, np.int64).astype(dtype),
        )

    def run(
        self, inputs: Sequence[np.ndarray], y: np.ndarray, touched: np.ndarray, wrong: np.ndarray
    ) -> tuple[int, int]:
        """Fill ``y``; returns how many sums overflowed, and how many are not exact.

        Args:
            inputs: ``(features, lanes)`` each.
            y: ``(sums, lanes)`` in the dtype of the sums.
            touched, wrong: bool ``(lanes,)``, set where a sum overflowed, or is not exact.
        """
        # Every other dtype would have to be compiled for.
        x = np.concatenate([rows.astype(self.dtype) for rows in inputs])
        work = np.empty((4, x.shape[1]), self.dtype)
        overflowed, changed = _sums(
            x, self.weight, self.bias, self.terms.taps, self.terms.groups, self.limits,
            self.register.saturate, work, y, touched, wrong,
        )  # fmt: skip
        return int(overflowed), int(changed)
