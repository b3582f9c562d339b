"""The instances that an engine consists of, made by the generator itself."""

from __future__ import annotations

from dataclasses import dataclass

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
    """Instances, and the contents of the files that their parameters name, as hex lines."""

    instances: tuple[Instance, ...]
    files: dict[str, str]


def engine_parts(op: Op, graph: Graph, lanes: Lanes, style: Style) -> Parts:
    """What the handler of an operation makes, with streams as it wants them.

    Args:
        op: an operation with hardware.
        graph: in which it stands.
        lanes: its own; of a constant, ``pe`` are those that it gives.
        style: its own.
    """
    builder = Builder(graph, Folding({op.name: lanes}, {op.name: style}))
    layer = Layer(builder, op)
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
    return Parts(made, dict(builder.hex_files))
