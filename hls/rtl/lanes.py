"""Who reads a tensor, and with how many elements a beat."""

from __future__ import annotations

from hwcompress.hls.folding import Lanes
from hwcompress.hls.folding.engines import Engine
from hwcompress.hls.folding.join_engines import JoinEngine
from hwcompress.hls.rtl.builder import Builder, Layer
from hwcompress.ir import Graph, Op, Reshape

__all__ = ["readers", "wanted_lanes"]


def readers(graph: Graph, tensor: str) -> list[tuple[Op, int]]:
    """Who reads a tensor, and as which of its inputs; an operation may do so twice."""
    return [
        (op, position)
        for op in graph.consumers(tensor)
        for position, name in enumerate(op.inputs)
        if name == tensor
    ]


def wanted_lanes(builder: Builder, tensor: str) -> int:
    """Elements per beat of a tensor that comes with any: the most that one of its readers takes.

    Such are the inputs of the graph, and its constants.
    """
    wanted = 1
    for reader, position in readers(builder.graph, tensor):
        if isinstance(reader, Reshape):
            wanted = max(wanted, wanted_lanes(builder, reader.outputs[0]))
        elif reader.outputs:
            layer = Layer(builder, reader)
            wanted = max(wanted, _lanes_in(layer.engine, layer.lanes, position))
    return wanted


def _lanes_in(item: Engine, lanes: Lanes, position: int) -> int:
    return item.lanes_of(lanes, position) if isinstance(item, JoinEngine) else item.lanes_in(lanes)
