"""Two traces in memory, side by side."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from hwcompress.errors import InputError
from hwcompress.ir import Graph
from hwcompress.levels.difference import DiffReport
from hwcompress.levels.integers import as_integers, sample_shape
from hwcompress.levels.tally import DiffTally

__all__ = ["diff", "matched"]


def diff(
    a: Mapping[str, np.ndarray],
    b: Mapping[str, np.ndarray],
    graph: Graph | None = None,
    names: tuple[str, str] = ("A", "B"),
) -> DiffReport:
    """The first tensor, sample, position and channel in which two traces differ.

    Args:
        a, b: integers ``(n, *shape)`` by tensor, channels last; with a graph a sample may be
            flat.
        graph: gives the order of the tensors, their operations and scales; without one the
            order is that of ``a``.
        names: what messages call the two.

    Raises:
        InputError: no tensor in common, different numbers of samples, shapes that do not fit,
            or numbers that are no integers.
    """
    shared, only_a, only_b = matched(names, a, b, graph)
    sides: list[dict[str, np.ndarray]] = []
    for name, given in zip(names, (a, b), strict=True):
        arrays = {}
        for tensor in shared:
            values = as_integers(np.asarray(given[tensor]), f"{name}, tensor {tensor!r}")
            shape = sample_shape(values.shape, tensor, graph, name)
            arrays[tensor] = values.reshape(len(values), *shape)
        counts = {len(values) for values in arrays.values()}
        if len(counts) != 1:
            raise InputError(
                f"tensors of {' and '.join(map(str, sorted(counts)))} samples", where=name
            )
        sides.append(arrays)
    lengths = [len(next(iter(side.values()))) for side in sides]
    if lengths[0] != lengths[1]:
        raise InputError(
            f"{names[0]} holds {lengths[0]:,} samples, {names[1]} {lengths[1]:,}",
            remedy="cut both to the same samples",
        )
    if not lengths[0]:
        raise InputError("there is no sample to compare", where=f"{names[0]} and {names[1]}")
    tally = DiffTally(names, shared, graph)
    tally.add(*sides)
    return tally.report(only_a, only_b)


def matched(
    names: tuple[str, str], a: Collection[str], b: Collection[str], graph: Graph | None
) -> tuple[list[str], list[str], list[str]]:
    """Tensors of both sides in the order of the graph, then those of one side only.

    Raises:
        InputError: they have none in common.
    """
    order = list(dict.fromkeys((*(() if graph is None else graph.tensors), *a, *b)))
    shared = [name for name in order if name in a and name in b]
    if not shared:
        raise InputError(
            f"{names[0]} and {names[1]} have no tensor in common",
            why=f"{names[0]} has {_listed(a)}; {names[1]} has {_listed(b)}",
            remedy="name the arrays of a dump as the integer graph names its tensors",
        )
    only_a = [name for name in order if name in a and name not in b]
    return shared, only_a, [name for name in order if name in b and name not in a]


def _listed(names: Collection[str]) -> str:
    shown = [repr(name) for name in list(names)[:6]]
    return ", ".join(shown) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
