"""Elements a beat at every end of an engine: what its neighbours have to agree with."""

from __future__ import annotations

from dataclasses import dataclass

from hwcompress.hls.folding.engines import Engine
from hwcompress.hls.folding.folding import Lanes
from hwcompress.hls.folding.join_engines import ChannelEngine, JoinEngine
from hwcompress.hls.folding.map_engines import OrderEngine
from hwcompress.ir import Graph, Op, Output, Reshape

__all__ = ["Reader", "Spread", "gives", "port_lanes", "spread_of", "takes"]


@dataclass(frozen=True, slots=True)
class Reader:
    """An operation with hardware that reads a tensor, perhaps through reshapes."""

    op: Op
    position: int


@dataclass(frozen=True, slots=True)
class Spread:
    """Where a tensor goes.

    Args:
        tensor: its name where it is made.
        readers: in graph order.
        ports: outputs of the graph that it reaches.
        forks: number of copies of each fork on the way.
    """

    tensor: str
    readers: tuple[Reader, ...]
    ports: int
    forks: tuple[int, ...]


def takes(item: Engine, lanes: Lanes, position: int) -> int:
    """Elements a beat that an engine wants at an input."""
    if isinstance(item, OrderEngine) and not item.order.is_identity and item.order.grain % lanes.pe:
        return item.order.size  # gathered in one beat, whatever leaves
    return port_lanes(item, lanes, position)


def port_lanes(item: Engine, lanes: Lanes, position: int) -> int:
    """Elements a beat with which a port of the design, or a constant, feeds an engine."""
    return item.lanes_of(lanes, position) if isinstance(item, JoinEngine) else item.lanes_in(lanes)


def gives(item: Engine, lanes: Lanes, output: int) -> int:
    """Elements a beat that an engine gives at an output."""
    if isinstance(item, ChannelEngine) and not item.joins and lanes.pe >= sum(item.parts):
        return item.parts[output] * (lanes.pe // sum(item.parts))
    return item.lanes_out(lanes)


def spread_of(graph: Graph, tensor: str) -> Spread:
    """Where a tensor that hardware makes goes; a reshape only passes it on."""
    readers: list[Reader] = []
    forks: list[int] = []
    ports = 0
    waiting = [tensor]
    while waiting:
        name = waiting.pop(0)
        reading = [
            (op, position)
            for op in graph.consumers(name)
            for position, source in enumerate(op.inputs)
            if source == name
        ]
        if len(reading) > 1:
            forks.append(len(reading))
        for op, position in reading:
            if isinstance(op, Reshape):
                waiting.append(op.outputs[0])
            elif isinstance(op, Output):
                ports += 1
            else:
                readers.append(Reader(op, position))
    return Spread(tensor, tuple(readers), ports, tuple(forks))
