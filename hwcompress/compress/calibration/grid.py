"""The affine map between reals and integers: ``q = clip(round(x / S + Z))``, ``x' = S (q - Z)``.

Real zero is always one of the reals that a grid holds: ``Z`` is an integer within the range
(Jacob et al. 2018, section 2.1). With ``S = 2**-f`` and ``Z = 0`` this is fixed point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hwcompress.errors import InputError

__all__ = ["MAX_BITS", "Grid", "Rounding", "rounded"]

Rounding = Literal["half_even", "half_up", "floor"]
"""To nearest with ties to the even integer, or upwards; or down always."""

MAX_BITS = 16


def rounded(values: np.ndarray, rounding: Rounding) -> np.ndarray:
    """Whole numbers, float64."""
    if rounding == "half_even":
        return np.rint(values)
    if rounding == "half_up":
        # floor(v + 0.5) would round the number just below one half up: the sum rounds.
        whole = np.floor(values)
        return whole + (values - whole >= 0.5)
    return np.floor(values)


@dataclass(frozen=True)
class Grid:
    """The reals that a quantizer gives.

    Attributes:
        scale: the step, above 0.
        bits: 1 to 16.
        signed: two's complement; else from 0.
        narrow: without the lowest integer of a signed type, so that it is symmetric.
        zero: the integer that stands for 0, within the range.
    """

    scale: float
    bits: int
    signed: bool
    narrow: bool = False
    zero: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= MAX_BITS:
            raise InputError(f"a grid of {self.bits} bits", remedy=f"give 1 to {MAX_BITS} bits")
        if not (self.scale > 0 and math.isfinite(self.scale)):
            raise InputError(f"a grid with the step {self.scale!r}", remedy="give one above 0")
        if self.low >= self.high:
            raise InputError(
                f"a grid of {self.bits} bit(s) with nothing but {self.low}",
                remedy="symmetric signed grids have 2 bits at least",
            )
        if not self.low <= self.zero <= self.high:
            raise InputError(
                f"zero point {self.zero} outside {self.low}..{self.high}",
                why="real zero has to be one of the values, as padding and ReLU give it",
                remedy="widen the range to include 0",
            )

    @property
    def low(self) -> int:
        """The lowest integer."""
        return -(1 << (self.bits - 1)) + self.narrow if self.signed else 0

    @property
    def high(self) -> int:
        """The highest integer."""
        return (1 << (self.bits - self.signed)) - 1

    @property
    def reach(self) -> tuple[float, float]:
        """The lowest and the highest real."""
        return (self.low - self.zero) * self.scale, (self.high - self.zero) * self.scale

    @property
    def is_power_of_two(self) -> bool:
        """Whether the step is a power of two."""
        return math.frexp(self.scale)[0] == 0.5

    def quantize(self, values: np.ndarray, rounding: Rounding = "half_even") -> np.ndarray:
        """Integers (int64) of reals; what lies outside takes the nearest end.

        A tie goes to the even integer with the zero point in it, as in Brevitas, in QONNX and in
        the integer graph; ONNX's QuantizeLinear adds an odd zero point after the rounding.
        """
        exact = np.asarray(values, np.float64) / self.scale
        steps = rounded(exact, rounding)
        if rounding == "half_even" and self.zero % 2:
            low = np.floor(exact)
            steps = np.where(exact - low == 0.5, 2 * low + 1 - steps, steps)
        return np.clip(steps + self.zero, self.low, self.high).astype(np.int64)

    def dequantize(self, integers: np.ndarray) -> np.ndarray:
        """Reals (float64) of integers."""
        return (np.asarray(integers, np.int64) - self.zero) * self.scale

    def fake(self, values: np.ndarray) -> np.ndarray:
        """The nearest reals of the grid, ties to even integers."""
        return self.dequantize(self.quantize(values))

    def saturated(self, values: np.ndarray) -> int:
        """How many reals lie beyond the ends by more than half a step."""
        steps = np.rint(np.asarray(values, np.float64) / self.scale) + self.zero
        return int(np.count_nonzero((steps < self.low) | (steps > self.high)))
