"""Coefficients for LUTs and flip-flops, and how far they are off where others are fitted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hwcompress.hls.estimate.hls4ml.features import ff_features, lut_features
from hwcompress.hls.estimate.hls4ml.product import Product
from hwcompress.hls.estimate.hls4ml.reports import LayerReport, layers
from hwcompress.hls.estimate.leastsquares import nonnegative

__all__ = [
    "SMALL", "STRATEGIES", "Errors", "Judged", "Model", "errors_of", "fitted", "layer_errors",
    "left_out", "model", "project_errors",
]  # fmt: skip

STRATEGIES = ("latency", "resource")
SMALL = 50.0
"""A layer of fewer LUTs or flip-flops is neither fitted nor judged."""


@dataclass(frozen=True, slots=True)
class Errors:
    """Factors between estimate and report, the larger over the smaller one.

    Args:
        count: of estimates judged.
        groups: that they are of.
        median: half of them are within it.
        most: nine of ten are within it.
        worst: all are.
    """

    count: int
    groups: int
    median: float
    most: float
    worst: float


@dataclass(frozen=True)
class Model:
    """Coefficients, each for one feature, by strategy.

    Args:
        lut: of the LUTs.
        ff: of the flip-flops.
    """

    lut: dict[str, tuple[float, ...]]
    ff: dict[str, tuple[float, ...]]

    def luts(self, product: Product) -> float:
        """LUTs of a layer."""
        return _sum(self.lut[product.strategy], lut_features(product))

    def ffs(self, product: Product, clock_ns: float, family: str) -> float:
        """Flip-flops of a layer."""
        return _sum(self.ff[product.strategy], ff_features(product, clock_ns, family))


def _sum(terms: Sequence[float], features: Sequence[float]) -> float:
    return sum(term * value for term, value in zip(terms, features, strict=True))


_Features = Callable[[LayerReport], tuple[float, ...]]


def _lut(row: LayerReport) -> tuple[float, ...]:
    return lut_features(row.product)


def _ff(row: LayerReport) -> tuple[float, ...]:
    return ff_features(row.product, row.clock_ns, row.family)


def fitted(rows: Iterable[LayerReport]) -> Model:
    """The least squares of relative errors, with coefficients that are not negative."""
    rows = list(rows)
    found: dict[str, dict[str, tuple[float, ...]]] = {"lut": {}, "ff": {}}
    for strategy in STRATEGIES:
        own = [row for row in rows if row.product.strategy == strategy]
        features: dict[str, _Features] = {"lut": _lut, "ff": _ff}
        for resource, function in features.items():
            taken = [row for row in own if getattr(row.counts, resource) >= SMALL]
            matrix = np.array([function(row) for row in taken])
            target = np.array([getattr(row.counts, resource) for row in taken])
            solved = nonnegative(matrix / target[:, None], np.ones(len(taken)))
            found[resource][strategy] = tuple(float(value) for value in solved)
    return Model(found["lut"], found["ff"])


@lru_cache
def model() -> Model:
    """The coefficients of all reports."""
    return fitted(layers())


@dataclass(frozen=True, slots=True)
class Judged:
    """A report beside the estimate by a fit to the *other* repositories.

    Args:
        report: the report.
        lut: LUTs, as estimated.
        ff: flip-flops, as estimated.
    """

    report: LayerReport
    lut: float
    ff: float

    def over(self, resource: str) -> float | None:
        """Estimate over report, of ``lut`` or ``ff``; None where the report has too few."""
        reported = float(getattr(self.report.counts, resource))
        estimated = max(float(getattr(self, resource)), 1.0)
        return estimated / reported if reported >= SMALL else None


@lru_cache
def left_out() -> tuple[Judged, ...]:
    """Every report, judged."""
    rows = layers()
    found = []
    for author in dict.fromkeys(row.author for row in rows):
        other = fitted(row for row in rows if row.author != author)
        found += [
            Judged(row, other.luts(row.product), other.ffs(row.product, row.clock_ns, row.family))
            for row in rows
            if row.author == author
        ]
    return tuple(found)


def errors_of(factors: Sequence[float], groups: Sequence[str]) -> Errors:
    """Errors of factors between two figures, from 1 on; every group counts the same."""
    order = np.argsort(factors)
    sizes = Counter(groups)
    share = np.cumsum([1 / sizes[groups[place]] for place in order]) / len(sizes)
    middle, most = (
        float(factors[order[int(np.searchsorted(share, part - 1e-9))]]) for part in (0.5, 0.9)
    )
    return Errors(len(factors), len(sizes), middle, most, float(max(factors)))


@lru_cache
def layer_errors(strategy: str, resource: str) -> Errors:
    """Errors of layers whose repository was left out of the fit; every network counts the same.

    Args:
        strategy: ``latency`` or ``resource``.
        resource: ``lut`` or ``ff``.
    """
    factors, networks = [], []
    for item in left_out():
        over = item.over(resource)
        if item.report.product.strategy == strategy and over is not None:
            factors.append(max(over, 1 / over))
            networks.append(item.report.network)
    return errors_of(factors, networks)


@lru_cache
def project_errors(resource: str) -> Errors:
    """As :func:`layer_errors`, for all layers of a project together, of either strategy."""
    estimated: dict[str, float] = {}
    reported: dict[str, float] = {}
    networks: dict[str, str] = {}
    for item in left_out():
        source = item.report.source
        estimated[source] = estimated.get(source, 0.0) + getattr(item, resource)
        reported[source] = reported.get(source, 0.0) + getattr(item.report.counts, resource)
        networks[source] = item.report.network
    taken = [source for source in networks if reported[source] >= SMALL]
    overs = [estimated[source] / reported[source] for source in taken]
    return errors_of([max(over, 1 / over) for over in overs], [networks[s] for s in taken])
