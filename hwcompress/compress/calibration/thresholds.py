"""From the histogram of an activation to its grid: five ways to choose the range.

``max`` clips nothing; the others give up rare large values for a finer step. With scales that
are powers of two, ``max``, ``moving_average`` and ``percentile`` round the step up, so that the
range they chose is covered; ``mse`` and ``kl`` take the neighbour that their own measure prefers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from hwcompress.compress.calibration.grid import Grid
from hwcompress.compress.calibration.histogram import Histogram
from hwcompress.compress.calibration.kl import Kept, best_bins, best_bins_two_sided
from hwcompress.compress.calibration.trackers import MovingAverage
from hwcompress.errors import InputError

__all__ = ["ActivationRange", "Method", "activation_grid", "power_above", "threshold"]

Method = Literal["max", "moving_average", "percentile", "mse", "kl"]

_SHRINKS = np.geomspace(1.0, 2.0**-10, 201)  # of the range, which mean squared error tries


@dataclass(frozen=True)
class ActivationRange:
    """How an activation's range is chosen.

    Attributes:
        bits: 1 to 16.
        symmetric: zero is the integer 0; else signed values get a zero point.
        power_of_two: the step is one, and so rescaling is a shift.
        method: as this module's text says.
        percentile: share of the values in percent that ``percentile`` covers.
        momentum: of ``moving_average`` over the batches.
    """

    bits: int = 8
    symmetric: bool = True
    power_of_two: bool = True
    method: Method = "mse"
    percentile: float = 99.9
    momentum: float = 0.9

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise InputError(
                f"there is no calibration method {self.method!r}",
                remedy=f"methods are {', '.join(get_args(Method))}",
            )
        if not 0 < self.percentile <= 100:
            raise InputError(
                f"the percentile {self.percentile:g}", remedy="give one above 0, up to 100"
            )


def threshold(histogram: Histogram, wanted: ActivationRange, signed: bool) -> float:
    """The magnitude up to which values are kept; 0 for an activation that is always 0.

    Args:
        histogram: of the activation.
        wanted: its method, bits and what belongs to them.
        signed: half of the levels are for negative values.
    """
    if histogram.is_empty:
        return 0.0
    match wanted.method:
        case "max":
            return histogram.ends.reach
        case "moving_average":
            return MovingAverage(wanted.momentum).over(histogram.ends.magnitudes)
        case "percentile":
            return _percentile(histogram.magnitudes, histogram.width, wanted.percentile)
        case "kl":
            kept = _kept(histogram, wanted.bits, signed).bins
            return min((kept + 0.5) * histogram.width, histogram.ends.reach)
        case "mse":
            reach = histogram.ends.reach
            grids = (_symmetric(reach * item, wanted.bits, signed) for item in _SHRINKS)
            best = _best(histogram, grids)
            return best.scale * best.high


def activation_grid(histogram: Histogram, wanted: ActivationRange, signed: bool) -> Grid:
    """The grid of an activation.

    Args:
        histogram: of its values over the calibration samples.
        wanted: how its range is chosen.
        signed: it may be negative.

    Raises:
        InputError: it is 0 for every sample, so that no step fits it.
    """
    if histogram.is_empty:
        raise InputError(
            "an activation is zero for all calibration samples",
            remedy="check how the samples are scaled, or give a trained model",
        )
    if signed and not wanted.symmetric:
        return _asymmetric_grid(histogram, wanted)
    reach = threshold(histogram, wanted, signed)
    if not wanted.power_of_two:
        return _symmetric(reach, wanted.bits, signed)
    above = _symmetric(reach, wanted.bits, signed, power_of_two=True)
    if wanted.method == "mse":
        return _best(histogram, (_halved(above, times) for times in (-1, 0, 1, 2)))
    if wanted.method == "kl":
        curve = _kept(histogram, wanted.bits, signed)
        return min((above, _halved(above, 1)), key=lambda grid: _loss(curve, histogram, grid))
    return above


def _symmetric(reach: float, bits: int, signed: bool, power_of_two: bool = False) -> Grid:
    """The grid whose highest value is ``reach``, or a little more for a power of two."""
    high = (1 << (bits - signed)) - 1
    if signed and bits == 1:
        raise InputError(
            "a signed activation of 1 bit has no step to calibrate",
            remedy="give 2 bits, or train a binary network",
        )
    scale = reach / high
    return Grid(power_above(scale) if power_of_two else scale, bits, signed)


def power_above(scale: float) -> float:
    """The least power of two that is not below a positive number."""
    mantissa, exponent = math.frexp(scale)
    return math.ldexp(1.0, exponent - (mantissa == 0.5))


def _halved(grid: Grid, times: int) -> Grid:
    """The grid with a step finer by so many powers of two; its zero point is 0."""
    return Grid(math.ldexp(grid.scale, -times), grid.bits, grid.signed)


def _best(histogram: Histogram, grids: Iterable[Grid]) -> Grid:
    """The one with the least squared error; the first on a tie."""
    values, counts = histogram.centres()

    def error(grid: Grid) -> float:
        return float(counts @ (grid.fake(values) - values) ** 2)

    return min(grids, key=error)


def _percentile(counts: np.ndarray, width: float, percent: float) -> float:
    """The upper edge of the bin that reaches the share."""
    wanted = math.ceil(counts.sum() * percent / 100)
    return float((np.searchsorted(np.cumsum(counts), wanted) + 1) * width)


def _kept(histogram: Histogram, bits: int, signed: bool) -> Kept:
    """How many bins from zero on the divergence keeps."""
    if not signed:
        return best_bins(histogram.positive, min(1 << bits, histogram.positive.size))
    counts = np.concatenate([histogram.negative[::-1], histogram.positive])
    return best_bins_two_sided(counts, min(1 << (bits - 1), counts.size))


def _loss(kept: Kept, histogram: Histogram, grid: Grid) -> float:
    """The divergence with so many bins as a grid covers."""
    bins = round(grid.high * grid.scale / histogram.width)
    return float(kept.curve[min(max(bins - kept.first, 0), kept.curve.size - 1)])


def _asymmetric_grid(histogram: Histogram, wanted: ActivationRange) -> Grid:
    low, high = _ends(histogram, wanted)
    grid = _between(low, high, wanted)
    if wanted.method == "mse":
        return _best(histogram, (_between(low * s, high * s, wanted) for s in _SHRINKS))
    return grid


def _ends(histogram: Histogram, wanted: ActivationRange) -> tuple[float, float]:
    """The lowest and highest value that are kept."""
    ends = histogram.ends
    if wanted.method == "moving_average":
        lows = MovingAverage(wanted.momentum).over([low for low, _ in ends.batches])
        highs = MovingAverage(wanted.momentum).over([high for _, high in ends.batches])
        return lows, highs
    if wanted.method == "percentile":
        # What is left out is shared by both ends.
        counts = np.concatenate([histogram.negative[::-1], histogram.positive])
        most = math.floor(counts.sum() * (1 - wanted.percentile / 100) / 2)
        first = int(np.searchsorted(np.cumsum(counts), most, side="right"))
        last = counts.size - int(np.searchsorted(np.cumsum(counts[::-1]), most, side="right"))
        centre, width = histogram.negative.size, histogram.width
        return max((first - centre) * width, ends.low), min((last - centre) * width, ends.high)
    if wanted.method == "kl":
        reach = threshold(histogram, wanted, True)
        return max(ends.low, -reach), min(ends.high, reach)
    return ends.low, ends.high


def _between(low: float, high: float, wanted: ActivationRange) -> Grid:
    """The unsigned grid over a range, widened to hold 0."""
    low, high = min(low, 0.0), max(high, 0.0)
    most = (1 << wanted.bits) - 1
    scale = (high - low) / most
    if wanted.power_of_two:
        scale = power_above(scale)
    return Grid(scale, wanted.bits, False, False, min(max(round(-low / scale), 0), most))
