"""A streaming design of a graph: cycles by the exact model, resources by Yosys."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from math import ceil
from pathlib import Path

from hwcompress.boards import Board
from hwcompress.errors import GraphError, UnsupportedError
from hwcompress.flow.compressing.facts import HardwareFacts
from hwcompress.flow.parallelism import with_style
from hwcompress.flow.settings import BuildSettings
from hwcompress.flow.step import Context
from hwcompress.hls.synth import SynthReport, synthesize
from hwcompress.ir import Graph
from hwcompress.report.facts import Utilization

__all__ = ["counted_by", "design_of", "hardware_of", "measured", "used"]


def design_of(
    graph: Graph, board: Board, settings: BuildSettings, target: int | None, folder: Path
) -> tuple[int, int, int]:
    """Write the Verilog; returns the slowest engine's cycles, the interval and the latency.

    Args:
        graph: to be built.
        board: whose size bounds the parallelism where no target is given.
        settings: say how multiplications are made and where weights are kept.
        target: cycles that no engine may exceed; more are allowed where the graph needs them.
        folder: of the Verilog.

    Raises:
        UnsupportedError: an operation has no engine.
    """
    from hwcompress.hls.folding import default_folding, engine
    from hwcompress.hls.folding.search import lut_budget_of
    from hwcompress.hls.rtl import generate
    from hwcompress.hls.rtl.timing import timing_of

    engines = [made for op in graph.layers if (made := engine(op, graph)) is not None]
    if target is None:
        budget = lut_budget_of(board.capacity.lut, graph)
        folding = default_folding(graph, lut_budget=budget)
    else:
        fastest = (min(item.cycles(lanes) for lanes in item.choices()) for item in engines)
        folding = default_folding(graph, target_cycles=max(target, *fastest))
    folding = with_style(graph, folding, settings, board)
    design = generate(graph, folding, folder)
    timing = timing_of(design)
    pairs = [(op, engine(op, graph)) for op in graph.layers]
    slowest = max(
        (made.cycles(folding.of(op)) for op, made in pairs if made is not None), default=1
    )
    return slowest, ceil(timing.interval), ceil(timing.latency_first_output)


def hardware_of(
    graph: Graph, board: Board, context: Context, *, target: int | None, counted: bool
) -> HardwareFacts:
    """:func:`measured` in a step."""
    return measured(
        graph,
        board,
        context.settings,
        context.work,
        context.say,
        target=target,
        counted=counted,
    )


def measured(
    graph: Graph,
    board: Board,
    settings: BuildSettings,
    work: Path,
    say: Callable[[str], None],
    *,
    target: int | None,
    counted: bool,
) -> HardwareFacts:
    """What a design takes; a graph without one gives the reason instead.

    Args:
        graph: to be built.
        board: for whose part it is synthesized.
        settings: as of :func:`design_of`.
        work: for the Verilog and Yosys's files; what lies there in ``rtl`` is removed.
        say: tells what is done.
        target: as of :func:`design_of`.
        counted: whether Yosys is run.
    """
    folder = work / "rtl"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        say("choosing the parallelism, predicting the cycles")
        slowest, interval, latency = design_of(graph, board, settings, target, folder)
    except (UnsupportedError, GraphError) as error:
        return HardwareFacts(problem=str(error))
    if not counted:
        return HardwareFacts(None, "", slowest, interval, latency)
    say("Yosys")
    seen = synthesize(folder, work, board=board)
    return HardwareFacts(used(seen), counted_by(seen), slowest, interval, latency)


def used(seen: SynthReport) -> Utilization:
    """Resources of a whole design."""
    total = seen.total
    return Utilization(total.lut, total.ff, float(total.bram), total.dsp)


def counted_by(seen: SynthReport) -> str:
    """The tool and the part."""
    return f"{seen.tool}, synthesis for {seen.part}"
