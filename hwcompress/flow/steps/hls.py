"""The hls4ml project, and its C++ against the simulator."""

from __future__ import annotations

import shutil

from hwcompress import boards
from hwcompress.boards import Board
from hwcompress.errors import UnsupportedError
from hwcompress.flow.step import Context
from hwcompress.flow.steps.arrays import Vectors
from hwcompress.flow.steps.tally import Tally
from hwcompress.flow.versions import named
from hwcompress.hls.estimate.hls4ml import estimate_hls4ml
from hwcompress.ir import Graph, load
from hwcompress.report.facts import Figure, HlsFacts

__all__ = ["HLS_SAMPLES", "run_hls4ml"]

HLS_SAMPLES = 200
"""Samples that the C++ is compared on: hls4ml's ap_int runs a few hundred a second."""

_LEFT_OUT = ("*.so", "*.o", "*.log", "*.partial*", "trace", "*_prj")


def run_hls4ml(context: Context) -> HlsFacts:
    """Write the project, compile it, compare it on up to :data:`HLS_SAMPLES` samples.

    A graph that hls4ml cannot express leaves a folder with the reasons: the
    Verilog does not depend on it.
    """
    from hwcompress.hls.hls4ml import convert
    from hwcompress.sim.diff import compare

    graph = load(context.folder / "graph")
    board = boards.load(context.settings.board)
    target = context.out / "hls4ml"
    try:
        project = convert(
            graph,
            context.work / "project",
            part=board.part,
            clock_ns=1000.0 / board.clock_mhz,
        )
    except UnsupportedError as error:
        target.mkdir()
        (target / "unsupported.txt").write_text(f"{error}\n", encoding="utf-8")
        return HlsFacts((), (), (f"hls4ml: {error.what}; see hls4ml/unsupported.txt",))
    vectors = Vectors.load(context.folder, graph)
    count = min(HLS_SAMPLES, vectors.count)
    inputs = vectors.feeds(slice(count))
    project.write_testbench(vectors.feeds(slice(10)))
    context.say("compiling")
    project.compile()
    context.say(f"{count} samples")
    got = project.predict_all(inputs)
    by = f"{named('hls4ml', context.tools)}, {named('g++', context.tools)}"
    tally = Tally()
    seen = [
        compare("hls4ml C++", "simulator", values, vectors.outputs[tensor][:count], tensor)
        for tensor, values in got.items()
    ]
    tally.add("hls4ml C++", "Numba simulator", "outputs", by, seen)
    context.say("Vitis HLS")
    synthesis = project.synthesize()
    figures: list[Figure] = []
    if synthesis.report is not None:
        vitis = named("vitis", context.tools)
        for name, value, unit in (
            ("hls4ml latency", synthesis.report.latency_max, "cycles"),
            ("hls4ml interval", synthesis.report.interval_max, "cycles"),
            ("hls4ml LUT", synthesis.report.lut, ""),
            ("hls4ml FF", synthesis.report.ff, ""),
            ("hls4ml DSP", synthesis.report.dsp, ""),
            ("hls4ml BRAM18", synthesis.report.bram_18k, ""),
        ):
            if value is not None:
                figures.append(Figure(name, float(value), unit, "estimated", vitis))
    notes = [f"hls4ml C synthesis {synthesis.status}"]
    if synthesis.report is None and board.family == "xc7":
        notes.append(_estimated(graph, board))
    shutil.copytree(context.work / "project", target, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    return HlsFacts(tally.checks(), tuple(figures), tuple(notes))


def _estimated(graph: Graph, board: Board) -> str:
    """What the project would take, in a sentence: too uncertain to stand among the figures."""
    found = estimate_hls4ml(graph, part=board.part, clock_ns=1000.0 / board.clock_mhz)
    middle, low, high = found.synthesized, found.low, found.high
    return (
        f"hls4ml estimated from public reports: {middle.lut:,.0f} LUTs after logic synthesis (nine"
        f" of ten designs above {low.lut:,.0f}, nine of ten below {high.lut:,.0f}),"
        f" {middle.dsp:,.0f} DSP, {middle.bram18:,.0f} BRAM18"
    )
