"""Lanes for the engines that a folding leaves open."""

from __future__ import annotations

from dataclasses import astuple
from math import prod
from pathlib import Path

from hwcompress.errors import InputError
from hwcompress.hls.folding.engines import Engine, engine
from hwcompress.hls.folding.folding import Folding, Lanes
from hwcompress.ir import Graph

__all__ = ["complete_folding", "read_folding"]


def read_folding(path: Path) -> Folding:
    """The folding in a file.

    Raises:
        InputError: it cannot be read, or is no folding; names the file.
    """
    try:
        return Folding.from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("cannot be read", where=str(path), why=str(error)) from None
    except InputError as error:
        raise InputError(error.what, where=str(path), why=error.why, remedy=error.remedy) from None


def complete_folding(graph: Graph, folding: Folding) -> Folding:
    """The folding with lanes for every engine of ``graph``.

    What it names stays. Any other engine takes as many lanes as the one before
    it gives, so that no width converter is needed between them, or the next
    larger number that keeps it from being slower than the slowest engine named.
    A folding of the matrix engines alone, as FINN's are published, is thus enough.

    Raises:
        InputError: it names an engine that ``graph`` does not have, lanes
            that are not legal, or nothing at all.
    """
    engines: dict[str, Engine] = {}
    for op in graph.layers:
        item = engine(op, graph)
        if item is not None:
            engines[op.name] = item
    known = {name: lanes for name, lanes in folding.lanes.items() if name in engines}
    if not known and engines:
        raise InputError(
            f"the folding names no engine of {graph.name!r}",
            remedy=f"engines are {', '.join(engines)}",
        )
    target = max((engines[name].cycles(lanes) for name, lanes in known.items()), default=0)
    chosen = dict(folding.lanes)
    arriving: dict[str, int] = {}  # tensor -> lanes it comes with
    for op in graph.layers:
        before = max((arriving.get(tensor, 1) for tensor in op.inputs), default=1)
        if op.name in engines and op.name not in chosen:
            chosen[op.name] = _like(engines[op.name], before, target)
        lanes = chosen[op.name].pe if op.name in chosen else before
        arriving.update(dict.fromkeys(op.outputs, lanes))
    completed = Folding(chosen, folding.styles)
    completed.check(graph)
    return completed


def _like(item: Engine, before: int, target: int) -> Lanes:
    """The lanes nearest to ``before`` that meet ``target``; the fastest if none does."""
    choices = item.choices()
    fast = [lanes for lanes in choices if item.cycles(lanes) <= target]
    if not fast:
        return min(choices, key=lambda lanes: (item.cycles(lanes), prod(astuple(lanes))))

    def distance(lanes: Lanes) -> tuple[float, int]:
        wanted, given = item.lanes_in(lanes), before
        return max(wanted / given, given / wanted), prod(astuple(lanes))

    return min(fast, key=distance)
