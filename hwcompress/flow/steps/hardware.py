"""Parallelism, Verilog, and its checks against the simulator."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from hwcompress import __version__, boards
from hwcompress.boards import Board
from hwcompress.errors import CheckFailed, InputError
from hwcompress.flow.parallelism import choose, wanted_cycles
from hwcompress.flow.step import Context
from hwcompress.flow.steps.arrays import Vectors, save_result
from hwcompress.flow.steps.cycles import check_cycles
from hwcompress.flow.versions import named
from hwcompress.ir import Graph, load, trace
from hwcompress.report.facts import (
    BenchFacts,
    Check,
    DesignFacts,
    FifoFacts,
    Figure,
    FoldFacts,
    LayerHardware,
    VerifyFacts,
)

if TYPE_CHECKING:
    from hwcompress.hls.folding import Folding

__all__ = [
    "run_bench_step",
    "run_fold",
    "run_generate",
    "run_verify",
]


_GATE_FRAMES = 8

_BEFORE = 3
"""Frames before the first wrong one that are run again to find the layer."""


def run_fold(context: Context) -> FoldFacts:
    """Choose the lanes of every engine, or take the user's."""
    from hwcompress.hls.folding import engine

    graph = load(context.folder / "graph")
    board = boards.load(context.settings.board)
    choice = choose(graph, board, context.settings)
    folding = choice.folding
    _check_memories(folding, board)
    (context.out / "folding.json").write_text(folding.to_json(), encoding="utf-8")
    layers = []
    for op in graph.layers:
        made = engine(op, graph)
        if made is not None:
            lanes = folding.of(op)
            cycles = made.cycles(lanes)
            layers.append(LayerHardware(op.name, lanes.pe, lanes.simd, cycles, lanes.pixels))
    target = wanted_cycles(context.settings, board)
    return FoldFacts(tuple(layers), target, choice.notes)


def _check_memories(folding: Folding, board: Board) -> None:
    """Refuse, before any synthesis, memories that the board's family does not have."""
    for name, style in folding.styles.items():
        if board.family == "ice40" and style.reload and style.memory == "distributed":
            raise InputError(
                f"reloadable weights of {name!r} in distributed memory",
                where=board.title,
                why="iCE40 devices have no distributed RAM",
                remedy='give memory "auto" or "block"',
            )


def run_generate(context: Context) -> DesignFacts:
    """Write the Verilog, and predict its cycles."""
    from hwcompress.hls.folding import Folding
    from hwcompress.hls.rtl import generate
    from hwcompress.hls.rtl.timing import timing_of

    graph = load(context.folder / "graph")
    folding = Folding.from_json((context.folder / "folding.json").read_text(encoding="utf-8"))
    design = generate(graph, folding, context.out / "rtl")
    context.say("predicting the cycles")
    timing = timing_of(design)
    by = f"hwcompress {__version__}"
    predicted = (
        ("interval by the cycle model", float(timing.interval)),
        ("latency to first output by the cycle model", float(timing.latency_first_output)),
        ("frame latency by the cycle model", float(timing.latency_frame)),
    )
    return DesignFacts(
        design.top,
        design.files,
        len(design.memories),
        sum(memory.width * memory.depth for memory in design.memories),
        tuple(
            LayerHardware(
                layer.op,
                layer.pe,
                layer.simd,
                layer.cycles,
                layer.pixels,
                min(seen.first for seen in timing.layers if seen.op == layer.op),
                max(seen.last for seen in timing.layers if seen.op == layer.op),
            )
            for layer in design.layers
        ),
        ceil(timing.interval),
        tuple(Figure(name, value, "cycles", "estimated", by) for name, value in predicted),
        tuple(
            FifoFacts(fifo.name, fifo.depth, fifo.width, fifo.why)
            for fifo in design.fifos
            if fifo.depth
        ),
    )


def run_verify(context: Context) -> VerifyFacts:
    """The verilated design on every test sample in one call; its cycles against the model's."""
    from hwcompress.hls.cosim.verilated import VerilatedDesign

    graph = load(context.folder / "graph")
    vectors = Vectors.load(context.folder, graph)
    context.say("compiling")
    model = VerilatedDesign.build(context.folder / "rtl", context.work)
    count = vectors.count
    context.say(f"{count:,} frames")
    run = model.run(vectors.inputs)
    wrong = np.zeros(count, bool)
    for tensor, expected in vectors.outputs.items():
        wrong |= np.any((run.values[tensor] != expected).reshape(count, -1), axis=1)
    if wrong.any():
        raise _located(context, graph, vectors, np.flatnonzero(wrong))
    by = named("verilator", context.tools)
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
        count,
        sum(int(expected.size) for expected in vectors.outputs.values()),
        0,
        by,
    )
    context.say("cycles against the model")
    facts = VerifyFacts((check, check_cycles(model.design, run, by)), tuple(figures))
    save_result(context.out / "verify" / "verify.json", facts)
    return facts


def _located(context: Context, graph: Graph, vectors: Vectors, wrong: np.ndarray) -> CheckFailed:
    """The error for wrong samples: the first layer that differs in the first of them."""
    from hwcompress.hls.cosim.locate import first_difference

    context.say("looking for the layer")
    # A few frames before it: the error may lie in the order of frames.
    sample = int(wrong[0])
    start = max(0, sample - _BEFORE)
    part = vectors.feeds(slice(start, sample + 1))
    found = first_difference(context.folder / "rtl", context.work, part, trace(graph, part))
    if found is None:
        what = f"sample {sample} is wrong, but not after the {_BEFORE} samples before it alone"
    else:
        what = str(replace(found, sample=found.sample + start))
    return CheckFailed(
        what,
        where="Verilog against the Numba simulator",
        why=f"{wrong.size} of {vectors.count} samples have a wrong result",
        remedy="this is a defect of hwcompress or of one of its tools; please report it",
    )


def run_bench_step(context: Context) -> BenchFacts:
    """The design under cocotb: back-to-back frames, then random stalls on both sides."""
    from hwcompress.hls.cosim.bench import run_bench

    graph = load(context.folder / "graph")
    vectors = Vectors.load(context.folder, graph)
    settings = context.settings
    seen = run_bench(
        context.folder / "rtl",
        vectors.inputs,
        vectors.outputs,
        context.work,
        simulator=cast(Literal["verilator", "icarus"], settings.simulator),
        frames=settings.frames,
    ).check()
    by = f"{named('cocotb', context.tools)}, {seen.simulator} {seen.version}"
    size = sum(int(expected[0].size) for expected in vectors.outputs.values())
    checks = tuple(
        Check(f"Verilog, {kind}", "Numba simulator", "outputs", frames, frames * size, 0, by)
        for kind, frames in (
            ("back to back", seen.frames_free),
            ("random stalls", seen.frames_stalled),
        )
    )
    figures = (
        Figure(
            "latency to first output (cocotb)",
            float(seen.latency_first or 0),
            "cycles",
            "measured",
            by,
        ),
    )
    if settings.gate_level:
        checks += (_gate_level(context, graph, vectors),)
    facts = BenchFacts(
        checks,
        figures if seen.latency_first is not None else (),
        seen.frames_free,
        seen.frames_stalled,
        seen.input_pauses,
        seen.output_pauses,
        f"{seen.simulator} {seen.version}",
    )
    save_result(context.out / "bench" / "bench.json", facts)
    return facts


def _gate_level(context: Context, graph: Graph, vectors: Vectors) -> Check:
    """The netlist that synthesis makes of the design, with pauses on every port."""
    from hwcompress.hls.cosim.verilated import Stalls, VerilatedDesign
    from hwcompress.hls.rtl import Design
    from hwcompress.hls.synth.netlist import CELLS, gate_level

    board = boards.load(context.settings.board)
    cells = board.family if board.family in CELLS else "gates"
    context.say("synthesizing a netlist")
    design = Design.load(context.folder / "rtl")
    netlist = gate_level(design, context.work / "netlist", cells=cells)
    context.say("simulating the netlist")
    model = VerilatedDesign.build(netlist.folder, context.work)
    count = min(_GATE_FRAMES, vectors.count)
    run = model.run(vectors.feeds(slice(count)), stalls=Stalls(300, 300))
    values = 0
    for tensor, expected in vectors.outputs.items():
        wanted = expected[:count]
        values += int(wanted.size)
        if not np.array_equal(run.values[tensor], wanted):
            raise CheckFailed(
                f"tensor {tensor!r} of the netlist differs from the simulator",
                where=graph.name,
                why="the Verilog itself agrees with it",
                remedy="this is a defect of hwcompress or of Yosys; please report it",
            )
    return Check(
        f"netlist of {cells} cells, random stalls",
        "Numba simulator",
        "outputs",
        count,
        values,
        0,
        f"{named('yosys', context.tools)}, {named('verilator', context.tools)}",
    )
