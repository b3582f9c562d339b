"""How far FINN's estimates are from FINN's own synthesis, and ours from Yosys.

Usage, in the repository's folder::

    python -m benchmarks.finn_estimates [--builds ../shared/finn-builds.csv] [--data ../shared]
        [--write docs/finn-estimates.md] [--synthesis] [--largest 900]

``--builds`` is the table of what public builds of FINN took after synthesis; FINN's estimates
of the same builds are in ``benchmarks/finn_estimates.csv``. With ``--synthesis`` Yosys
synthesizes our own designs of FINN's matrix units, those of up to ``--largest`` LUTs that it has
not yet, a minute or so each; else nothing is synthesized.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.estimate_networks import path_of
from benchmarks.estimate_page import Row, rows_of
from benchmarks.estimate_records import load as load_records
from benchmarks.finn_builds import TOP, Matrix, Node, load
from benchmarks.finn_ci import CI_DESIGNS
from benchmarks.finn_matrix import RESULTS, counted, ours, synthesize_units
from hwcompress.errors import HwcompressError
from hwcompress.hls.estimate.coefficients import load_coefficients
from hwcompress.hls.estimate.fit import Compared, compare, is_held_out
from hwcompress.hls.estimate.rows import TABLES
from hwcompress.hls.estimate.rows import load as load_modules

__all__ = ["main", "page"]

_HEAD = """# FINN's estimates and ours, each beside its synthesis

How far FINN's estimates are from FINN's own synthesis in public builds, and how far ours are
from Yosys. Printed by
`python -m benchmarks.finn_estimates --write docs/finn-estimates.md`; do not edit.

- The two are compared with *different* tools: FINN's estimates with Vivado's synthesis of FINN's
  modules, ours with Yosys' synthesis of our own. Vivado was not run here. Each estimate is judged
  by what it stands for; that makes it no better than the tool behind it.
- Builds: {builds}: six foldings of one
  small dense network of 1 bit and one convolutional network with weights of 2 bits, for PYNQ
  boards; two larger convolutional networks with weights of 3 bits and activations of 4 and 5.
  A small and uneven sample of one compiler: other builds may differ.
- The collected table of builds (`--builds`) has what synthesis reported; its columns of
  estimates are empty in all rows. FINN's estimates (`estimate_layer_resources.json`, and those of
  C synthesis, `estimate_layer_resources_hls.json`) were read from the same folders of the same
  repositories and joined by the name of the node: `benchmarks/finn_estimates.csv`. FINN estimates
  a design before it puts in FIFOs, width converters and DMA, so those have no estimate.
- *Ratio* is estimate over count: half of the nodes are below the median, nine of ten lie between
  the two others. *Error* is |estimate - count| / count."""

_FIGURES = ("median", "5 %", "95 %", "error median", "error 95 %")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _figures(pairs: Iterable[tuple[float, float]]) -> list[str]:
    """Ratios and errors of estimates and counts, where the count is not zero."""
    ratios = np.array([guess / real for guess, real in pairs if real])
    if not len(ratios):
        return [""] * len(_FIGURES)
    errors = np.abs(ratios - 1)
    return [
        *(f"{np.quantile(ratios, q):.2f}" for q in (0.5, 0.05, 0.95)),
        *(f"{np.quantile(errors, q):.0%}" for q in (0.5, 0.95)),
    ]


def _exact(pairs: Iterable[tuple[float, float]]) -> str:
    found = [guess == real for guess, real in pairs]
    return f"{sum(found) / len(found):.0%}" if found else ""


def _pairs(nodes: Iterable[Node], name: str) -> list[tuple[float, float]]:
    """FINN's estimate and the count of one resource."""
    return [
        (float(getattr(node, f"est_{name}")), float(getattr(node, name)))
        for node in nodes
        if getattr(node, f"est_{name}") is not None
    ]


def _nodes(nodes: list[Node]) -> str:
    kinds: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        if node.name != TOP and node.est_lut is not None:
            kinds[node.kind].append(node)
    every = [node for own in kinds.values() for node in own]
    modelled = {node.kind for node in every if node.est_lut}
    kinds["*of kinds with a formula*"] = [node for node in every if node.kind in modelled]
    kinds["*all*"] = every
    rows = [
        [f"`{kind}`" if kind[0] != "*" else kind, str(len(own)), *_figures(_pairs(own, "lut")),
         _exact(_pairs(own, "bram18")), _exact(_pairs(own, "dsp"))]
        for kind, own in kinds.items()
    ]  # fmt: skip
    head = ["kind", "nodes", *_FIGURES, "BRAM exact", "DSP exact"]
    hls = [
        (float(node.hls_lut), float(node.lut))
        for node in kinds["*all*"]
        if node.hls_lut is not None
    ]
    return f"""## FINN: nodes

LUTs by FINN's formulas; {len(every) - len(kinds["*of kinds with a formula*"])} of the
{len(every)} nodes are of kinds without one, which says 0.

{_table(head, rows)}

The same by the C synthesis of the {len(hls)} nodes that have one (Vitis HLS):

{_table(["LUTs by", "nodes", *_FIGURES], [["C synthesis", str(len(hls)), *_figures(hls)]])}"""


def _designs(nodes: list[Node]) -> str:
    builds: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        builds[node.build].append(node)
    rows, whole, part = [], [], []
    for build, own in builds.items():
        (top,) = [node for node in own if node.name == TOP]
        if top.est_lut is None or top.est_bram18 is None or top.est_dsp is None:
            continue
        known = sum(node.lut for node in own if node.name != TOP and node.est_lut is not None)
        whole.append((float(top.est_lut), float(top.lut)))
        part.append((float(top.est_lut), float(known)))
        rows.append(
            [f"`{build}`", f"{top.est_lut:,}", f"{top.lut:,}", f"{top.est_lut / top.lut:.2f}",
             f"{top.est_lut / known:.2f}", f"{top.est_bram18} / {top.bram18}",
             f"{top.est_dsp} / {top.dsp}"]
        )  # fmt: skip
    head = ["build", "LUT estimated", "LUT counted", "ratio", "ratio to the nodes estimated",
            "BRAM18", "DSP"]  # fmt: skip
    spread = [
        ["whole design", str(len(whole)), *_figures(whole)],
        ["nodes that FINN estimates", str(len(part)), *_figures(part)],
    ]
    return f"""## FINN: whole designs

What was counted is the whole design with shell, DMA and FIFOs; the last ratio is to the nodes
that have an estimate alone. BRAM18 and DSP: estimated / counted.

{_table(head, rows)}

{_table(["LUTs, estimate over", "designs", *_FIGURES], spread)}"""


def _ci() -> str:
    rows = [
        [item.name, f"{item.lut[0]:,}", f"{item.lut[1]:,}", f"{item.lut[0] / item.lut[1]:.2f}",
         f"{item.bram18[0]:,} / {item.bram18[1]:,}", f"{item.dsp[0]:,} / {item.dsp[1]:,}"]
        for item in CI_DESIGNS
    ]  # fmt: skip
    head = ["design", "LUT estimated", "LUT counted", "ratio", "BRAM18", "DSP"]
    spread = _figures([(float(a), float(b)) for a, b in (item.lut for item in CI_DESIGNS)])
    return f"""## FINN: designs of finn-plus' continuous integration

From the metrics that `eki-project/finn-plus` keeps (RFSoC2x2, 100 MHz, Vivado 2024.2), for each
the whole design with shell, DMA and instrumentation, which FINN does not estimate.

{_table(head, rows)}

{
        _table(
            ["LUTs, estimate over", "designs", *_FIGURES],
            [["whole design", str(len(rows)), *spread]],
        )
    }"""


def _modules() -> str:
    rows = load_modules(TABLES["xc7"])
    held = [
        item
        for item in compare(
            rows, load_coefficients(), "xc7",
            (row for row in rows if row.family == "xc7" and row.number >= 0 and is_held_out(row)),
        )
        if item.estimate is not None
    ]  # fmt: skip
    names = ("hwc_mvu", "hwc_threshold", "hwc_window", "hwc_window_parallel", "hwc_pool")
    groups = {name: [item for item in held if item.row.module == name] for name in names}
    groups["*all that were drawn*"] = held
    lines = [
        [f"`{name}`" if name[0] != "*" else name, str(len(own)), *_figures(_of(own, "lut")),
         _exact(_of(own, "bram")), _exact(_of(own, "dsp"))]
        for name, own in groups.items()
    ]  # fmt: skip
    return f"""## Ours: modules that were held out of the fit

For Xilinx 7, against {load_coefficients().yosys}; all modules in [estimates](estimates.md).

{_table(["module", "modules", *_FIGURES, "BRAM exact", "DSP exact"], lines)}"""


def _of(items: Iterable[Compared], name: str) -> list[tuple[float, float]]:
    """One resource, estimated and counted."""
    return [
        (float(getattr(item.estimate, name)), float(getattr(item.real, name)))
        for item in items
        if item.estimate is not None
    ]


def _networks(rows: list[Row]) -> str:
    known = [row for row in rows if row.guess is not None and not row.stale]
    if not known:
        return "## Ours: whole networks\n\nNone has been measured."
    luts = [(row.guess.lut, float(row.record.lut)) for row in known if row.guess is not None]
    bram = [(row.guess.bram, row.record.bram) for row in known if row.guess is not None]
    dsp = [(float(row.guess.dsp), float(row.record.dsp)) for row in known if row.guess is not None]
    line = ["whole designs", str(len(known)), *_figures(luts), _exact(bram), _exact(dsp)]
    return f"""## Ours: whole networks

For Xilinx 7, each network synthesized as a whole; one by one in
[estimate-networks](estimate-networks.md).

{_table(["LUTs", "networks", *_FIGURES, "BRAM exact", "DSP exact"], [line])}"""


def _units(nodes: Iterable[Node]) -> dict[Matrix, list[Node]]:
    """Matrix units with equal parameters."""
    found: dict[Matrix, list[Node]] = defaultdict(list)
    for node in nodes:
        if node.matrix is not None:
            found[node.matrix].append(node)
    return found


def _same(nodes: list[Node]) -> str:
    units = _units(nodes)
    records = load_records(RESULTS)
    rows, over, errors = [], [], []
    given: list[Node] = []  # FINN's nodes of the units that Yosys counted ours of
    for matrix, own in units.items():
        guess, record = ours(matrix), counted(matrix, records)
        real = float(np.median([node.lut for node in own]))
        over.append(guess.lut / real)
        if record is not None:
            errors.append((guess.lut, float(record.lut)))
            given += own
        kinds = f"{matrix.weights} x {matrix.inputs}"
        if matrix.thresholds:
            kinds += f" to {matrix.outputs}"
        rows.append(
            [f"{matrix.columns} x {matrix.rows}, {kinds}", f"{matrix.pe}, {matrix.simd}",
             str(len(own)), f"{np.median([node.est_lut or 0 for node in own]):,.0f}",
             f"{real:,.0f}", f"{np.median([node.bram18 for node in own]):g}",
             f"{np.median([node.dsp for node in own]):g}", f"{guess.lut:,.0f}",
             "" if record is None else f"{record.lut:,}", f"{2 * guess.bram:g}"]
        )  # fmt: skip
    without = sum(node.kind.startswith("MVAU") and node.matrix is None for node in nodes)
    head = ["layer", "PE, SIMD", "nodes", "FINN's estimate", "FINN, Vivado", "BRAM18", "DSP",
            "our estimate", "ours, Yosys", "BRAM18"]  # fmt: skip
    theirs = _pairs([node for own in units.values() for node in own], "lut")
    spread = [
        ["FINN's formulas over Vivado, all nodes", str(len(theirs)), *_figures(theirs)],
        ["the same, of those smaller units", str(len(given)), *_figures(_pairs(given, "lut"))],
        ["our estimates over Yosys, the smaller units", str(len(errors)), *_figures(errors)],
    ]
    return f"""## The same layers

FINN's matrix-vector units whose graph is public ({sum(map(len, units.values()))} nodes,
{len(units)} different ones), and a dense layer of ours of the same size, types, lanes and
thresholds, with random weights and products in LUTs. Of {without} more units the
parameters are not public. `BINARY` weights and inputs are -1 and 1. FINN's weights are trained
and in memories; ours may be logic, where they are few, and DSP blocks of FINN stand for LUTs of
ours. Two designs and two tools: LUTs by our estimate over those of FINN are
{np.median(over):.2f} in the median, {min(over):.2f} to {max(over):.2f}. The smaller designs of
ours were synthesized, too (`--synthesis`).

{_table(["LUTs", "units", *_FIGURES], spread)}

{_table(head, rows)}"""


def page(nodes: list[Node], networks: list[Row]) -> str:
    """The page.

    Args:
        nodes: of FINN's builds.
        networks: our whole networks.
    """
    builds = sorted({node.build.split(":")[0] for node in nodes})
    count = len({node.build for node in nodes})
    named = f"{count} of {' and '.join(f'`{name}`' for name in builds)}"
    parts = [
        _HEAD.format(builds=named), _nodes(nodes), _designs(nodes), _ci(), _modules(),
        _networks(networks), _same(nodes),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    """Print or write the page; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--builds", type=Path, default=Path("../shared/finn-builds.csv"))
    parser.add_argument("--data", type=Path, default=Path("../shared"))
    parser.add_argument("--write", type=Path)
    parser.add_argument("--synthesis", action="store_true")
    parser.add_argument("--largest", type=float, default=900.0)
    parser.add_argument("--folder", type=Path, default=Path("build/finn-estimates"))
    given = parser.parse_args(arguments)
    try:
        nodes = load(given.builds)
        if given.synthesis:
            synthesize_units(_units(nodes), given.largest, given.folder, _say)
        networks = rows_of("xc7", load_records(path_of("xc7")), given.data)
        text = page(nodes, networks)
    except HwcompressError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    if given.write is None:
        sys.stdout.write(text)
    else:
        given.write.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
