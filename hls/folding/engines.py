"""Cycles and a rough weight of every kind of engine, as functions of its lanes.

The cycle counts are those of the Verilog library (hls/rtl/library): an engine
that is neither starved nor stalled is busy for exactly that many cycles on a
frame. A new operation registers its engine with :func:`engine`'s ``register``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from math import ceil

from hwcompress.errors import UnsupportedError
from hwcompress.hls.folding.folding import Lanes
from hwcompress.ir import (
    ArgMax,
    Conv,
    Dense,
    Graph,
    IntType,
    MaxPool,
    Op,
    Rescale,
    Reshape,
    SumPool,
    TensorType,
    Threshold,
)

__all__ = ["Engine", "LaneEngine", "MatrixEngine", "divisors", "engine", "is_depthwise"]


def divisors(number: int) -> tuple[int, ...]:
    """Positive divisors, ascending."""
    return tuple(d for d in range(1, number + 1) if number % d == 0)


def is_depthwise(op: Conv) -> bool:
    """Whether every channel is convolved alone into one channel."""
    return op.groups > 1 and op.groups == op.weight.shape[0] and op.weight.shape[3] == 1


@dataclass(frozen=True)
class Engine:
    """What folding needs to know of one operation's hardware."""

    def choices(self) -> tuple[Lanes, ...]:
        """All legal lanes."""
        raise NotImplementedError

    def cycles(self, lanes: Lanes) -> int:
        """Clock cycles per frame."""
        raise NotImplementedError

    def weight(self, lanes: Lanes) -> float:
        """Rough weighting in LUTs that ranks choices; not an estimate to be shown."""
        raise NotImplementedError

    def lanes_in(self, lanes: Lanes) -> int:
        """Elements per beat that the engine takes."""
        raise NotImplementedError


@dataclass(frozen=True)
class MatrixEngine(Engine):
    """``pixels * groups`` times a matrix of ``rows x (taps * depth)``, PE x SIMD at once.

    ``fill`` is the number of input elements of a frame when they pass through
    a line buffer, which takes ``simd`` of them a cycle.
    """

    pixels: int
    groups: int
    rows: int
    taps: int
    depth: int
    fill: int
    x_type: IntType
    w_type: IntType
    acc_bits: int

    def choices(self) -> tuple[Lanes, ...]:
        return tuple(Lanes(pe, simd) for pe in divisors(self.rows) for simd in divisors(self.depth))

    def cycles(self, lanes: Lanes) -> int:
        folds = self.groups * (self.rows // lanes.pe) * self.taps * (self.depth // lanes.simd)
        return max(self.pixels * folds, self.fill // lanes.simd)

    def weight(self, lanes: Lanes) -> float:
        words = self.groups * self.rows * self.taps * self.depth // (lanes.pe * lanes.simd)
        product = _product_weight(self.x_type, self.w_type)
        table = _rom_weight(words, lanes.pe * lanes.simd * self.w_type.bits)
        per_lane = lanes.simd * product + 2 * self.acc_bits
        return lanes.pe * per_lane + table + 8 * lanes.simd * self.x_type.bits + 60

    def lanes_in(self, lanes: Lanes) -> int:
        return lanes.simd


@dataclass(frozen=True)
class LaneEngine(Engine):
    """Channel by channel: ``work`` lane-cycles a frame, ``lane_weight`` LUTs a lane.

    ``most`` limits the lanes (divisors of it are legal). ``table_bits`` is
    the memory of all channels together.
    """

    work: int
    most: int
    lane_weight: float
    table_bits: int = 0
    words_per_lane: int = 1

    def choices(self) -> tuple[Lanes, ...]:
        return tuple(Lanes(pe) for pe in divisors(self.most))

    def cycles(self, lanes: Lanes) -> int:
        return self.work // lanes.pe

    def weight(self, lanes: Lanes) -> float:
        words = self.words_per_lane // lanes.pe
        table = _rom_weight(words, self.table_bits // max(1, words)) if self.table_bits else 0.0
        return lanes.pe * self.lane_weight + table + 30

    def lanes_in(self, lanes: Lanes) -> int:
        return lanes.pe


def _product_weight(x: IntType, w: IntType) -> float:
    """Rough LUTs of one product and its share of the adder tree."""
    if x.is_bipolar and w.is_bipolar:
        return 2.5
    if w.is_bipolar or w.is_ternary:
        return 2.0 * (x.bits + 1)
    if x.is_bipolar or x.is_ternary:
        return 2.0 * (w.bits + 1)
    return 1.2 * x.bits * w.bits + x.bits + w.bits


def _rom_weight(words: int, width: int) -> float:
    """Rough LUTs of a table; block memory counts as if it were cheap logic."""
    logic = ceil(words / 64) * width if words > 1 else 0.0
    return min(logic, 40.0 + 0.5 * width + words * width / 150)


@singledispatch
def engine(op: Op, graph: Graph) -> Engine | None:
    """The engine of an operation, or ``None`` if it needs no hardware.

    Raises:
        UnsupportedError: the streaming library has none for this operation.
    """
    raise UnsupportedError(f"no streaming engine for {op.kind}", where=f"operation {op.name!r}")


def _types(op: Op, graph: Graph) -> tuple[TensorType, TensorType]:
    return graph.input_types(op)[0], graph.output_types(op)[0]


@engine.register
def _(op: Dense, graph: Graph) -> Engine:
    source, target = _types(op, graph)
    rows, depth = op.weight.shape
    return MatrixEngine(1, 1, rows, 1, depth, 0, source.dtype, op.wtype, target.dtype.bits)


@engine.register
def _(op: Conv, graph: Graph) -> Engine:
    source, target = _types(op, graph)
    pixels = target.shape[0] * target.shape[1]
    taps = op.kernel[0] * op.kernel[1]
    window = op.window_type(source.dtype)
    bits = target.dtype.bits
    if is_depthwise(op):
        lane = _product_weight(window, op.wtype) + 2 * bits + 8 * window.bits
        table = op.weight.size * op.wtype.bits
        work = max(pixels * taps * source.channels, source.size)
        return LaneEngine(work, source.channels, lane, table, source.channels * taps)
    return MatrixEngine(
        pixels, op.groups, op.weight.shape[0] // op.groups, taps, op.weight.shape[3],
        source.size, window, op.wtype, bits,
    )  # fmt: skip


@engine.register
def _(op: Threshold, graph: Graph) -> Engine:
    source, _target = _types(op, graph)
    levels = op.thresholds.shape[1]
    comparators = levels if levels <= 15 else levels.bit_length() * 4
    table = source.channels * levels * source.dtype.bits
    lane = comparators * (source.dtype.bits * 0.6 + 1.5)
    return LaneEngine(source.size, source.channels, lane, table, source.channels)


@engine.register
def _(op: Rescale, graph: Graph) -> Engine:
    source, _target = _types(op, graph)
    mul_bits = int(abs(op.mul).max()).bit_length() + 1
    lane = 1.1 * source.dtype.bits * mul_bits + 3 * (source.dtype.bits + mul_bits)
    table = source.channels * (2 * mul_bits + source.dtype.bits) if op.mul.size > 1 else 0
    return LaneEngine(source.size, source.channels, lane, table, source.channels)


def _pool(op: MaxPool | SumPool, graph: Graph) -> Engine:
    source, target = _types(op, graph)
    taps = op.kernel[0] * op.kernel[1]
    work = max(target.size * taps, source.size)
    return LaneEngine(work, source.channels, 12.0 * target.dtype.bits)


engine.register(MaxPool, _pool)
engine.register(SumPool, _pool)


@engine.register
def _(op: ArgMax, graph: Graph) -> Engine:
    source, _target = _types(op, graph)
    return LaneEngine(source.size, 1, 3.0 * source.dtype.bits)


@engine.register
def _(op: Reshape, graph: Graph) -> None:
    return None
