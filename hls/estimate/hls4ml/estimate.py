"""Resources and cycles of an hls4ml design, without hls4ml and without the vendor's tools."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from hwcompress.errors import InputError
from hwcompress.hls.estimate.hls4ml.describe import (
    Site,
    bits_of,
    fifo_of,
    line_luts,
    other_of,
    product_of,
)
from hwcompress.hls.estimate.hls4ml.fit import STRATEGIES, Model, layer_errors, model
from hwcompress.hls.estimate.hls4ml.product import Product
from hwcompress.hls.estimate.hls4ml.reports import Counts
from hwcompress.hls.estimate.hls4ml.rules import bram18_of, dsp_of, interval_of, latency_of
from hwcompress.hls.estimate.hls4ml.synthesis import RESOURCES, ratio
from hwcompress.hls.hls4ml.plan import Plan, make_plan
from hwcompress.ir import Graph

__all__ = [
    "Hls4mlEstimate", "Hls4mlLayer", "estimate_hls4ml", "estimate_hls4ml_plan",
    "estimate_product", "family_of",
]  # fmt: skip

_ULTRASCALE = ("xcu", "xck", "xczu", "xcvu")


@dataclass(frozen=True, slots=True)
class Hls4mlLayer:
    """One layer, as C synthesis would report it.

    Args:
        name: in the plan.
        kind: hls4ml's name of its class.
        tensor: of the integer graph that it makes.
        strategy: of a matrix product; empty for any other layer.
        reuse: reuse factor.
        multiplications: in a cycle.
        counts: resources, with the buffer behind it where tensors are streams.
        latency: cycles from its first input to its last output.
        interval: cycles from frame to frame.
        fitted: whether LUTs and flip-flops follow from public reports; else from
            structure alone, with an error that nobody knows.
    """

    name: str
    kind: str
    tensor: str
    strategy: str
    reuse: int
    multiplications: int
    counts: Counts
    latency: int
    interval: int
    fitted: bool


@dataclass(frozen=True)
class Hls4mlEstimate:
    """What a design takes.

    Args:
        io_type: ``io_parallel`` or ``io_stream``.
        family: of devices.
        clock_ns: clock period.
        layers: in order.
        compiled: the whole design as C synthesis would report it.
        synthesized: after logic synthesis.
        low: likewise; nine of ten designs take more.
        high: likewise; nine of ten designs take less.
        latency: cycles from the first input to the last output.
        interval: cycles from frame to frame.
        notes: what the reader must know.
    """

    io_type: str
    family: str
    clock_ns: float
    layers: tuple[Hls4mlLayer, ...]
    compiled: Counts
    synthesized: Counts
    low: Counts
    high: Counts
    latency: int
    interval: int
    notes: tuple[str, ...]

    @property
    def fitted_share(self) -> float:
        """Share of the LUTs of C synthesis that follow from public reports."""
        total = sum(layer.counts.lut for layer in self.layers)
        known = sum(layer.counts.lut for layer in self.layers if layer.fitted)
        return known / total if total else 0.0


def family_of(part: str) -> str:
    """The family of a device's name, such as ``xc7z020clg400-1``.

    Raises:
        InputError: it is none of AMD's 7 series or UltraScale+.
    """
    name = part.lower()
    if name.startswith("xc7"):
        return "7series"
    if name.startswith(_ULTRASCALE):
        return "ultrascale+"
    raise InputError(
        f"no estimate of an hls4ml design for {part!r}",
        why="there are public reports for the 7 series and UltraScale+ of AMD alone",
        remedy="a part that starts with xc7, xcu, xck, xczu or xcvu",
    )


def estimate_product(
    product: Product, clock_ns: float, family: str, coefficients: Model | None = None
) -> Counts:
    """Resources of one matrix product, as C synthesis would report them.

    Raises:
        InputError: unknown family, or no clock.
    """
    found = coefficients or model()
    return Counts(
        found.luts(product), found.ffs(product, clock_ns, family), float(dsp_of(product)),
        float(bram18_of(product)),
    )  # fmt: skip


def estimate_hls4ml(
    graph: Graph,
    *,
    part: str = "xc7z020clg400-1",
    clock_ns: float = 10.0,
    io_type: str = "auto",
    reuse: int | Mapping[str, int] | None = None,
) -> Hls4mlEstimate:
    """The estimate of the project that :func:`hwcompress.hls.hls4ml.convert` would write.

    Args:
        graph: the integer graph.
        part: device name.
        clock_ns: clock period in ns.
        io_type: as of ``convert``.
        reuse: as of ``convert``.

    Raises:
        UnsupportedError: lists every operation that hls4ml cannot express.
        InputError: the part, the clock, io_type or a reuse factor is wrong.
    """
    plan = make_plan(graph, io_type, reuse)
    return estimate_hls4ml_plan(plan, part=part, clock_ns=clock_ns)


def estimate_hls4ml_plan(
    plan: Plan, *, part: str = "xc7z020clg400-1", clock_ns: float = 10.0
) -> Hls4mlEstimate:
    """The estimate of a plan; arguments as of :func:`estimate_hls4ml`."""
    family = family_of(part)
    if not clock_ns > 0:
        raise InputError(f"clock period {clock_ns} ns is not positive")
    stream = plan.io_type == "io_stream"
    named = {layer.name: layer for layer in plan.layers}
    layers = tuple(
        _layer(Site(layer, bits_of(layer, named), stream), clock_ns, family)
        for layer in plan.layers
    )
    compiled = Counts()
    for layer in layers:
        compiled = compiled.plus(layer.counts)
    interval = max((layer.interval for layer in layers), default=1)
    latency = _latency(plan, layers, stream, interval)
    low, middle, high = _bounds(compiled, layers)
    return Hls4mlEstimate(
        plan.io_type, family, clock_ns, layers, compiled, middle, low, high, latency, interval,
        _notes(layers, stream),
    )  # fmt: skip


def _layer(site: Site, clock_ns: float, family: str) -> Hls4mlLayer:
    layer, choice = site.layer, site.layer.choice
    product = product_of(site)
    if product is None:
        counts = other_of(site)
        cycles = site.positions * choice.reuse if site.stream else choice.reuse
        latency = cycles if site.stream else int(counts.ff > 0)
        return Hls4mlLayer(
            layer.name, choice.class_name, layer.tensor, "", choice.reuse, 0,
            counts.plus(fifo_of(site)), latency, cycles, False,
        )  # fmt: skip
    counts = estimate_product(product, clock_ns, family)
    extra = fifo_of(site).plus(Counts(line_luts(site) if product.window else 0.0))
    made = product.limit if product.strategy == "latency" else product.multipliers
    return Hls4mlLayer(
        layer.name, choice.class_name, layer.tensor, product.strategy, product.reuse, made,
        counts.plus(extra), latency_of(product, clock_ns, family), interval_of(product), True,
    )  # fmt: skip


def _latency(plan: Plan, layers: tuple[Hls4mlLayer, ...], stream: bool, interval: int) -> int:
    """On arrays the longest path; on streams the slowest layer, and those behind one another.

    Layers on streams work at the same time: what is not the slowest adds little.
    """
    found: dict[str, int] = {}
    for planned, layer in zip(plan.layers, layers, strict=True):
        before = max((found[name] for name in planned.sources), default=0)
        own = 1 if stream else layer.latency
        found[planned.name] = before + own
    longest = max(found.values(), default=0)
    return interval + longest if stream else longest


def _bounds(compiled: Counts, layers: tuple[Hls4mlLayer, ...]) -> tuple[Counts, Counts, Counts]:
    """Nine of ten from below, the middle, nine of ten from above, after logic synthesis.

    The error of the layers and the spread of what logic synthesis leaves are taken as
    independent.
    """
    strategy = _strategy(layers)
    low, middle, high = {}, {}, {}
    for name in RESOURCES:
        value, left = getattr(compiled, name), ratio(name)
        own = math.log(layer_errors(strategy, name).most) if name in ("lut", "ff") else 0.0
        middle[name] = value * left.middle
        below = math.log(left.middle / max(left.low, 1e-9))
        above = math.log(max(left.high, left.middle) / left.middle)
        low[name] = middle[name] * math.exp(-math.hypot(own, below))
        high[name] = middle[name] * math.exp(math.hypot(own, above))
    assert set(low) == {field.name for field in fields(Counts)}
    return Counts(**low), Counts(**middle), Counts(**high)


def _strategy(layers: tuple[Hls4mlLayer, ...]) -> str:
    """The strategy that most of the LUTs are of."""
    share = {
        name: sum(layer.counts.lut for layer in layers if layer.strategy == name)
        for name in STRATEGIES
    }
    return max(STRATEGIES, key=lambda name: share[name])


def _notes(layers: tuple[Hls4mlLayer, ...], stream: bool) -> tuple[str, ...]:
    total = sum(layer.counts.lut for layer in layers)
    other = sum(layer.counts.lut for layer in layers if not layer.fitted)
    found = []
    if total and other / total > 0.01:
        found.append(
            f"{other / total:.0%} of the LUTs are of layers without a public report:"
            " thresholds, rescaling, pooling, counted by structure"
        )
    if any(layer.strategy == "resource" for layer in layers):
        error = layer_errors("resource", "lut")
        found.append(
            f"Resource strategy: LUTs of C synthesis within a factor of {error.most:.1f} in 9 of"
            f" 10, from {error.count} layers of public reports"
        )
    if stream:
        found.append(
            "streams: C synthesis took up to 3 times these cycles in public reports, with the"
            " Resource strategy up to 7 times"
        )
    return tuple(found)
