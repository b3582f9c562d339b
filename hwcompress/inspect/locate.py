"""Where a difference starts: tensor by tensor, in the order of the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from hwcompress.errors import HwcompressError
from hwcompress.frontend import Imported
from hwcompress.inspect.compare_facts import FirstDifference, TensorDifference
from hwcompress.inspect.tally import Wrong

__all__ = ["Look", "locate"]

Look = Callable[[tuple[str, ...]], Mapping[str, np.ndarray]]
"""Integers ``(1, *shape)`` that a level has of graph tensors; not all need be there."""


def locate(
    imported: Imported,
    names: tuple[str, str],
    wrong: Wrong,
    theirs: Look,
    ours: Mapping[str, np.ndarray],
    *,
    explained: bool,
) -> FirstDifference:
    """The first tensor in which two levels differ in a sample that differs somewhere.

    Args:
        imported: the model.
        names: of the two levels.
        wrong: a tensor that is known to differ.
        theirs: gives the first level's integers.
        ours: integers ``(1, *shape)`` of the second level, of every tensor.
        explained: whether rounding ties alone can cause the difference.
    """
    graph = imported.graph
    order = tuple(name for name in graph.tensors if name in ours)
    try:
        seen = dict(theirs(order))
    except HwcompressError:  # a runtime need not give what lies inside
        seen = {}
    seen[wrong.tensor] = wrong.theirs[None]
    known = {**ours, wrong.tensor: wrong.ours[None]}
    rows, first = [], ""
    for name in order:
        if name not in seen or seen[name].shape != known[name].shape:
            continue
        differing = int((seen[name] != known[name]).sum())
        first = first or (name if differing else "")
        rows.append(_row(imported, name, known[name].size, differing))
    first = first or wrong.tensor
    a, b = seen[first][0], known[first][0]
    index = tuple(int(i) for i in np.unravel_index(int((a != b).argmax()), a.shape))
    affine, op = graph.tensors[first].affine, graph.producer(first)
    return FirstDifference(
        *names,
        wrong.sample,
        first,
        f"{op.kind} {op.name}",
        imported.origin[first][0] if first in imported.origin else "",
        index[:-1],
        index[-1],
        int(a[index]),
        int(b[index]),
        float(np.broadcast_to(affine.apply(a), a.shape)[index]),
        float(np.broadcast_to(affine.apply(b), b.shape)[index]),
        explained,
        tuple(rows),
    )


def _row(imported: Imported, name: str, values: int, differing: int) -> TensorDifference:
    op = imported.graph.producer(name)
    source = imported.origin[name][0] if name in imported.origin else ""
    return TensorDifference(name, f"{op.kind} {op.name}", source, values, differing)
