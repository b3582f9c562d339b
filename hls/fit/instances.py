"""The instances that an engine consists of, made by the generator itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

import hwcompress.hls.rtl.engines  # noqa: F401  (registers the handlers)
from hwcompress.hls.fit.widths import takes
from hwcompress.hls.folding import Folding, Lanes, Style
from hwcompress.hls.folding.engines import engine
from hwcompress.hls.rtl.builder import RTL, Builder, Layer
from hwcompress.hls.rtl.engines.constant import values
from hwcompress.hls.rtl.netlist import Instance, Stream
from hwcompress.ir import Constant, Graph, Op

__all__ = ["Parts", "engine_parts"]


@dataclass(frozen=True)
class Parts:
    """Instances, and the words of the files that they read, uint8 ``(depth, width)`` by name."""

    instances: tuple[Instance, ...]
    files: Mapping[str, np.ndarray]


class _Scratch(Layer):
    """A layer whose memories are kept as bits, not as text."""

    def __init__(self, builder: Builder, op: Op) -> None:
        super().__init__(builder, op)
        self.files: dict[str, np.ndarray] = {}

    def memory_file(self, file: str, kind: str, bits: np.ndarray) -> None:
        self.files[file] = bits


def engine_parts(op: Op, graph: Graph, lanes: Lanes, style: Style) -> Parts:
    """What the handler of an operation makes, with streams as it wants them.

    Args:
        op: an operation with hardware.
        graph: in which it stands.
        lanes: its own; of a constant, ``pe`` are those that it gives.
        style: its own.
    """
    builder = Builder(graph, Folding({op.name: lanes}, {op.name: style}))
    layer = _Scratch(builder, op)
    if isinstance(op, Constant):
        values(layer, op, lanes.pe)
    else:
        item = engine(op, graph)
        assert item is not None, f"{op.kind} has no hardware"
        sources = [
            Stream(f"in_{position}", kind.dtype, takes(item, lanes, position), kind.size)
            for position, kind in enumerate(graph.input_types(op))
        ]
        RTL.handler(op)(layer, op, *sources)
    made = tuple(entry for entry in builder.netlist.items if isinstance(entry, Instance))
    return Parts(made, layer.files)
