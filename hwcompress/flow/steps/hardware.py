"""Parallelism, Verilog, and its checks against the simulator."""

from __future__ import annotations

from typing import Literal, cast

from hwcompress import __version__, boards
from hwcompress.boards import Board
from hwcompress.errors import CheckFailed
from hwcompress.flow.settings import BuildSettings
from hwcompress.flow.step import Context
from hwcompress.flow.steps.arrays import Vectors
from hwcompress.ir import load
from hwcompress.report.facts import (
    BenchFacts,
    Check,
    DesignFacts,
    Figure,
    FoldFacts,
    LayerHardware,
    VerifyFacts,
)

__all__ = ["run_bench_step", "run_fold", "run_generate", "run_verify", "wanted_cycles"]


def wanted_cycles(settings: BuildSettings, board: Board) -> int | None:
    """The interval that the user asked for, in cycles of the board's clock."""
    if settings.target_fps is not None:
        return max(1, int(board.clock_mhz * 1e6 / settings.target_fps))
    return settings.target_cycles


def run_fold(context: Context) -> FoldFacts:
    """Choose the lanes of every engine."""
    from hwcompress.hls.folding import default_folding, engine

    graph = load(context.folder / "graph")
    board = boards.load(context.settings.board)
    target = wanted_cycles(context.settings, board)
    folding = default_folding(graph, target_cycles=target)
    (context.out / "folding.json").write_text(folding.to_json(), encoding="utf-8")
    layers = []
    for op in graph.layers:
        made = engine(op, graph)
        if made is not None:
            lanes = folding.of(op)
            layers.append(LayerHardware(op.name, lanes.pe, lanes.simd, made.cycles(lanes)))
    return FoldFacts(tuple(layers), target, ())


def run_generate(context: Context) -> DesignFacts:
    """Write the Verilog."""
    from hwcompress.hls.folding import Folding
    from hwcompress.hls.rtl import generate

    graph = load(context.folder / "graph")
    folding = Folding.from_json((context.folder / "folding.json").read_text(encoding="utf-8"))
    design = generate(graph, folding, context.out / "rtl")
    return DesignFacts(
        design.top,
        design.files,
        len(design.memories),
        sum(memory.width * memory.depth for memory in design.memories),
        tuple(
            LayerHardware(layer.op, layer.pe, layer.simd, layer.cycles) for layer in design.layers
        ),
        design.interval,
        (
            Figure(
                "interval by the cycle model",
                float(design.interval),
                "cycles",
                "estimated",
                f"hwcompress {__version__}",
            ),
        ),
    )


def run_verify(context: Context) -> VerifyFacts:
    """The verilated design on every test sample in one call."""
    from hwcompress.hls.cosim import VerilatedDesign

    graph = load(context.folder / "graph")
    vectors = Vectors.load(context.folder, graph)
    context.say("compiling")
    model = VerilatedDesign.build(context.folder / "rtl", context.work)
    context.say(f"{len(vectors.inputs):,} frames")
    run = model.run(vectors.inputs)
    wrong = int((run.outputs != vectors.expected).sum())
    if wrong:
        raise CheckFailed("TODO")
    by = f"Verilator {context.tools['verilator']}"
    interval = run.interval
    figures = [
        Figure("latency to first output", run.latency_first_output, "cycles", "measured", by),
        Figure("frame latency", run.latency_frame, "cycles", "measured", by),
    ]
    if interval is not None:
        figures.append(Figure("interval", interval, "cycles", "measured", by))
    check = Check(
        "Verilog",
        "Numba simulator",
        "outputs",
        len(vectors.inputs),
        int(vectors.expected.size),
        wrong,
        by,
    )
    return VerifyFacts((check,), tuple(figures))


def run_bench_step(context: Context) -> BenchFacts:
    """The design under cocotb: back-to-back frames, then random stalls on both sides."""
    from hwcompress.hls.cosim import run_bench

    graph = load(context.folder / "graph")
    vectors = Vectors.load(context.folder, graph)
    settings = context.settings
    seen = run_bench(
        context.folder / "rtl",
        vectors.inputs,
        vectors.expected,
        context.work,
        simulator=cast(Literal["verilator", "icarus"], settings.simulator),
        frames=settings.frames,
    ).check()
    by = f"cocotb {context.tools['cocotb']}, {seen.simulator} {seen.version}"
    size = int(vectors.expected[0].size)
    checks = tuple(
        Check(f"Verilog, {kind}", "Numba simulator", "outputs", frames, frames * size, 0, by)
        for kind, frames in (
            ("back to back", seen.frames_free),
            ("random stalls", seen.frames_stalled),
        )
    )
    figures = (
        Figure("latency to first output", float(seen.latency_first or 0), "cycles", "measured", by),
    )
    return BenchFacts(
        checks,
        figures if seen.latency_first is not None else (),
        seen.frames_free,
        seen.frames_stalled,
        seen.input_pauses,
        seen.output_pauses,
        f"{seen.simulator} {seen.version}",
    )
