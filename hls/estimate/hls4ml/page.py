"""The page ``docs/hls4ml-estimates.md``: what the estimates rest on, and their errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from hwcompress.hls.estimate.hls4ml.features import FEATURES
from hwcompress.hls.estimate.hls4ml.fit import (
    SMALL,
    STRATEGIES,
    Judged,
    layer_errors,
    left_out,
    model,
    project_errors,
)
from hwcompress.hls.estimate.hls4ml.published import PUBLISHED
from hwcompress.hls.estimate.hls4ml.reports import LayerReport, designs, layers
from hwcompress.hls.estimate.hls4ml.rules import bram18_of, dsp_of, interval_of, latency_of
from hwcompress.hls.estimate.hls4ml.synthesis import RESOURCES, ratio

__all__ = ["COMMAND", "page"]

COMMAND = "python -m hwcompress.hls.estimate.hls4ml --page docs/hls4ml-estimates.md"

_NAMES = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram18": "BRAM18"}


def page() -> str:
    """The page, in Markdown."""
    parts = [
        _head(), _fitted(), _exact(), _cycles(), _synthesis(), _published(), _terms(), _sources(),
        _designs(),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _table(head: str, rows: Iterable[Iterable[object]]) -> str:
    names = [name.strip() for name in head.split("|")]
    rule = ["---", *["--:"] * (len(names) - 1)]
    lines = [names, rule, *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _head() -> str:
    known = sum(row.known for row in layers())
    networks = len({row.network for row in layers()})
    return f"""# Estimates of hls4ml designs

What an hls4ml project will take, from its plan alone (`hwcompress.hls.estimate.hls4ml`), without
hls4ml and without the vendor's tools. Printed by
`{COMMAND}`; do not edit.

- These estimates are much coarser than those of our own Verilog (`docs/estimates.md`), which rest
  on thousands of our own syntheses. Vitis HLS comes with the vendor's suite alone and was not run
  for this; these rest on what others published: {len(layers())} layers of {networks} networks that
  C synthesis (Vivado HLS or Vitis HLS, 2019.1 to 2024.1) reported, in `layers.csv`, and
  {len(designs())} designs reported by C synthesis and by logic synthesis, in `designs.csv`. The
  repositories are named below; of {known} layers the constants were read from the project, too.
- DSP blocks, block RAMs and cycles follow from rules; LUTs and flip-flops are sums of a few
  features, whose coefficients are fitted and not negative.
- Errors are factors between estimate and report, the larger over the smaller. Layers are judged
  by a fit to the *other* repositories, and every network counts the same, whatever number of
  layers it has. Layers below {SMALL:.0f} are neither fitted nor judged. The numbers in the rules
  (13 bits, 4 ns and the like) were read off all of these reports, and are not part of that test.
- Left out, because the estimate does not cover them: sums that round and saturate, inputs of
  more than 50 bits, recurrent layers. hls4ml projects of hwcompress have none of these.
- Thresholds, rescaling, pooling and other layers of our own C++, and the buffers between layers
  on streams, have no public report. They are counted by structure, and nobody knows how well;
  the estimate says which share of the LUTs that is."""


def _fitted() -> str:
    rows = []
    for strategy in STRATEGIES:
        for name in ("lut", "ff"):
            error = layer_errors(strategy, name)
            rows.append(
                [strategy, _NAMES[name], error.count, error.groups, f"{error.median:.2f}",
                 f"{error.most:.2f}", f"{error.worst:.2f}"]
            )  # fmt: skip
    table = _table("strategy | of | layers | networks | half within | 9 of 10 within | worst", rows)
    head = "of | projects | networks | half within | 9 of 10 within | worst"
    whole = []
    for name in ("lut", "ff"):
        error = project_errors(name)
        whole.append(
            [_NAMES[name], error.count, error.groups, f"{error.median:.2f}", f"{error.most:.2f}",
             f"{error.worst:.2f}"]
        )  # fmt: skip
    return f"""## LUTs and flip-flops of a layer, as C synthesis reports them

{table}

All dense and convolution layers of a project together, where errors of layers cancel in part:

{_table(head, whole)}"""


def _exact() -> str:
    rows = [
        ["DSP, constants known", *_share([r for r in layers() if r.known], _dsp, "dsp")],
        ["BRAM18 of constants, Resource", *_share(_resource(), _bram, "bram18")],
    ]
    table = _table("of | layers | exact | within one | worst (estimate, report)", rows)
    return f"""## DSP blocks and block RAMs of a layer

A product by a constant takes a multiplier only where the constant has three or more signed digits;
equal products are made once; hls4ml limits the multipliers of the Latency strategy to the weights
that are not zero, over the reuse factor. They go to DSP blocks from 13 bits of input on, with the
Resource strategy from 12 (the reports leave 8 to 11 open there). Constants of the Resource strategy
are one word a cycle, 36 bits a block RAM, none up to 1024 bits.

{table}"""


def _dsp(row: LayerReport) -> int:
    return dsp_of(row.product)


def _bram(row: LayerReport) -> int:
    return bram18_of(row.product)


def _resource() -> list[LayerReport]:
    return [row for row in layers() if row.product.strategy == "resource"]


def _share(rows: list[LayerReport], rule: Callable[[LayerReport], int], name: str) -> list[str]:
    pairs = [(rule(row), int(getattr(row.counts, name))) for row in rows]
    off = [abs(a - b) for a, b in pairs]
    worst = max(pairs, key=lambda pair: abs(pair[0] - pair[1]))
    return [
        str(len(rows)), f"{sum(not x for x in off) / len(off):.0%}",
        f"{sum(x <= 1 for x in off) / len(off):.0%}", f"{worst[0]}, {worst[1]}",
    ]  # fmt: skip


_GROUPS: dict[str, Callable[[LayerReport], bool]] = {
    "array, Latency, reuse factor 1": lambda r: _is(r, "latency", stream=False, reused=False),
    "array, Latency, reuse factor 2": lambda r: (
        _is(r, "latency", stream=False, reused=True) and r.product.reuse == 2
    ),
    "array, Latency, reuse factor 100": lambda r: (
        _is(r, "latency", stream=False, reused=True) and r.product.reuse == 100
    ),
    "array, Resource": lambda r: r.product.strategy == "resource" and not r.product.stream,
    "stream, dense": lambda r: r.product.stream and not r.product.window,
    "stream, convolution": lambda r: r.product.window,
}


def _is(row: LayerReport, strategy: str, *, stream: bool, reused: bool) -> bool:
    product = row.product
    same = product.strategy == strategy and product.stream == stream
    return same and (product.reuse > 1) == reused


def _cycles() -> str:
    rows = []
    for name, chosen in _GROUPS.items():
        own = [row for row in layers() if chosen(row)]
        late = Counter(
            row.latency - latency_of(row.product, row.clock_ns, row.family) for row in own
        )
        wait = [(row.interval, interval_of(row.product)) for row in own]
        near = sum(count for off, count in late.items() if abs(off) <= 1)
        rows.append(
            [name, len(own), f"{near / len(own):.0%}", f"{min(late):+d} to {max(late):+d}",
             f"{sum(a == b for a, b in wait) / len(wait):.0%}",
             f"{min(a / b for a, b in wait):.2f} to {max(a / b for a, b in wait):.2f}"]
        )  # fmt: skip
    table = _table(
        "kind | layers | latency within a cycle | report less estimate | interval exact"
        " | report over estimate",
        rows,
    )
    return f"""## Cycles of a layer

By hls4ml's formulas: a dense layer on arrays takes a new input every `reuse factor` cycles, a
convolution on a stream reads a pixel of its padded input every `reuse factor` cycles. Stages of the
Latency strategy: a product and the tree of additions, 4 ns a level on the 7 series, 1 ns on
UltraScale+. Our projects use the Latency strategy with a reuse factor of 1 alone; with a large one
C synthesis finds fewer products to share than hls4ml allows, and the layer is faster than that.
Convolutions with the Resource strategy, on streams, were left out above for their sums, which
saturate; C synthesis reported 4 to 7 times these cycles for them (`Berk-Bilgin/ML-fpga`).

{table}"""


def _synthesis() -> str:
    rows = []
    for name in RESOURCES:
        found = ratio(name)
        rows.append(
            [_NAMES[name], found.count, f"{found.low:.2f}", f"{found.middle:.2f}",
             f"{found.high:.2f}"]
        )  # fmt: skip
    table = _table("of | designs | 1 in 20 below | middle | 1 in 20 above", rows)
    return f"""## What logic synthesis leaves of what C synthesis reports

Every author counts the same, whatever number of designs they published. The estimate after logic
synthesis is the middle; its interval joins this spread with the error of the layers.

{table}"""


def _published() -> str:
    rows = []
    for item in PUBLISHED:
        found = item.estimate()
        rows.append(
            [item.name, item.source, f"{item.lut:,}", f"{found.lut:,.0f}",
             "" if item.ff is None else f"{item.ff:,}", f"{found.ff:,.0f}", item.dsp,
             f"{found.dsp:.0f}"]
        )  # fmt: skip
    table = _table("network | figures from | LUT | ours | FF | ours | DSP | ours", rows)
    return f"""## Published networks

After logic synthesis or later; none of these is part of the fit. Only the matrix products are
estimated. Weights that are not public are assumed to be normally distributed, the range three
standard deviations wide to either side, and none of them zero. The zoo's model has the sizes and
bits of the published one; whether it has its weights is not known.

{table}"""


def _terms() -> str:
    found = model()
    rows = []
    for (strategy, name), features in FEATURES.items():
        terms = getattr(found, name)[strategy]
        for text, term in zip(features, terms, strict=True):
            rows.append([text, strategy, _NAMES[name], f"{term:.3g}"])
    table = _table("feature | strategy | of | coefficient", rows)
    return f"## Features and their coefficients\n\n{table}"


def _sources() -> str:
    found: dict[tuple[str, str], list[Judged]] = {}
    for item in left_out():
        repository = item.report.source.split(":")[0]
        found.setdefault((repository, item.report.network), []).append(item)
    rows = []
    for (repository, network), items in found.items():
        products = [item.report.product for item in items]
        tools = sorted({item.report.tool for item in items})
        rows.append(
            [f"`{repository}`", network, len(items),
             _span(product.weight_bits for product in products),
             _span(product.input_bits for product in products),
             _span(product.reuse for product in products),
             ", ".join(tools), _range(item.over("lut") for item in items),
             _range(item.over("ff") for item in items)]
        )  # fmt: skip
    table = _table(
        "repository | network | layers | weight bits | input bits | reuse | tool"
        " | LUT, estimate over report | FF",
        rows,
    )
    return f"""## Where the layers are from

Public repositories on GitHub; `layers.csv` has the folder of every project. Figures were read from
the reports of C synthesis (`*_csynth.rpt`), sizes and types from `parameters.h` and `defines.h`,
constants from the weight files. Of `svhn16` the weights are not public: half of them are zero, as
its notebook prunes them, and as many have three signed digits as there are DSP blocks.

{table}"""


def _span(values: Iterable[int]) -> str:
    found = sorted(set(values))
    return str(found[0]) if len(found) == 1 else f"{found[0]} to {found[-1]}"


def _range(values: Iterable[float | None]) -> str:
    found = [value for value in values if value is not None]
    return f"{min(found):.2f} to {max(found):.2f}" if found else ""


def _designs() -> str:
    rows = []
    for item in designs():
        cells = [f"`{item.source.rstrip(':')}`"]
        for name in RESOURCES:
            before, after = getattr(item.estimated, name), getattr(item.synthesized, name)
            cells.append(f"{before:,.0f} / {after:,.0f}")
        rows.append(cells)
    table = _table("design | LUT | FF | DSP | BRAM18", rows)
    return f"## Designs, as C synthesis / logic synthesis report them\n\n{table}"
