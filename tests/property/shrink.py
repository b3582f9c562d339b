"""The smallest part of a failing network that still fails: ``python -m tests.property.shrink 17``.

Parts are made by ending the graph at an earlier tensor, and by beginning it at later
ones; the folding stays.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from hwcompress.errors import CheckFailed, GraphError, HwcompressError
from hwcompress.hls.folding import Folding
from hwcompress.hls.rtl.plan import plan
from hwcompress.hls.rtl.timing import fifo_depths
from hwcompress.ir import Graph, Input, Op, Output
from hwcompress.ir.text import format_graph

from .cases import Case, case
from .check import check_network

__all__ = ["smallest"]


def smallest(start: Case, fails: Callable[[Case], bool]) -> Case:
    """A part of ``start`` that fails, of which no smaller part does."""
    found = start
    while True:
        smaller = (each for each in _parts(found) if fails(each))
        part = next(smaller, None)
        if part is None:
            return found
        found = part


def _parts(whole: Case) -> Iterator[Case]:
    """Networks with fewer operations, the smallest first."""
    graph = whole.graph
    cuts = [_part(graph, {op.outputs[0]}, set()) for op in graph.layers]
    ends = {op.inputs[0] for op in graph.outputs}
    cuts += [_part(graph, ends, set(op.outputs)) for op in graph.layers]
    cuts += [_part(graph, ends - {end}, set()) for end in sorted(ends) if len(ends) > 1]
    fewer = [cut for cut in cuts if cut is not None and len(cut.layers) < len(graph.layers)]
    for cut in sorted(fewer, key=lambda each: len(each.layers)):
        names = {op.name for op in cut.layers}
        old = whole.folding
        folding = Folding(
            {name: lanes for name, lanes in old.lanes.items() if name in names},
            {name: style for name, style in old.styles.items() if name in names},
        )
        try:
            made = plan(cut, folding)
            sizes = fifo_depths(made.design())
        except HwcompressError:  # no network of its own
            continue
        yield Case(whole.number, cut, folding, made, sizes)


def _part(graph: Graph, ends: set[str], begins: set[str]) -> Graph | None:
    """What ``ends`` are computed from; ``begins`` are inputs, and so is what is left over."""
    wanted, kept, heads = set(ends), [], []
    for op in reversed(graph.layers):
        if begins.isdisjoint(op.outputs) and wanted.intersection(op.outputs):
            kept.append(op)
            wanted |= set(op.inputs)
    if not kept:
        return None
    made = {name for op in kept for name in op.outputs}
    for name in sorted(wanted - made):
        kind = graph.tensors[name].type
        axes = tuple(range(len(kind.shape)))
        heads.append(
            Input(f"in_{name}", (), (name,), kind.shape, axes, kind.shape, kind.dtype, 1.0)
        )
    read = {name for op in kept for name in op.inputs}
    tails: list[Op] = [
        Output(f"out_{name}", (name,), ())
        for name in sorted(made)
        if name in ends or name not in read
    ]
    try:
        return Graph.build(f"{graph.name}_part", [*heads, *reversed(kept), *tails])
    except GraphError:  # no input reaches an end: a constant is left
        return None


def _fails(part: Case) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            check_network(part, Path(folder))
        except (AssertionError, CheckFailed):
            return True
    return False


def main(number: int) -> int:
    """Print the smallest failing part; 0 if the network does not fail."""
    whole = case(number)
    if not _fails(whole):
        print(f"network {number} is as it should be")
        return 0
    part = smallest(whole, _fails)
    print(format_graph(part.graph))
    print(part.folding.to_json())
    with tempfile.TemporaryDirectory() as folder:
        check_network(part, Path(folder))
    return 1


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1])))
