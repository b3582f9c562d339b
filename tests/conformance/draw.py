"""Seeded draws of types, values, shapes and weights, of which the makers are composed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwcompress.ir import BIPOLAR, TERNARY, IntType, TensorType

__all__ = [
    "Rng",
    "draw_bias",
    "draw_image",
    "draw_values",
    "draw_vector",
    "draw_weights",
    "ends_of",
    "identity",
    "random_type",
    "varied_type",
]

Rng = np.random.Generator


def random_type(rng: Rng, max_bits: int) -> IntType:
    """Bipolar, ternary, unsigned, signed, symmetric or a lopsided interval."""
    bits = int(rng.integers(1, max_bits + 1))
    choice = rng.integers(0, 7)
    if choice == 0:
        return BIPOLAR
    if choice == 1:
        return TERNARY
    if choice in (2, 3):
        return IntType.unsigned_bits(bits, narrow=bool(rng.random() < 0.3) and bits > 1)
    if choice == 4:
        return IntType.signed_bits(bits + 1, narrow=bool(rng.random() < 0.5))
    ends = np.sort(rng.integers(-(1 << bits), (1 << bits) + 1, 2))
    return IntType(int(ends[0]), int(ends[1]))


def varied_type(rng: Rng, max_bits: int) -> IntType:
    """As :func:`random_type`, with two values at least."""
    while True:
        kind = random_type(rng, max_bits)
        if kind.count > 1:
            return kind


def identity(tensor: TensorType) -> tuple[int, ...]:
    return tuple(range(len(tensor.shape)))


def draw_values(rng: Rng, kind: IntType, shape: Sequence[int]) -> np.ndarray:
    return kind.lo + kind.step * rng.integers(0, kind.count, tuple(shape))


def draw_weights(rng: Rng, shape: Sequence[int]) -> tuple[np.ndarray, IntType]:
    wtype = (BIPOLAR, TERNARY, random_type(rng, 4), IntType.signed_bits(8))[rng.integers(0, 4)]
    return draw_values(rng, wtype, shape), wtype


def draw_bias(rng: Rng, weight: np.ndarray, source: IntType) -> np.ndarray | None:
    """Of the size of the sums."""
    reach = int(np.abs(weight).sum() // len(weight)) * max(abs(source.lo), abs(source.hi)) // 2 + 1
    return None if rng.random() < 0.4 else rng.integers(-reach, reach + 1, len(weight))


def ends_of(kind: IntType) -> tuple[np.ndarray, np.ndarray]:
    return np.array([kind.lo]), np.array([kind.hi])


def draw_image(rng: Rng, max_size: int = 8, max_channels: int = 8, max_bits: int = 6) -> TensorType:
    height, width = (int(size) for size in rng.integers(1, max_size + 1, 2))
    channels = int(rng.integers(1, max_channels + 1))
    return TensorType((height, width, channels), random_type(rng, max_bits))


def draw_vector(rng: Rng, max_bits: int = 8) -> TensorType:
    # Some are longer than one 64-bit word of bipolar values, or just fill it.
    length = int(rng.choice([1, 2, 3, 7, 12, 13, 33, 63, 64, 65, 100, 130]))
    return TensorType((length,), random_type(rng, max_bits))
