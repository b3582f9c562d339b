"""From what C synthesis reports to what logic synthesis leaves of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hwcompress.hls.estimate.hls4ml.reports import Counts, DesignReport, designs

__all__ = ["RESOURCES", "Ratio", "ratio", "ratios", "synthesized"]

RESOURCES = ("lut", "ff", "dsp", "bram18")


@dataclass(frozen=True, slots=True)
class Ratio:
    """What logic synthesis leaves of one that C synthesis reports.

    Args:
        count: of designs.
        low: a twentieth of them have less.
        middle: half of them have less.
        high: a twentieth of them have more.
    """

    count: int
    low: float
    middle: float
    high: float


def ratios(rows: Iterable[DesignReport], resource: str) -> Ratio:
    """The ratio of one resource over designs that have it.

    Every author counts the same, whatever number of designs they published.
    """
    found: dict[str, list[float]] = {}
    for row in rows:
        before, after = getattr(row.estimated, resource), getattr(row.synthesized, resource)
        if before > 0:
            found.setdefault(row.author, []).append(after / before)
    values = np.array([value for own in found.values() for value in own])
    weights = np.array([1 / len(own) for own in found.values() for _ in own])
    order = np.argsort(values)
    place = np.cumsum(weights[order]) / weights.sum()
    low, middle, high = (
        float(values[order][int(np.searchsorted(place, share - 1e-9))])
        for share in (0.05, 0.5, 0.95)
    )
    return Ratio(len(values), low, middle, high)


@lru_cache
def ratio(resource: str) -> Ratio:
    """The ratio of one resource over all designs."""
    return ratios(designs(), resource)


def synthesized(counts: Counts) -> Counts:
    """What logic synthesis leaves, in the middle."""
    return Counts(*(getattr(counts, name) * ratio(name).middle for name in RESOURCES))
