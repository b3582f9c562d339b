"""Makers of the operations that graphs with branches are made of.

A ``draw_`` function makes an operation for given sources, named as its caller
says later; an entry of :data:`GRAPH_OPS` draws the sources as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from hwcompress.ir import (
    BIPOLAR,
    Add,
    Concat,
    ConvTranspose,
    IntType,
    Mul,
    Op,
    Shuffle,
    Split,
    Table,
    TensorType,
    TopK,
    Transpose,
    Upsample,
)
from tests.conformance.draw import (
    Rng,
    draw_bias,
    draw_image,
    draw_values,
    draw_vector,
    draw_weights,
    random_type,
)

__all__ = [
    "GRAPH_OPS",
    "draw_add",
    "draw_conv_transpose",
    "draw_shuffle",
    "draw_split",
    "draw_table",
]


def draw_add(rng: Rng, sources: Sequence[TensorType]) -> Add:
    """Multipliers for one channel or all: ones, small of both signs, large, zeros."""
    shape = (len(sources), sources[0].channels if rng.random() < 0.4 else 1)
    choice = rng.integers(0, 5)
    if choice < 2:
        multipliers = np.ones(shape, np.int64)
    elif choice == 2:
        multipliers = rng.choice([1, -1], shape) << rng.integers(0, 6, shape)
    elif choice == 3:
        multipliers = rng.integers(-9, 10, shape)
    else:
        multipliers = rng.integers(1, 1 << int(rng.integers(4, 14)), shape)
    return Add("op", (), ("y",), multipliers.astype(np.int64))


def draw_table(rng: Rng, source: TensorType, otype: IntType, lo: int, hi: int) -> Table:
    """A bump about ``lo ... hi`` (neither monotone nor affine) or noise, for one channel or all.

    Sometimes its domain is wider than the source's type.
    """
    itype = source.dtype
    if rng.random() < 0.3 and itype.count < 1000:
        room = rng.integers(0, 6, 2)
        itype = itype.union(IntType(itype.lo - int(room[0]), itype.hi + int(room[1])))
    rows = source.channels if rng.random() < 0.5 else 1
    if rng.random() < 0.3:
        values = draw_values(rng, otype, (rows, itype.count))
    else:
        domain = np.linspace(itype.lo, itype.hi, itype.count)
        place = rng.uniform(lo, hi, (rows, 1))
        width = rng.uniform(0.1, 0.6, (rows, 1)) * (hi - lo + 1)
        level = np.exp(-(((domain - place) / width) ** 2)) * rng.uniform(1.0, 1.3, (rows, 1))
        step = np.clip((level * otype.count).astype(np.int64), 0, otype.count - 1)
        values = otype.lo + otype.step * step
    return Table("op", (), ("y",), values.astype(np.int64), itype, otype)


def draw_split(rng: Rng, source: TensorType, most: int = 4) -> Split:
    """Two parts or more of a source with two channels or more."""
    count = int(rng.integers(2, min(most, source.channels) + 1))
    cuts = np.sort(rng.choice(np.arange(1, source.channels), count - 1, replace=False))
    sizes = np.diff([0, *cuts, source.channels])
    names = tuple("y" if i == 0 else f"y{i}" for i in range(count))
    return Split("op", (), names, tuple(int(size) for size in sizes))


def draw_shuffle(rng: Rng, source: TensorType) -> Shuffle:
    """Channels of groups interleaved as in ShuffleNet, reversed, or in any order."""
    channels = source.channels
    divisors = [d for d in range(2, channels) if channels % d == 0]
    choice = rng.integers(0, 3)
    if choice == 0 and divisors:
        order = np.arange(channels).reshape(int(rng.choice(divisors)), -1).T.reshape(-1)
    elif choice == 1:
        order = np.arange(channels)[::-1].copy()
    else:
        order = rng.permutation(channels)
    return Shuffle("op", (), ("y",), order.astype(np.int64))


def draw_conv_transpose(rng: Rng, source: TensorType, max_filters: int) -> ConvTranspose:
    """Strides, cut borders, longer outputs, dilation and groups, whatever leaves an output."""
    channels = source.channels
    divisors = [d for d in range(1, channels + 1) if channels % d == 0]
    groups = int(rng.choice([1, 1, *divisors]))
    filters = groups * int(rng.integers(1, max(max_filters // groups, 1) + 1))
    kernel, stride, dilation, more, before, after = [], [], [], [], [], []
    for length in source.shape[:2]:
        k, s = int(rng.integers(1, 5)), int(rng.integers(1, 4))
        d = 2 if k > 1 and rng.random() < 0.2 else 1
        extra = int(rng.integers(0, max(s, d))) if rng.random() < 0.4 else 0
        size = (length - 1) * s + d * (k - 1) + 1 + extra
        cut = [int(v) for v in rng.integers(0, k + 1, 2)] if rng.random() < 0.6 else [0, 0]
        if sum(cut) >= size:
            cut = [0, 0]
        for values, value in zip((kernel, stride, dilation, more, before, after),
                                 (k, s, d, extra, *cut), strict=True):  # fmt: skip
            values.append(value)
    weight, wtype = draw_weights(rng, (filters, *kernel, channels // groups))
    return ConvTranspose(
        "op", (), ("y",), weight, wtype, draw_bias(rng, weight, source.dtype),
        (stride[0], stride[1]), (before[0], before[1], after[0], after[1]), (more[0], more[1]),
        (dilation[0], dilation[1]), groups,
    )  # fmt: skip


def _tensor(rng: Rng, max_bits: int = 6) -> TensorType:
    """A vector, an image, or a 1-D image of one row."""
    choice = rng.integers(0, 4)
    if choice == 0:
        vector = draw_vector(rng, max_bits)
        return TensorType((min(vector.channels, 65),), vector.dtype)
    image = draw_image(rng, 6, 8, max_bits)
    return TensorType((1, *image.shape[1:]), image.dtype) if choice == 1 else image


def _picture(rng: Rng, max_size: int) -> TensorType:
    """An image, now and then of one row or one column."""
    image = draw_image(rng, max_size)
    choice = rng.integers(0, 6)
    height = 1 if choice == 0 else image.shape[0]
    width = 1 if choice == 1 else image.shape[1]
    return TensorType((height, width, image.channels), image.dtype)


def _make_add(rng: Rng) -> tuple[list[TensorType], Op]:
    first = _tensor(rng, 8)
    count = int(rng.choice([2, 2, 2, 3, 4]))
    sources = [first] + [TensorType(first.shape, random_type(rng, 8)) for _ in range(count - 1)]
    op = draw_add(rng, sources)
    names = [_source(i) for i in range(count)]
    if rng.random() < 0.15:  # one tensor twice
        return sources[:-1], replace(op, inputs=(*names[:-1], "x"))
    return sources, replace(op, inputs=tuple(names))


def _make_mul(rng: Rng) -> tuple[list[TensorType], Op]:
    source = _tensor(rng, 8)
    shapes = [source.shape, source.shape[-1:], (*(1 for _ in source.shape[1:]), source.channels)]
    dtype = BIPOLAR if source.dtype.is_bipolar and rng.random() < 0.5 else random_type(rng, 8)
    gate = TensorType(shapes[rng.integers(0, 3)], dtype)
    if rng.random() < 0.1:  # a square
        return [source], Mul("op", ("x", "x"), ("y",))
    return [source, gate], Mul("op", ("x", "x1"), ("y",))


def _make_table(rng: Rng) -> tuple[list[TensorType], Op]:
    source = _tensor(rng, int(rng.choice([1, 3, 6, 8])))
    otype = random_type(rng, 8)
    op = draw_table(rng, source, otype, source.dtype.lo, source.dtype.hi)
    return [source], replace(op, inputs=("x",))


def _make_concat(rng: Rng) -> tuple[list[TensorType], Op]:
    first = _tensor(rng)
    sources = [first]
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        dtype = first.dtype if rng.random() < 0.4 else random_type(rng, 6)
        sources.append(TensorType((*first.shape[:-1], int(rng.integers(1, 9))), dtype))
    names = tuple(_source(i) for i in range(len(sources)))
    if rng.random() < 0.15:
        return sources, Concat("op", (*names, "x"), ("y",))
    return sources, Concat("op", names, ("y",))


def _make_split(rng: Rng) -> tuple[list[TensorType], Op]:
    source = _tensor(rng)
    if source.channels == 1:
        source = TensorType((*source.shape[:-1], int(rng.integers(2, 9))), source.dtype)
    return [source], replace(draw_split(rng, source), inputs=("x",))


def _make_shuffle(rng: Rng) -> tuple[list[TensorType], Op]:
    source = _tensor(rng)
    return [source], replace(draw_shuffle(rng, source), inputs=("x",))


def _make_transpose(rng: Rng) -> tuple[list[TensorType], Op]:
    rank = int(rng.choice([2, 3, 3, 3, 4]))
    shape = tuple(int(size) for size in rng.integers(1, 7 if rank < 4 else 5, rank))
    source = TensorType(shape, random_type(rng, 6))
    axes = tuple(int(axis) for axis in rng.permutation(rank))
    return [source], Transpose("op", ("x",), ("y",), shape, axes)


def _make_upsample(rng: Rng) -> tuple[list[TensorType], Op]:
    factor = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    return [_picture(rng, 5)], Upsample("op", ("x",), ("y",), factor)


def _make_conv_transpose(rng: Rng) -> tuple[list[TensorType], Op]:
    source = _picture(rng, 5)
    if rng.random() < 0.15:  # deep bipolar
        channels = int(rng.choice([16, 64, 65]))
        source = TensorType((*(min(size, 3) for size in source.shape[:2]), channels), BIPOLAR)
        op = draw_conv_transpose(rng, source, 4)
        weight = draw_values(rng, BIPOLAR, op.weight.shape)
        return [source], replace(op, inputs=("x",), weight=weight, wtype=BIPOLAR)
    return [source], replace(draw_conv_transpose(rng, source, 8), inputs=("x",))


def _make_top_k(rng: Rng) -> tuple[list[TensorType], Op]:
    source = draw_vector(rng, int(rng.choice([1, 2, 8, 16])))
    k = int(rng.integers(1, min(source.channels, 6) + 1))
    if rng.random() < 0.1:
        k = source.channels  # a whole sort
    return [source], TopK("op", ("x",), ("y",), k)


def _source(place: int) -> str:
    return f"x{place}" if place else "x"


GRAPH_OPS: dict[str, Callable[[Rng], tuple[list[TensorType], Op]]] = {
    "Add": _make_add,
    "Mul": _make_mul,
    "Table": _make_table,
    "Concat": _make_concat,
    "Split": _make_split,
    "Shuffle": _make_shuffle,
    "Transpose": _make_transpose,
    "Upsample": _make_upsample,
    "ConvTranspose": _make_conv_transpose,
    "TopK": _make_top_k,
}
