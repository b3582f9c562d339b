"""The instances that an engine consists of, made by the generator itself."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar, cast

import numpy as np

import hwcompress.hls.rtl.engines  # noqa: F401  (registers the handlers)
from hwcompress.hls.fit.widths import takes
from hwcompress.hls.folding import Folding, Lanes, Style
from hwcompress.hls.folding.engines import Engine, engine
from hwcompress.hls.rtl.builder import RTL, Builder, Layer
from hwcompress.hls.rtl.engines.constant import values
from hwcompress.hls.rtl.engines.linear import kept_in
from hwcompress.hls.rtl.netlist import Instance, Stream
from hwcompress.ir import Constant, Graph, Op

__all__ = ["Parts", "Words", "engine_parts", "with_memory"]


T = TypeVar("T")
Known = dict[Hashable, object]


@dataclass(frozen=True)
class Words:
    """Contents of a memory: words of several numbers, int64 ``(depth, numbers)``, in stored form.

    Args:
        raw: the first number lies in the lowest bits.
        width: bits of a number.
    """

    raw: np.ndarray
    width: int

    def bits(self) -> np.ndarray:
        """uint8 ``(depth, bits of a word)``, those of the same place of all numbers together.

        Column by column in memory, for so they are compared.
        """
        narrow = self.raw.astype(np.uint8) if self.width <= 8 else self.raw
        columns = np.ascontiguousarray(narrow.T)
        found = np.empty((self.width, *columns.shape), np.uint8)
        for place in range(self.width):
            found[place] = (columns >> place) & 1
        return found.reshape(-1, len(self.raw)).T


@dataclass(frozen=True)
class Parts:
    """Instances, and the words of the files that they read, by name."""

    instances: tuple[Instance, ...]
    files: Mapping[str, Words]


class _Scratch(Layer):
    """A layer whose memories are kept as numbers, not as text."""

    def __init__(self, builder: Builder, op: Op, item: Engine | None, known: Known) -> None:
        super().__init__(builder, op)
        self.files: dict[str, Words] = {}
        self._item, self._known = item, known

    def once(self, name: Hashable, make: Callable[[], T]) -> T:
        if name not in self._known:
            self._known[name] = make()
        return cast("T", self._known[name])

    @property
    def engine(self) -> Engine:
        assert self._item is not None, f"{self.op.kind} has no engine"
        return self._item

    def memory_of(self, kind: str, raw: np.ndarray, width: int) -> str:
        file = self.builder.unique(f"{self.op.name}_{kind}")
        self.files[file] = Words(raw, width)
        return file

    def memory_file(self, file: str, kind: str, bits: np.ndarray) -> None:
        self.files[file] = Words(bits, 1)


def engine_parts(
    op: Op,
    graph: Graph,
    lanes: Lanes,
    style: Style,
    item: Engine | None = None,
    known: Known | None = None,
) -> Parts:
    """What the handler of an operation makes, with streams as it wants them.

    Args:
        op: an operation with hardware.
        graph: in which it stands.
        lanes: its own; of a constant, ``pe`` are those that it gives.
        style: its own.
        item: its engine, where that is at hand.
        known: what the calls with these lanes have in common; filled by them.
    """
    known = {} if known is None else known
    builder = Builder(graph, Folding({op.name: lanes}, {op.name: style}))
    if isinstance(op, Constant):
        layer = _Scratch(builder, op, None, known)
        values(layer, op, lanes.pe)
    else:
        item = item or engine(op, graph)
        assert item is not None, f"{op.kind} has no hardware"
        layer = _Scratch(builder, op, item, known)
        sources = [
            Stream(f"in_{position}", kind.dtype, takes(item, lanes, position), kind.size)
            for position, kind in enumerate(graph.input_types(op))
        ]
        RTL.handler(op)(layer, op, *sources)
    made = tuple(entry for entry in builder.netlist.items if isinstance(entry, Instance))
    return Parts(made, layer.files)


def with_memory(parts: Parts, style: Style) -> Parts:
    """The same with weights in another memory, which is all that ``style`` may change."""
    kept = kept_in(style)
    found = []
    for instance in parts.instances:
        if "WEIGHTS" in instance.parameters:
            given = {k: v for k, v in instance.parameters.items() if k != "STYLE"}
            instance = replace(instance, parameters=given | ({"STYLE": kept} if kept else {}))
        found.append(instance)
    return Parts(tuple(found), parts.files)
