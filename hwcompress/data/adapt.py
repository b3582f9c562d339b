"""Fits stored samples to a model's input, where that is unambiguous."""

from __future__ import annotations

import math

import numpy as np

from hwcompress.errors import InputError

__all__ = ["adapt_samples"]


def adapt_samples(
    x: np.ndarray, shape: tuple[int, ...], where: str = "data"
) -> tuple[np.ndarray, str]:
    """Samples in the model's shape, and a line for the report (empty if nothing was done).

    Axes of length one may be added or removed, and a vector may become an
    image of one channel or the reverse, row by row. With several channels a
    vector does not say whether channels come first or last, so that is
    refused.

    Raises:
        InputError: the shapes do not fit, or fit in more than one way.
    """
    stored = x.shape[1:]
    if stored == shape:
        return x, ""
    bare_stored = tuple(axis for axis in stored if axis != 1)
    bare_shape = tuple(axis for axis in shape if axis != 1)
    note = f"samples of shape {stored} taken as {shape}"
    if bare_stored == bare_shape:
        return x.reshape(-1, *shape), note
    if math.prod(stored) != math.prod(shape):
        raise InputError(
            f"samples of shape {stored} do not fit the model's input {shape}",
            where=where,
            why=f"{math.prod(stored)} values against {math.prod(shape)}",
            remedy="give data of the model's shape",
        )
    if min(len(bare_stored), len(bare_shape)) == 1 and max(len(bare_stored), len(bare_shape)) == 2:
        return x.reshape(-1, *shape), f"{note}, row by row"
    raise InputError(
        f"samples of shape {stored} do not fit the model's input {shape}",
        where=where,
        why="the number of values agrees, but the order of the axes is not clear",
        remedy="transpose or reshape the data to the model's shape",
    )
