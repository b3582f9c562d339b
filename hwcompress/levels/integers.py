"""Arrays that somebody else made as integers of a tensor."""

from __future__ import annotations

import numpy as np

from hwcompress.errors import InputError
from hwcompress.ir import Graph

__all__ = ["as_integers", "sample_shape"]

_EXACT = 2.0**53


def as_integers(values: np.ndarray, where: str, start: int = 0) -> np.ndarray:
    """The same numbers as int64.

    Args:
        values: ``(n, *shape)``; booleans, integers, or floats that hold integers.
        where: whose they are, for messages.
        start: index of the first sample, for messages.

    Raises:
        InputError: a number is no integer, or too large for int64.
    """
    kind = values.dtype.kind
    if kind == "u" and values.size and int(values.max()) > np.iinfo(np.int64).max:
        raise InputError(f"{int(values.max())} does not fit 64 bits with a sign", where=where)
    if kind == "f":
        exact = values.astype(np.float64)
        # NaN equals nothing; beyond 2**53 a float does not tell integers apart.
        wrong = ~((np.rint(exact) == exact) & (np.abs(exact) <= _EXACT))
        if wrong.any():
            index = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise InputError(
                f"holds {exact[index]:.9g} in sample {start + index[0]}, element {index[1:]}",
                where=where,
                why="a dump holds the integers of a tensor, not the real values",
                remedy="divide by the tensor's scale, which `hwcompress inspect` shows",
            )
        values = exact
    elif kind not in "iub":
        raise InputError(
            f"holds {values.dtype}, not integers", where=where, remedy="save plain integer arrays"
        )
    return values.astype(np.int64, copy=False)


def sample_shape(
    shape: tuple[int, ...], tensor: str, graph: Graph | None, where: str
) -> tuple[int, ...]:
    """The shape that a sample of a dump has in the graph; a flat one may be reshaped to it.

    Args:
        shape: of the array, with the sample axis.
        tensor: its name.
        graph: the graph, or ``None``.
        where: whose array it is, for messages.

    Raises:
        InputError: no sample axis, or the sample is none of this tensor.
    """
    if not shape:
        raise InputError(
            f"tensor {tensor!r} is a single number",
            where=where,
            remedy="save it with the samples along the first axis",
        )
    found = shape[1:] or (1,)
    if graph is None or tensor not in graph.tensors:
        return found
    wanted = graph.tensors[tensor].shape
    size = graph.tensors[tensor].type.size
    if found == wanted or found == (size,):
        return wanted
    remedy = "save it as (samples, ...) with the channels last, or flat in this order"
    if len(found) == 3 and (found[1], found[2], found[0]) == wanted:
        remedy = "it has its channels first: save array.transpose(0, 2, 3, 1)"
    raise InputError(
        f"tensor {tensor!r} has samples of shape {found}, the graph has {wanted}",
        where=where,
        remedy=remedy,
    )
