"""Resources and cycles of a design before anything is generated, as facts of a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwcompress import __version__
from hwcompress.boards import Board
from hwcompress.hls.estimate import DesignEstimate, Estimate, estimate_plan
from hwcompress.hls.folding import Folding
from hwcompress.hls.rtl.plan import plan
from hwcompress.ir import Graph
from hwcompress.report.facts import EstimatedUse, EstimateFacts
from hwcompress.report.model import Share

if TYPE_CHECKING:
    from hwcompress.hls.rtl.timing import DesignTiming

__all__ = ["PlannedDesign", "estimate_facts", "planned_design", "shares_of"]


@dataclass(frozen=True)
class PlannedDesign:
    """A design that was planned only: its estimated resources and its exact cycles."""

    estimate: EstimateFacts
    timing: DesignTiming


def planned_design(graph: Graph, folding: Folding, family: str) -> PlannedDesign:
    """Plan a design, size its buffers, and say what it takes; nothing is written.

    Raises:
        InputError: the folding does not fit the graph, or there is no estimate of a module.
        UnsupportedError: an operation has no engine.
    """
    from hwcompress.hls.rtl.timing import fifo_depths, timing_of

    made = plan(graph, folding)
    depths = fifo_depths(made.design()).depths if made.builder.fifos else {}
    found = estimate_plan(made, depths, family=family)
    return PlannedDesign(estimate_facts(found), timing_of(made.design("", depths)))


def estimate_facts(found: DesignEstimate) -> EstimateFacts:
    """The whole design and its layers."""
    return EstimateFacts(
        _use(found.total),
        {name: _use(item) for name, item in found.layers.items()},
        f"hwcompress {__version__}, models fitted to {found.yosys}",
        _known_error(found),
    )


def _known_error(found: DesignEstimate) -> tuple[str, ...]:
    """How far the models are off, in a sentence."""
    errors = found.errors
    if errors is None:
        return ()
    return (
        f"estimated LUTs of single modules that were kept from the fit ({errors.count} of family"
        f" {found.family}): half are within {errors.median:.1%} of the synthesis, 95 % within"
        f" {errors.most:.1%}; docs/estimates.md",
    )


def _use(found: Estimate) -> EstimatedUse:
    lut = round(found.lut)
    return EstimatedUse(
        lut,
        max(0, min(lut, round(found.lut - found.below))),
        max(lut, round(found.lut + found.above)),
        found.ff,
        float(found.bram),
        found.dsp,
    )


def shares_of(facts: EstimateFacts, board: Board) -> tuple[Share, ...]:
    """What a design takes beside what a board holds, in the board's units."""
    held, total = board.capacity, facts.total
    return tuple(
        Share(name, float(used), available, facts.basis, facts.by)
        for name, used, available in (
            ("LUT", total.lut, held.lut),
            ("FF", total.ff, held.ff),
            (board.kind.bram_name, total.bram36, held.bram),
            ("DSP", total.dsp, held.dsp),
        )
    )
