"""Constants of all kinds, and the joins that read them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwcompress.ir import BIPOLAR, Add, Concat, Constant, IntType, Mul, Op, TensorType
from tests.conformance.draw import Rng, draw_image, draw_values, draw_vector, random_type
from tests.conformance.graph_makers import draw_add

__all__ = ["draw_constant", "draw_joined", "make_constant"]


def draw_constant(rng: Rng, shape: Sequence[int], dtype: IntType) -> Constant:
    """The same everywhere, by channel, by position, by row, or any values."""
    same = [
        (1,) * len(shape),
        (*(1 for _ in shape[1:]), shape[-1]),
        (*shape[:-1], 1),
        (shape[0], *(1 for _ in shape[1:])),
        tuple(shape),
        tuple(shape),
    ][rng.integers(0, 6)]
    values = np.broadcast_to(draw_values(rng, dtype, same), shape)
    return Constant("constant", (), ("k",), np.array(values, np.int64), dtype)


def draw_joined(rng: Rng, source: TensorType) -> tuple[Constant, Op]:
    """A constant ``k`` for an operation that joins it with ``x``, which it makes ``y``."""
    shape, dtype = source.shape, random_type(rng, 6)
    if source.dtype.is_bipolar and rng.random() < 0.5:
        dtype = BIPOLAR
    choice = rng.integers(0, 6)
    if choice < 2:
        order = ("x", "k") if choice else ("k", "x")
        other = (*shape[:-1], int(rng.integers(1, 6)))
        return draw_constant(rng, other, dtype), Concat("op", order, ("y",))
    if choice == 2:
        constant = draw_constant(rng, shape, dtype)
        op: Add = draw_add(rng, [source, TensorType(shape, dtype)])
        return constant, Add("op", ("x", "k"), ("y",), op.multipliers)
    if choice == 3:  # one that holds for every position
        kind = (shape[-1:], (*(1 for _ in shape[1:]), shape[-1]))[rng.integers(0, 2)]
        return draw_constant(rng, kind, dtype), Mul("op", ("x", "k"), ("y",))
    order = ("x", "k") if choice == 4 else ("k", "x")
    return draw_constant(rng, shape, dtype), Mul("op", order, ("y",))


def make_constant(rng: Rng) -> tuple[list[TensorType], list[Op]]:
    """A source ``x``, a constant, and their join."""
    choice = rng.integers(0, 4)
    source = draw_vector(rng, 6) if choice == 0 else draw_image(rng, 6, 8, 6)
    if choice == 1:
        source = TensorType((1, *source.shape[1:]), source.dtype)
    return [source], list(draw_joined(rng, source))
