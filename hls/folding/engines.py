"""Cycles and a rough weight of every kind of engine, as functions of its lanes.

The cycle counts are those of the Verilog library (hls/rtl/library): an engine
that is neither starved nor stalled is busy for exactly that many cycles on a
frame. A new operation registers its engine with :func:`engine`'s ``register``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import singledispatch
from math import ceil

from hwcompress.errors import UnsupportedError
from hwcompress.hls.folding.folding import Lanes
from hwcompress.hls.folding.powers import PowerCode, power_code
from hwcompress.hls.folding.window import Window
from hwcompress.ir import (
    ArgMax,
    Constant,
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

__all__ = [
    "ChannelWindowEngine",
    "Engine",
    "LaneEngine",
    "MatrixEngine",
    "divisors",
    "engine",
    "is_depthwise",
    "window_of",
]


def divisors(number: int) -> tuple[int, ...]:
    """Positive divisors, ascending."""
    return tuple(d for d in range(1, number + 1) if number % d == 0)


def window_of(op: Conv | MaxPool | SumPool, source: TensorType, target: TensorType) -> Window:
    """The geometry of an operation over an image."""
    (height, width), (rows, columns) = source.shape[:2], target.shape[:2]
    dilation = op.dilation if isinstance(op, Conv) else (1, 1)
    return Window(
        (height, width), (rows, columns), op.kernel, op.stride, op.padding[:2], dilation
    )  # fmt: skip


def is_depthwise(op: Conv) -> bool:
    """Whether every channel is convolved alone into one channel."""
    return op.groups > 1 and op.groups == op.weight.shape[0] and op.weight.shape[3] == 1


@dataclass(frozen=True)
class Engine(ABC):
    """What folding needs to know of one operation's hardware."""

    @abstractmethod
    def choices(self) -> tuple[Lanes, ...]:
        """All legal lanes."""

    @abstractmethod
    def cycles(self, lanes: Lanes) -> int:
        """Clock cycles per frame."""

    @abstractmethod
    def weight(self, lanes: Lanes) -> float:
        """Rough weighting in LUTs that ranks choices; not an estimate to be shown."""

    @abstractmethod
    def lanes_in(self, lanes: Lanes) -> int:
        """Elements per beat that the engine takes."""

    def lanes_out(self, lanes: Lanes) -> int:
        """Elements per beat that it gives."""
        return lanes.pe * lanes.pixels


@dataclass(frozen=True)
class MatrixEngine(Engine):
    """``pixels * groups`` times a matrix of ``rows x (taps * depth)``, PE x SIMD at once.

    ``fill`` is the number of input elements of a frame when they pass through
    a line buffer, which takes ``simd`` of them a cycle. A convolution has a
    ``window``: with its taps times a divisor of ``depth`` as SIMD, all
    kernel positions come in one beat. ``code`` is that of powers of two.
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
    window: Window | None = None
    code: PowerCode | None = None

    def choices(self) -> tuple[Lanes, ...]:
        """Serial ones; all taps with all channels of a group, or with all rows; several pixels."""
        found = [Lanes(pe, simd) for pe in divisors(self.rows) for simd in divisors(self.depth)]
        if self.window is None:
            return tuple(found)
        if self.taps > 1 and self.window.fits_parallel():
            every = self.taps * self.depth
            found += [Lanes(pe, every) for pe in divisors(self.rows)]
            found += [Lanes(self.rows, self.taps * words) for words in divisors(self.depth)]
        if self.groups == 1:
            every = self.taps * self.depth
            found += [Lanes(self.rows, every, p) for p in self.window.pixel_choices()]
        return tuple(dict.fromkeys(found))

    def is_parallel(self, lanes: Lanes) -> bool:
        """Whether all kernel positions come at once.

        Where SIMD can be read both ways, with or without the taps, the
        cycles are the same, and the positions come one after the other.
        """
        if self.window is None or self.window.is_pointwise:
            return False
        return lanes.pixels > 1 or self.depth % lanes.simd != 0

    def cycles(self, lanes: Lanes) -> int:
        folds = self.rows // lanes.pe
        if self.is_parallel(lanes):
            assert self.window is not None
            words = self.groups * self.depth * self.taps // lanes.simd
            return self.window.parallel_cycles(words, folds, lanes.pixels)
        beats = self.groups * folds * self.taps * (self.depth // lanes.simd)
        return max(self.pixels // lanes.pixels * beats, self.fill // self.lanes_in(lanes))

    def weight(self, lanes: Lanes) -> float:
        words = self.groups * self.rows * self.taps * self.depth // (lanes.pe * lanes.simd)
        product = _product_weight(self.x_type, self.w_type, self.code)
        w_bits = self.code.bits if self.code else self.w_type.bits
        table = _rom_weight(words, lanes.pe * lanes.simd * w_bits)
        per_lane = lanes.simd * product + 2 * self.acc_bits
        front = 8.0 * lanes.simd * self.x_type.bits
        if self.is_parallel(lanes):
            assert self.window is not None
            front = _parallel_weight(
                self.window, self.lanes_in(lanes), lanes.pixels, self.x_type.bits
            )
        return lanes.pixels * lanes.pe * per_lane + table + front + 60

    def lanes_in(self, lanes: Lanes) -> int:
        if lanes.pixels > 1 or self.is_parallel(lanes):
            assert self.window is not None
            return lanes.simd // self.taps * self.window.pixels_in(lanes.pixels)
        return lanes.simd


@dataclass(frozen=True)
class ChannelWindowEngine(Engine):
    """Every channel alone under a window: ``pe`` channels, one or all kernel positions at once.

    ``tap_weight`` LUTs for a position of a lane, ``lane_weight`` for the rest
    of it. ``table_bits`` are the weights of one position of one channel.
    """

    channels: int
    window: Window
    bits: int
    tap_weight: float
    lane_weight: float
    table_bits: int = 0

    def choices(self) -> tuple[Lanes, ...]:
        found = [Lanes(pe) for pe in divisors(self.channels)]
        taps = self.window.taps
        if taps > 1 and self.window.fits_parallel():
            found += [Lanes(pe, taps) for pe in divisors(self.channels)]
        found += [Lanes(self.channels, taps, p) for p in self.window.pixel_choices()]
        return tuple(dict.fromkeys(found))

    def is_parallel(self, lanes: Lanes) -> bool:
        """Whether all kernel positions come at once."""
        return not self.window.is_pointwise and (lanes.pixels > 1 or lanes.simd > 1)

    def cycles(self, lanes: Lanes) -> int:
        words = self.channels // lanes.pe
        if self.is_parallel(lanes):
            return self.window.parallel_cycles(words, 1, lanes.pixels)
        return self._serial_cycles() * words // lanes.pixels

    def _serial_cycles(self) -> int:
        (height, width), (rows, columns) = self.window.image, self.window.output
        return max(rows * columns * self.window.taps, height * width)

    def weight(self, lanes: Lanes) -> float:
        words = self.channels * self.window.taps // (lanes.pe * lanes.simd)
        table = _rom_weight(words, lanes.pe * lanes.simd * self.table_bits)
        front = 0.0
        if self.is_parallel(lanes):
            front = _parallel_weight(self.window, self.lanes_in(lanes), lanes.pixels, self.bits)
        lane = lanes.simd * self.tap_weight + self.lane_weight
        return lanes.pixels * lanes.pe * lane + table + front + 30

    def lanes_in(self, lanes: Lanes) -> int:
        return lanes.pe * self.window.pixels_in(lanes.pixels)


@dataclass(frozen=True)
class LaneEngine(Engine):
    """Channel by channel: ``work`` lane-cycles a frame, ``lane_weight`` LUTs a lane.

    ``most`` limits the lanes (divisors of it are legal). ``table_bits`` is
    the memory of all channels together. An engine that works element by
    element may take several pixels of a ``row`` at once: then lanes are
    ``most`` times a divisor of ``row``.
    """

    work: int
    most: int
    lane_weight: float
    table_bits: int = 0
    words_per_lane: int = 1
    row: int = 1

    def choices(self) -> tuple[Lanes, ...]:
        several = (Lanes(self.most * pixels) for pixels in divisors(self.row)[1:])
        return (*(Lanes(pe) for pe in divisors(self.most)), *several)

    def cycles(self, lanes: Lanes) -> int:
        return self.work // lanes.pe

    def weight(self, lanes: Lanes) -> float:
        words = self.words_per_lane // lanes.pe
        table = _rom_weight(words, self.table_bits // max(1, words)) if self.table_bits else 0.0
        return lanes.pe * self.lane_weight + table + 30

    def lanes_in(self, lanes: Lanes) -> int:
        return lanes.pe


def _product_weight(x: IntType, w: IntType, code: PowerCode | None) -> float:
    """Rough LUTs of one product and its share of the adder tree."""
    if code:
        return 2.0 * (x.bits + code.count)
    if x.is_bipolar and w.is_bipolar:
        return 2.5
    if w.is_bipolar or w.is_ternary:
        return 2.0 * (x.bits + 1)
    if x.is_bipolar or x.is_ternary:
        return 2.0 * (w.bits + 1)
    return 1.2 * x.bits * w.bits + x.bits + w.bits


def _parallel_weight(window: Window, lanes_in: int, pixels: int, bits: int) -> float:
    """Rough LUTs of a window that gives all positions at once: memories, registers, gates."""
    reach_h, reach_w = window.reach
    held = window.kernel[0] * (reach_w + (pixels - 1) * window.stride[1])
    edges = window.taps * pixels if any(window.before) else 0
    per_lane = reach_h * 2.0 * window.kernel[0] / 3 + 0.5 * held / window.pixels_in(pixels)
    return bits * lanes_in * (per_lane + 0.5 * edges / window.pixels_in(pixels)) + 150


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
    code = power_code(op.weight, op.wtype)
    return MatrixEngine(
        1, 1, rows, 1, depth, 0, source.dtype, op.wtype, target.dtype.bits, None, code
    )  # fmt: skip


@engine.register
def _(op: Conv, graph: Graph) -> Engine:
    source, target = _types(op, graph)
    pixels = target.shape[0] * target.shape[1]
    taps = op.kernel[0] * op.kernel[1]
    window = op.window_type(source.dtype)
    bits = target.dtype.bits
    area = window_of(op, source, target)
    code = power_code(op.weight, op.wtype)
    if is_depthwise(op):
        product = _product_weight(window, op.wtype, code)
        lane = 2.0 * bits + 8.0 * window.bits
        return ChannelWindowEngine(
            source.channels, area, window.bits, product, lane, code.bits if code else op.wtype.bits
        )  # fmt: skip
    return MatrixEngine(
        pixels, op.groups, op.weight.shape[0] // op.groups, taps, op.weight.shape[3],
        source.size, window, op.wtype, bits, area, code,
    )  # fmt: skip


def _row(source: TensorType) -> int:
    """Pixels of a row of an image; a vector is one pixel."""
    return source.shape[1] if len(source.shape) == 3 else 1


@engine.register
def _(op: Threshold, graph: Graph) -> Engine:
    source, _target = _types(op, graph)
    levels = op.thresholds.shape[1]
    comparators = levels if levels <= 15 else levels.bit_length() * 4
    table = source.channels * levels * source.dtype.bits
    lane = comparators * (source.dtype.bits * 0.6 + 1.5)
    return LaneEngine(source.size, source.channels, lane, table, source.channels, _row(source))


@engine.register
def _(op: Rescale, graph: Graph) -> Engine:
    source, _target = _types(op, graph)
    mul_bits = int(abs(op.mul).max()).bit_length() + 1
    lane = 1.1 * source.dtype.bits * mul_bits + 3 * (source.dtype.bits + mul_bits)
    table = source.channels * (2 * mul_bits + source.dtype.bits) if op.mul.size > 1 else 0
    return LaneEngine(source.size, source.channels, lane, table, source.channels, _row(source))


def _pool(op: MaxPool | SumPool, graph: Graph) -> Engine:
    source, target = _types(op, graph)
    bits, area = target.dtype.bits, window_of(op, source, target)
    return ChannelWindowEngine(
        source.channels, area, source.dtype.bits, 3.0 * bits, 9.0 * bits
    )  # fmt: skip


engine.register(MaxPool, _pool)
engine.register(SumPool, _pool)


@engine.register
def _(op: ArgMax, graph: Graph) -> Engine:
    source, _target = _types(op, graph)
    return LaneEngine(source.size, 1, 3.0 * source.dtype.bits)


@engine.register
def _(op: Reshape, graph: Graph) -> None:
    return None


@engine.register
def _(op: Constant, graph: Graph) -> None:
    # Its lanes are those that its reader takes: there is nothing to choose.
    return None
