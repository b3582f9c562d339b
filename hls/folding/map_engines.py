"""Engines of the operations with one input that are no matrix product."""

from __future__ import annotations

from dataclasses import dataclass

from hwcompress.hls.folding.engines import Engine, LaneEngine, divisors, engine
from hwcompress.hls.folding.folding import Lanes
from hwcompress.hls.folding.order import Order, order_of
from hwcompress.ir import Graph, Op, Shuffle, Table, TopK, Transpose, Upsample

__all__ = ["OrderEngine", "TableEngine"]


@dataclass(frozen=True)
class TableEngine(Engine):
    """A table lookup: a memory of ``entries`` words for every lane and channel fold.

    With ``shared`` one table serves all channels. Several pixels of a ``row`` may
    come at once: then lanes are ``channels`` times a divisor of ``row``.
    """

    size: int
    channels: int
    entries: int
    out_bits: int
    shared: bool
    row: int

    def choices(self) -> tuple[Lanes, ...]:
        several = (Lanes(self.channels * pixels) for pixels in divisors(self.row)[1:])
        return (*(Lanes(pe) for pe in divisors(self.channels)), *several)

    def cycles(self, lanes: Lanes) -> int:
        return self.size // lanes.pe

    def weight(self, lanes: Lanes) -> float:
        folds = 1 if self.shared else max(1, self.channels // lanes.pe)
        return lanes.pe * (_memory(self.entries * folds, self.out_bits) + self.out_bits) + 20

    def lanes_in(self, lanes: Lanes) -> int:
        return lanes.pe


@dataclass(frozen=True)
class OrderEngine(Engine):
    """Elements in another order: ``size_in`` of them come in, ``size_out`` leave.

    Lanes that move whole beats go through a buffer of two blocks; others
    gather the block in one beat and permute it by wires.
    """

    order: Order
    size_in: int
    size_out: int
    channels: int
    bits: int

    def choices(self) -> tuple[Lanes, ...]:
        if self.order.is_identity:
            return tuple(Lanes(pe) for pe in divisors(self.channels))
        found = set(divisors(self.order.grain))
        if self.order.can_be_wired:
            found |= set(divisors(self.order.size))
        return tuple(Lanes(pe) for pe in sorted(found))

    def cycles(self, lanes: Lanes) -> int:
        return max(self.size_in, self.size_out) // lanes.pe

    def weight(self, lanes: Lanes) -> float:
        if self.order.is_identity:
            return 0.0
        if self.order.grain % lanes.pe:  # two gearboxes of the whole block
            wide = self.order.size * self.bits
            return 2.0 * wide if lanes.pe < self.order.size else 0.5 * wide
        return _memory(2 * self.order.size // lanes.pe, lanes.pe * self.bits) + 60

    def lanes_in(self, lanes: Lanes) -> int:
        return lanes.pe


def _memory(words: int, width: int) -> float:
    """Rough LUTs of a memory; block memory counts as if it were cheap logic."""
    return min(-(-words // 64) * width * 1.2, 40.0 + 0.5 * width + words * width / 150)


@engine.register
def _(op: Table, graph: Graph) -> Engine:
    source = graph.input_types(op)[0]
    entries = 1 << max(1, (source.dtype.count - 1).bit_length())
    shared = op.values.shape[0] == 1
    row = source.shape[1] if len(source.shape) == 3 else 1
    return TableEngine(source.size, source.channels, entries, op.otype.bits, shared, row)


def _order(op: Op, graph: Graph) -> Engine:
    source, target = graph.input_types(op)[0], graph.output_types(op)[0]
    order = order_of(op, source)
    return OrderEngine(order, source.size, target.size, source.channels, source.dtype.bits)


engine.register(Shuffle, _order)
engine.register(Transpose, _order)
engine.register(Upsample, _order)


@engine.register
def _(op: TopK, graph: Graph) -> Engine:
    source = graph.input_types(op)[0]
    index_bits = graph.output_types(op)[0].dtype.bits
    entry = 2.0 * source.dtype.bits + index_bits
    return LaneEngine(source.size, 1, op.k * entry)
