"""Makers of the operations on one tensor that chains are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from hwcompress.ir import (
    BIPOLAR,
    TERNARY,
    ArgMax,
    Conv,
    Dense,
    IntType,
    MaxPool,
    Op,
    Rescale,
    Reshape,
    SumPool,
    TensorType,
    Threshold,
)
from tests.conformance.draw import (
    Rng,
    draw_bias,
    draw_image,
    draw_values,
    draw_vector,
    draw_weights,
    ends_of,
    random_type,
)

__all__ = [
    "CHAIN_OPS",
    "draw_conv",
    "draw_dense",
    "draw_max_pool",
    "draw_rescale",
    "draw_sum_pool",
    "draw_threshold",
]


def draw_dense(rng: Rng, source: TensorType, max_rows: int) -> Dense:
    rows = int(rng.integers(1, max_rows + 1))
    weight, wtype = draw_weights(rng, (rows, source.channels))
    return Dense("op", ("x",), ("y",), weight, wtype, draw_bias(rng, weight, source.dtype))


def draw_window(
    rng: Rng, size: Sequence[int], max_kernel: int, padded: bool, limit_padding: bool
) -> tuple[tuple[int, int], tuple[int, int, int, int], tuple[int, int]]:
    """Kernel, padding and dilation that fit an image of the given size."""
    kernel, before, after, dilation = [], [], [], []
    for length in size:
        k = int(rng.integers(1, max_kernel + 1))
        most = k - 1 if limit_padding else k
        pads = rng.integers(0, most + 1, 2) if padded else (0, 0)
        pads = [int(p) for p in pads]
        k = min(k, length + sum(pads))
        if limit_padding:
            pads = [min(p, k - 1) for p in pads]
            k = min(k, length + sum(pads))
            pads = [min(p, k - 1) for p in pads]
        d = int(rng.integers(1, 3)) if not limit_padding else 1
        if d * (k - 1) + 1 > length + sum(pads):
            d = 1
        kernel.append(k)
        before.append(pads[0])
        after.append(pads[1])
        dilation.append(d)
    return (
        (kernel[0], kernel[1]),
        (before[0], before[1], after[0], after[1]),
        (dilation[0], dilation[1]),
    )


def draw_stride(rng: Rng) -> tuple[int, int]:
    return (int(rng.integers(1, 4)), int(rng.integers(1, 4)))


def draw_pad_value(rng: Rng, kind: IntType) -> int:
    """Zero, a value of the type, or one outside it."""
    choice = rng.integers(0, 4)
    if choice < 2:
        return 0
    return int(draw_values(rng, kind, ())) if choice == 2 else kind.hi + 3


def draw_conv(rng: Rng, source: TensorType, max_filters: int) -> Conv:
    height, width, channels = source.shape
    divisors = [d for d in range(1, channels + 1) if channels % d == 0]
    groups = int(rng.choice([1, 1, *divisors]))
    filters = groups * int(rng.integers(1, max(max_filters // groups, 1) + 1))
    kernel, padding, dilation = draw_window(
        rng, (height, width), 4, bool(rng.random() < 0.6), limit_padding=False
    )
    weight, wtype = draw_weights(rng, (filters, *kernel, channels // groups))
    return Conv(
        "op", ("x",), ("y",), weight, wtype, draw_bias(rng, weight, source.dtype), draw_stride(rng),
        padding, dilation, groups, draw_pad_value(rng, source.dtype),
    )  # fmt: skip


def draw_max_pool(rng: Rng, source: TensorType) -> MaxPool:
    kernel, padding, _ = draw_window(
        rng, source.shape[:2], 3, bool(rng.random() < 0.4), limit_padding=True
    )
    return MaxPool("op", ("x",), ("y",), kernel, draw_stride(rng), padding)


def draw_sum_pool(rng: Rng, source: TensorType) -> SumPool:
    kernel, padding, _ = draw_window(
        rng, source.shape[:2], 3, bool(rng.random() < 0.4), limit_padding=True
    )
    pad_value = draw_pad_value(rng, source.dtype)
    return SumPool("op", ("x",), ("y",), kernel, draw_stride(rng), padding, pad_value)


def draw_threshold(
    rng: Rng, source: TensorType, otype: IntType, lo: np.ndarray, hi: np.ndarray
) -> Threshold:
    """Levels over the middle of ``lo ... hi`` of a channel; some repeat, some lie outside."""
    lo, hi = _per_row(rng, source, lo, hi)
    sign = rng.choice([1, 1, -1], lo.size).astype(np.int64)
    middle, spread = ((lo + hi) // 2)[:, None], ((hi - lo) // 3 + 1)[:, None]
    levels = rng.integers(middle - spread, middle + spread + 1, (lo.size, otype.count - 1))
    outside = rng.random(levels.shape) < 0.05
    levels = np.where(outside, levels + rng.choice([-1, 1]) * 4 * spread, levels)
    thresholds = np.sort(levels, axis=1)
    falling = sign < 0
    thresholds[falling] = -thresholds[falling, ::-1]
    return Threshold("op", ("x",), ("y",), thresholds, sign, otype)


def draw_rescale(
    rng: Rng, source: TensorType, otype: IntType, lo: np.ndarray, hi: np.ndarray
) -> Rescale:
    """About ``lo ... hi`` of a channel onto the range of the output: it both clips and rounds."""
    lo, hi = _per_row(rng, source, lo, hi)
    gain = otype.count / (hi - lo + 1) * rng.uniform(0.5, 2.0, lo.size)
    # Few bits of multiplier make ties frequent, many make it precise.
    precision = rng.integers(0, 9, lo.size)
    shift = np.clip(precision - np.floor(np.log2(gain)).astype(np.int64), 0, 40)
    mul = np.rint(gain * 2.0**shift).astype(np.int64) * rng.choice([1, 1, -1], lo.size)
    target = (otype.hi + otype.lo) // 2
    add = (target << shift) - mul * ((hi + lo) // 2) + rng.integers(-3, 4, lo.size)
    rounding = ("floor", "half_even")[rng.integers(0, 2)]
    return Rescale("op", ("x",), ("y",), mul, add, shift, rounding, otype)


def _per_row(
    rng: Rng, source: TensorType, lo: np.ndarray, hi: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds for a row per channel, or for one row for all."""
    if rng.random() < 0.7:
        return np.broadcast_to(lo, (source.channels,)), np.broadcast_to(hi, (source.channels,))
    return np.array([lo.min()]), np.array([hi.max()])


def _make_dense(rng: Rng) -> tuple[TensorType, Op]:
    source = draw_vector(rng)
    return source, draw_dense(rng, source, 20)


def _make_conv(rng: Rng) -> tuple[TensorType, Op]:
    source = draw_image(rng)
    if rng.random() < 0.25:  # deep bipolar: packed words, full and partly filled
        channels = int(rng.choice([12, 16, 63, 64, 65, 72]))
        source = TensorType((*(min(size, 4) for size in source.shape[:2]), channels), BIPOLAR)
        op = draw_conv(rng, source, 5)
        weight = draw_values(rng, BIPOLAR, op.weight.shape)
        return source, replace(op, weight=weight, wtype=BIPOLAR)
    return source, draw_conv(rng, source, 12)


def _make_threshold(rng: Rng) -> tuple[TensorType, Op]:
    bits = int(rng.choice([2, 6, 8, 12, 20]))
    source = draw_image(rng, 3, 6, bits) if rng.random() < 0.5 else draw_vector(rng, bits)
    otype = random_type(rng, 4 if rng.random() < 0.7 else 8)
    return source, draw_threshold(rng, source, otype, *ends_of(source.dtype))


def _make_rescale(rng: Rng) -> tuple[TensorType, Op]:
    bits = int(rng.choice([2, 6, 8, 12, 20, 28]))
    source = draw_image(rng, 3, 6, bits) if rng.random() < 0.5 else draw_vector(rng, bits)
    otype = random_type(rng, 8)
    if otype.is_bipolar:  # a Rescale cannot make it
        otype = TERNARY
    return source, draw_rescale(rng, source, otype, *ends_of(source.dtype))


def _make_max_pool(rng: Rng) -> tuple[TensorType, Op]:
    source = draw_image(rng)
    return source, draw_max_pool(rng, source)


def _make_sum_pool(rng: Rng) -> tuple[TensorType, Op]:
    source = draw_image(rng)
    return source, draw_sum_pool(rng, source)


def _make_reshape(rng: Rng) -> tuple[TensorType, Op]:
    source = draw_image(rng)
    height, width, channels = source.shape
    shapes = [(source.size,), (channels, height, width), (height * width, channels)]
    return source, Reshape("op", ("x",), ("y",), shapes[rng.integers(0, 3)])


def _make_arg_max(rng: Rng) -> tuple[TensorType, Op]:
    return draw_vector(rng, int(rng.choice([1, 2, 8, 16]))), ArgMax("op", ("x",), ("y",))


CHAIN_OPS: dict[str, Callable[[Rng], tuple[TensorType, Op]]] = {
    "Dense": _make_dense,
    "Conv": _make_conv,
    "Threshold": _make_threshold,
    "Rescale": _make_rescale,
    "MaxPool": _make_max_pool,
    "SumPool": _make_sum_pool,
    "Reshape": _make_reshape,
    "ArgMax": _make_arg_max,
}
