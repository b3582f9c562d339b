"""CNV W1A1 on the PYNQ-Z2: the fastest design that a search finds, its estimate, and what it takes.

Usage::

    python benchmarks/cnv_fit.py --write docs/cnv-fit.md
    python benchmarks/cnv_fit.py --simulate --synthesize --write docs/cnv-fit.md

The first form searches for designs in some shares of the board, in seconds. The second also
builds the design of ``examples/folding/cnv_w1a1_fit.json``, which was found for a share of
0.8: its Verilog is compared with the simulator by Verilator, and synthesized by Yosys
(most of an hour). What comes out is kept in ``benchmarks/results/cnv_fit.json``, which the
page shows. ``HWCOMPRESS_DATA`` as for ``benchmarks/cnv.py``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.cnv import FRAMES, ROOT, STALLED, images
from hwcompress import boards
from hwcompress.boards import Board
from hwcompress.compress.export import export_qonnx
from hwcompress.frontend import import_model
from hwcompress.hls.cosim.verilated import Stalls, VerilatedDesign
from hwcompress.hls.estimate import estimate_graph
from hwcompress.hls.fit import EstimatedCost, Offer, budget_of, capacity_of, fit
from hwcompress.hls.folding import Folding
from hwcompress.hls.folding.complete import read_folding
from hwcompress.hls.rtl import generate
from hwcompress.hls.rtl.plan import plan
from hwcompress.hls.rtl.timing import timing_of
from hwcompress.hls.synth import synthesize
from hwcompress.ir import Graph
from hwcompress.models.cnv import CNV_SHAPE, cnv
from hwcompress.sim import Simulator

FOLDING = ROOT / "examples/folding/cnv_w1a1_fit.json"
RESULTS = ROOT / "benchmarks/results/cnv_fit.json"
SHARES = (0.5, 0.7, 0.8, 1.0)
FINN = 32_768
"""Cycles a frame of FINN's published folding: 3,052 frames/s at 100 MHz."""


def network(folder: Path) -> Graph:
    """CNV W1A1 with random weights and batch norms."""
    export_qonnx(cnv(1, 1), CNV_SHAPE, folder / "model.onnx")
    return import_model(folder / "model.onnx", samples=images(FRAMES)).graph


def searches(graph: Graph, board: Board) -> list[str]:
    """A row of the table for every share."""
    lines = [
        "| share | cycles a frame | proven least | frames/s | of FINN's | LUT | FF | BRAM18 | DSP"
        " | search, CPU |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for share in SHARES:
        start = time.process_time()
        found = fit(
            graph,
            EstimatedCost(board.family),
            budget_of(board, share),
            capacity=capacity_of(board),
            offer=Offer(dsp=board.kind.dsp_widths),
        )
        took = time.process_time() - start
        interval = float(found.interval)
        area = " | ".join(f"{amount:,}" for amount in found.area.values())
        lines.append(
            f"| {share:.0%} | {interval:,g} | {found.least_cycles:,}"
            f" | {board.clock_mhz * 1e6 / interval:,.0f} | {FINN / interval:.1f} times"
            f" | {area} | {took:.0f} s |"
        )
        print(lines[-1], flush=True)
    return lines


def simulated(graph: Graph, folder: Path) -> dict[str, float]:
    """Cycles of the verilated design, whose outputs must be the simulator's."""
    integers = graph.inputs[0].encode(images(FRAMES))
    expected = Simulator(graph)(integers)
    design = VerilatedDesign.build(folder / "rtl", folder / "build")
    free = design.run(integers)
    stalled = design.run(integers[:STALLED], stalls=Stalls(300, 300))
    for what, run in (("back to back", free), ("random stalls", stalled)):
        if not np.array_equal(run.outputs, expected[: len(run.outputs)]):
            sys.exit(f"{what}: outputs differ from the simulator")
    assert free.interval is not None
    return {
        "interval": free.interval,
        "latency_first_output": free.latency_first_output,
        "latency_frame": free.latency_frame,
    }


def synthesized(folder: Path, board: Board) -> dict[str, float | str]:
    """What Yosys counts."""
    report = synthesize(folder / "rtl", folder / "synth", board=board)
    total = report.total
    return {
        "lut": total.lut,
        "ff": total.ff,
        "bram18": total.bram18 + 2 * total.bram36,
        "dsp": total.dsp,
        "seconds": report.seconds,
        "tool": report.tool,
    }


def page(graph: Graph, folding: Folding, board: Board) -> list[str]:
    """The page, by what is known."""
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    timing = timing_of(plan(graph, folding).design("", {}))
    total = estimate_graph(graph, folding, family=board.family).total
    interval = float(timing.interval)
    rate = board.clock_mhz * 1e6 / interval
    lines = [
        "# CNV W1A1 on the PYNQ-Z2, as fast as fits",
        "",
        "Written by `python benchmarks/cnv_fit.py --write docs/cnv-fit.md`; what Yosys and",
        "Verilator said is kept in `benchmarks/results/cnv_fit.json` and measured again with",
        "`--simulate --synthesize`. The network of `docs/cnv.md`: random weights and batch norms.",
        f"FINN's published folding takes {FINN:,} cycles, 3,052 frames/s at 100 MHz.",
        "",
        "## Found",
        "",
        "The areas are estimates. For those it is proven that no design within the share takes",
        "fewer cycles than the third column says.",
        "",
        *searches(graph, board),
        "",
        "## One of them, measured",
        "",
        f"`examples/folding/cnv_w1a1_fit.json`, found for 80 % of the board: {interval:,g} cycles",
        f"a frame, {rate:,.0f} frames/s at {board.clock_mhz:g} MHz,"
        f" {FINN / interval:.1f} times FINN's folding. Another run of the search may find",
        "another one, when the estimates have changed.",
        "",
    ]
    if run := known.get("simulation"):
        same = run["interval"] == timing.interval and run["latency_frame"] == timing.latency_frame
        lines += [
            f"Its Verilog in Verilator: {FRAMES} frames back to back and {STALLED} with random"
            " stalls, all outputs equal",
            f"the simulator's; {run['interval']:,g} cycles a frame, first output after"
            f" {run['latency_first_output']:,}, last after",
            f"{run['latency_frame']:,}"
            + (", as the cycle model says." if same else "; the cycle model says otherwise."),
            "",
        ]
    if synthesis := known.get("synthesis"):
        capacity = capacity_of(board)
        estimate = {
            "lut": total.lut, "ff": total.ff, "bram18": total.bram18 + 2 * total.bram36,
            "dsp": total.dsp,
        }  # fmt: skip
        lines += [
            "| | LUT | FF | BRAM18 | DSP |",
            "|---|---|---|---|---|",
            "| estimate | " + " | ".join(f"{round(v):,}" for v in estimate.values()) + " |",
            "| Yosys | " + " | ".join(f"{synthesis[name]:,}" for name in estimate) + " |",
            "| of the board | "
            + " | ".join(f"{synthesis[name] / capacity[name]:.0%}" for name in estimate)
            + " |",
            "",
            f"The estimate of the LUTs is {total.lut / synthesis['lut'] - 1:+.1%} off."
            f" {synthesis['tool']}, neither placed nor",
            f"routed, {synthesis['seconds'] / 60:.0f} minutes on a busy machine. Whether the clock"
            " of the board is reached is",
            "not known from this; the sums of the first layers are wide.",
            "",
        ]
    return lines


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--synthesize", action="store_true")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--folder", type=Path, help="keep the design here")
    wanted = parser.parse_args()
    board = boards.load("pynq-z2")
    with tempfile.TemporaryDirectory() as scratch:
        folder = wanted.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        graph = network(folder)
        folding = read_folding(FOLDING)
        known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        if wanted.simulate or wanted.synthesize:
            generate(graph, folding, folder / "rtl")
        if wanted.simulate:
            known["simulation"] = simulated(graph, folder)
        if wanted.synthesize:
            known["synthesis"] = synthesized(folder, board)
        if wanted.simulate or wanted.synthesize:
            RESULTS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        text = "\n".join(page(graph, folding, board))
    print(text)
    if wanted.write:
        wanted.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
