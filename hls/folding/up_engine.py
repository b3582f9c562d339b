"""Transposed convolution: which kernel positions meet where, and the cycles they take."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np

from hwcompress.hls.folding.engines import Engine, divisors, engine
from hwcompress.hls.folding.folding import Lanes
from hwcompress.hls.folding.powers import power_code
from hwcompress.ir import ConvTranspose, Graph

__all__ = ["Axis", "UpEngine", "axes_of", "is_depthwise"]


@dataclass(frozen=True)
class Axis:
    """Rows, or columns. Output ``o`` has the phase ``(o + before) mod stride``."""

    size: int
    output: int
    kernel: int
    stride: int
    dilation: int
    before: int

    @property
    def phases(self) -> tuple[tuple[int, ...], ...]:
        """Kernel positions of each phase, ascending."""
        every = range(self.kernel)
        return tuple(
            tuple(k for k in every if k * self.dilation % self.stride == phase)
            for phase in range(self.stride)
        )

    @property
    def spacing(self) -> int:
        """Input positions between two kernel positions of a phase."""
        return self.dilation // gcd(self.dilation, self.stride)

    @property
    def offsets(self) -> tuple[int, ...]:
        """How far before ``(o + before) div stride`` each phase's first input position lies."""
        return tuple(
            (taps[0] * self.dilation - phase) // self.stride if taps else 0
            for phase, taps in enumerate(self.phases)
        )

    @property
    def reach(self) -> int:
        """How far back the last input position of any phase lies."""
        return (self.kernel - 1) * self.dilation // self.stride

    def counts(self) -> np.ndarray:
        """Kernel positions that each output meets, int64 ``(output,)``."""
        taps = np.array([len(taps) for taps in self.phases], np.int64)
        return taps[(np.arange(self.output) + self.before) % self.stride]

    def firsts(self) -> np.ndarray:
        """First input position of each output, perhaps outside the image, int64 ``(output,)``."""
        place = np.arange(self.output) + self.before
        return place // self.stride - np.array(self.offsets)[place % self.stride]


def axes_of(op: ConvTranspose, size: tuple[int, int]) -> tuple[Axis, Axis]:
    """Rows and columns for an image of a height and width."""
    output = op.output_size(size)
    rows, columns = (
        Axis(size[i], output[i], op.kernel[i], op.stride[i], op.dilation[i], op.padding[i])
        for i in (0, 1)
    )
    return rows, columns


def is_depthwise(op: ConvTranspose) -> bool:
    """Whether every channel makes one channel alone."""
    return op.groups > 1 and op.groups == op.weight.shape[0] and op.weight.shape[3] == 1


@dataclass(frozen=True)
class UpEngine(Engine):
    """For every output pixel and group, rows x (positions that meet there x depth)."""

    axes: tuple[Axis, Axis]
    groups: int
    rows: int
    depth: int
    depthwise: bool
    lane_weight: float
    weight_bits: int
    acc_bits: int
    x_bits: int

    def choices(self) -> tuple[Lanes, ...]:
        if self.depthwise:
            return tuple(Lanes(pe) for pe in divisors(self.groups))
        return tuple(Lanes(pe, simd) for pe in divisors(self.rows) for simd in divisors(self.depth))

    def loops(self, lanes: Lanes) -> tuple[int, int, int]:
        """Groups, output folds, and beats of a kernel position."""
        if self.depthwise:
            return self.groups // lanes.pe, 1, 1
        return self.groups, self.rows // lanes.pe, self.depth // lanes.simd

    def cycles(self, lanes: Lanes) -> int:
        """An output that meets no kernel position takes one cycle, for its bias."""
        groups, folds, inner = self.loops(lanes)
        beats = np.multiply.outer(*(axis.counts() for axis in self.axes)) * inner
        reading = int(np.maximum(beats, 1).sum()) * groups * folds
        height, width = (axis.size for axis in self.axes)
        filling = height * width * self.groups * self.depth // self.lanes_in(lanes)
        return max(reading, filling)

    def weight(self, lanes: Lanes) -> float:
        taps = self.axes[0].kernel * self.axes[1].kernel
        words = self.groups * self.rows * self.depth * taps // (lanes.pe * lanes.simd)
        width = lanes.pe * lanes.simd * self.weight_bits
        logic = -(-words // 64) * width if words > 1 else 0
        table = min(logic, 40.0 + 0.5 * width + words * width / 150)
        lane = lanes.simd * self.lane_weight + 2.0 * self.acc_bits
        return lanes.pe * lane + table + 8.0 * self.lanes_in(lanes) * self.x_bits + 150

    def lanes_in(self, lanes: Lanes) -> int:
        return lanes.pe if self.depthwise else lanes.simd


@engine.register
def _(op: ConvTranspose, graph: Graph) -> Engine:
    source, target = graph.input_types(op)[0], graph.output_types(op)[0]
    x, w = source.dtype.bits, op.wtype.bits
    product = 2.0 * (x + 1) if w <= 2 else 1.2 * x * w + x + w
    if code := power_code(op.weight, op.wtype):
        w, product = code.bits, 2.0 * (x + code.count)
    return UpEngine(
        axes_of(op, (source.shape[0], source.shape[1])),
        op.groups,
        op.weight.shape[0] // op.groups,
        op.weight.shape[3],
        is_depthwise(op),
        product,
        w,
        target.dtype.bits,
        x,
    )
