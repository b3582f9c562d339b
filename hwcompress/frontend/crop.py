"""Leaving out what nothing reads: borders of an image, and parts of a Split.

A crop is a transposed convolution with one weight of 1 for each channel: its
padding cuts the result. Where only channels are left out, and not many, a 1x1
convolution with one weight of 1 for each channel that is kept does the same
without a row of storage.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from hwcompress.ir import (
    BIPOLAR,
    Conv,
    ConvTranspose,
    Dense,
    IntType,
    Op,
    Rescale,
    Reshape,
    Split,
    TensorType,
    Threshold,
)

__all__ = ["Source", "crop_ops", "selected_ops"]

_MOST_CHANNELS = 256  # beyond, a matrix of ones and zeros is dearer than a crop
_MOST_ELEMENTS = 64  # the same of a vector, which often is an image in one piece
_LEAST_GRAIN = 4  # elements that a crop moves at once

Quad = tuple[int, int, int, int]
Fresh = Callable[[str], str]


@dataclass(frozen=True)
class Source:
    """A graph tensor with its type."""

    name: str
    kind: TensorType


def _reshape(source: Source, shape: tuple[int, ...], fresh: Fresh) -> tuple[list[Op], Source]:
    if source.kind.shape == shape:
        return [], source
    name = fresh(f"{source.name}_view")
    op = Reshape(name, (source.name,), (name,), shape)
    return [op], Source(name, TensorType(shape, source.kind.dtype))


def crop_ops(
    source: Source, view: tuple[int, int, int], padding: Quad, target: str, fresh: Fresh
) -> list[Op]:
    """Operations that make ``target``: ``source`` as ``view`` without its borders.

    Args:
        source: the tensor.
        view: its elements as ``(height, width, channels)``.
        padding: rows and columns that are left out: top, left, bottom, right.
        target: name of the result ``(height', width', channels)``.
        fresh: gives unused names.
    """
    ops, image = _reshape(source, view, fresh)
    channels = view[2]
    weight = np.ones((channels, 1, 1, 1), np.int64)
    dtype = source.kind.dtype
    crop = ConvTranspose(
        target, (image.name,), (target,), weight, IntType(0, 1), padding=padding, groups=channels
    )
    return [*ops, *_typed(crop, image.kind, dtype, target, fresh)]


def _typed(op: Op, source: TensorType, dtype: IntType, target: str, fresh: Fresh) -> list[Op]:
    """``op``, whose results all are of ``dtype``, and what gives them that type."""
    (kind,) = op.infer([source])
    if kind.dtype == dtype:
        return [op]
    name = fresh(f"{target}_wide")
    wide = replace(op, name=name, outputs=(name,))
    one, zero = np.ones(1, np.int64), np.zeros(1, np.int64)
    if dtype == BIPOLAR:
        narrow: Op = Threshold(target, (name,), (target,), zero[None], one, BIPOLAR)
    else:
        narrow = Rescale(target, (name,), (target,), one, zero, zero, "floor", dtype)
    return [wide, narrow]


def selected_ops(op: Split, source: TensorType, wanted: set[str], fresh: Fresh) -> list[Op]:
    """What stands for a Split of which some parts are not read."""
    starts = [0, *accumulate(op.sizes)][:-1]
    parts = [
        (start, size, name)
        for start, size, name in zip(starts, op.sizes, op.outputs, strict=True)
        if name in wanted
    ]
    width = source.channels
    outer = source.size // width
    grain = math.gcd(width, *(edge for start, size, _ in parts for edge in (start, size)))
    whole = Source(op.inputs[0], source)
    image = len(source.shape) == 3
    most = _MOST_CHANNELS if image else _MOST_ELEMENTS
    dear = width > most or (not image and outer > 1)
    if grain >= _LEAST_GRAIN and dear:
        view = (outer, width // grain, grain)
        ops: list[Op] = []
        for start, size, name in parts:
            padding = (0, start // grain, 0, (width - start - size) // grain)
            inner = fresh(f"{name}_crop")
            ops += crop_ops(whole, view, padding, inner, fresh)
            ops.append(Reshape(name, (inner,), (name,), (*source.shape[:-1], size)))
        return ops
    return _one_hot(op, whole, parts, fresh)


def _one_hot(
    op: Split, source: Source, parts: list[tuple[int, int, str]], fresh: Fresh
) -> list[Op]:
    """One weight of 1 for each channel that is kept, and a Split of the rest."""
    shape, dtype = source.kind.shape, source.kind.dtype
    columns = np.concatenate([np.arange(start, start + size) for start, size, _ in parts])
    weight = np.zeros((columns.size, shape[-1]), np.int64)
    weight[np.arange(columns.size), columns] = 1
    name = fresh(f"{op.name}_kept")
    outputs = tuple(part[2] for part in parts)
    target = outputs[0] if len(parts) == 1 else name
    wtype = IntType(0, 1)
    if len(shape) == 1:
        dense = Dense(name, (source.name,), (target,), weight, wtype)
        ops = _typed(dense, source.kind, dtype, target, fresh)
    else:
        rows = math.prod(shape[:-1])
        view = shape if len(shape) == 3 else (rows, 1, shape[-1])
        ops, image = _reshape(source, view, fresh)
        made = target if view == shape else fresh(f"{target}_columns")
        label = name if made == target else made
        conv = Conv(label, (image.name,), (made,), weight[:, None, None, :], wtype)
        ops += _typed(conv, image.kind, dtype, made, fresh)
        if made != target:
            ops.append(Reshape(target, (made,), (target,), (*shape[:-1], columns.size)))
    if len(parts) == 1:
        return ops
    sizes = tuple(size for _, size, _ in parts)
    return [*ops, Split(op.name, (target,), outputs, sizes)]
