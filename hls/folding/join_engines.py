"""Engines of operations with several inputs or outputs."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from math import ceil, gcd

import numpy as np

from hwcompress.hls.folding.engines import Engine, divisors, engine
from hwcompress.hls.folding.folding import Lanes
from hwcompress.ir import Add, Concat, Graph, Mul, Split, TensorType

__all__ = ["ChannelEngine", "ElementEngine", "JoinEngine", "row_of"]


@dataclass(frozen=True)
class JoinEngine(Engine):
    """An engine whose inputs may arrive with different numbers of lanes."""

    @abstractmethod
    def lanes_of(self, lanes: Lanes, position: int) -> int:
        """Elements per beat of one input."""

    def lanes_in(self, lanes: Lanes) -> int:
        return self.lanes_of(lanes, 0)


@dataclass(frozen=True)
class ElementEngine(JoinEngine):
    """Element by element: ``size`` of them a frame, ``lane_weight`` LUTs a lane.

    Lanes divide the channels, or hold several pixels of a ``row``. A
    ``gate`` comes as one vector of the channels for all pixels.
    """

    size: int
    channels: int
    lane_weight: float
    row: int
    gate: bool = False

    def choices(self) -> tuple[Lanes, ...]:
        several = (Lanes(self.channels * count) for count in divisors(self.row)[1:])
        return (*(Lanes(pe) for pe in divisors(self.channels)), *several)

    def cycles(self, lanes: Lanes) -> int:
        return self.size // lanes.pe

    def weight(self, lanes: Lanes) -> float:
        return lanes.pe * self.lane_weight + 20

    def lanes_of(self, lanes: Lanes, position: int) -> int:
        return min(lanes.pe, self.channels) if self.gate and position == 1 else lanes.pe


@dataclass(frozen=True)
class ChannelEngine(JoinEngine):
    """Parts of the channels, of ``parts`` channels each, joined or cut.

    The parts pass one after the other, with as many lanes as divide every
    part; or all at once, with a lane for every channel of one pixel or of
    several pixels of a ``row``.
    """

    pixels: int
    row: int
    parts: tuple[int, ...]
    bits: int
    joins: bool

    def choices(self) -> tuple[Lanes, ...]:
        whole = (Lanes(sum(self.parts) * count) for count in divisors(self.row))
        return (*(Lanes(pe) for pe in divisors(gcd(*self.parts))), *whole)

    def cycles(self, lanes: Lanes) -> int:
        return self.pixels * sum(self.parts) // lanes.pe

    def weight(self, lanes: Lanes) -> float:
        return lanes.pe * self.bits * ceil(len(self.parts) / 2) + 30

    def lanes_of(self, lanes: Lanes, position: int) -> int:
        if self.joins and lanes.pe >= sum(self.parts):
            return self.parts[position] * (lanes.pe // sum(self.parts))
        return lanes.pe


def row_of(kind: TensorType) -> int:
    """Pixels of a row of an image; anything else has one."""
    return kind.shape[1] if len(kind.shape) == 3 else 1


@engine.register
def _(op: Add, graph: Graph) -> Engine:
    (target,) = graph.output_types(op)
    lane = 0.0
    for source, row in zip(graph.input_types(op), op.multipliers, strict=True):
        # Ones of the multiplier, or a whole product where it differs by channel.
        adders = int(np.abs(row[0])).bit_count() if np.all(row == row[0]) else source.dtype.bits
        lane += adders * target.dtype.bits
    return ElementEngine(
        target.size, target.channels, lane + 2.0 * target.dtype.bits, row_of(target)
    )


@engine.register
def _(op: Mul, graph: Graph) -> Engine:
    source, gate = graph.input_types(op)
    lane = 1.2 * source.dtype.bits * gate.dtype.bits + 4.0 * (source.dtype.bits + gate.dtype.bits)
    return ElementEngine(
        source.size, source.channels, lane, row_of(source), op.broadcast((source, gate))
    )


@engine.register
def _(op: Concat, graph: Graph) -> Engine:
    (target,) = graph.output_types(op)
    parts = tuple(source.channels for source in graph.input_types(op))
    return ChannelEngine(
        target.size // target.channels, row_of(target), parts, target.dtype.bits, True
    )


@engine.register
def _(op: Split, graph: Graph) -> Engine:
    (source,) = graph.input_types(op)
    return ChannelEngine(
        source.size // source.channels, row_of(source), op.sizes, source.dtype.bits, False
    )
