"""The parallelism of a design: the user's own, the usual one, or the best one of a search."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hwcompress.boards import Board
from hwcompress.errors import InputError
from hwcompress.flow.goals import parse_latency
from hwcompress.flow.settings import BuildSettings
from hwcompress.ir import Conv, ConvTranspose, Dense, Graph

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwcompress.hls.fit import Fitted, Offer
    from hwcompress.hls.folding import Folding
    from hwcompress.hls.folding.style import Memory, Multiplier

__all__ = [
    "Choice",
    "choose",
    "limits_of",
    "searched",
    "smallest_choice",
    "wanted_cycles",
    "wanted_latency",
    "with_style",
]


_UNLIMITED = 1 << 40
"""Of a resource, or of cycles: more than any design takes."""


@dataclass(frozen=True)
class Choice:
    """A folding, and what is to be said about it."""

    folding: Folding
    notes: tuple[str, ...] = ()


def wanted_cycles(settings: BuildSettings, board: Board) -> int | None:
    """The interval that the user asked for, in cycles of the board's clock."""
    if settings.target_fps is not None:
        return max(1, int(board.clock_mhz * 1e6 / settings.target_fps))
    return settings.target_cycles


def wanted_latency(settings: BuildSettings, board: Board) -> int | None:
    """The latency that the user asked for, in cycles of the board's clock."""
    if not settings.target_latency:
        return None
    cycles = parse_latency(settings.target_latency).at(board.clock_mhz)
    if cycles < 1:
        raise InputError(
            f"--target-latency is {settings.target_latency}",
            why=f"a cycle of {board.name} takes {1e3 / board.clock_mhz:g} ns",
            remedy="allow more time",
        )
    return cycles


def choose(graph: Graph, board: Board, settings: BuildSettings) -> Choice:
    """The folding that the settings ask for.

    A file of the user's says it all, unless a design is searched for: then its engines stay,
    and the others are chosen. Without either, the usual one is taken, which fills a small
    part of the board.

    Raises:
        InputError: the file does not fit the graph, or no design keeps the limits.
        UnsupportedError: an operation has no engine, or there is no estimate of it.
        CheckFailed: no design was found, but none was excluded either.
    """
    from hwcompress.hls.folding import default_folding
    from hwcompress.hls.folding.complete import complete_folding, read_folding
    from hwcompress.hls.folding.search import lut_budget_of

    if settings.searches:
        found = searched(graph, board, settings)
        return Choice(found.folding, _said(found, board, settings))
    if settings.folding:
        folding = complete_folding(graph, read_folding(Path(settings.folding)))
    else:
        budget = lut_budget_of(board.capacity.lut, graph)
        folding = default_folding(graph, lut_budget=budget)
    return Choice(with_style(graph, folding, settings, board))


def searched(graph: Graph, board: Board, settings: BuildSettings) -> Fitted:
    """The best design within the limits; errors as of :func:`choose`."""
    from hwcompress.hls.fit import EstimatedCost, capacity_of, fit

    return fit(
        graph,
        EstimatedCost(board.family),
        limits_of(board, settings),
        cycles=wanted_cycles(settings, board),
        latency=wanted_latency(settings, board),
        capacity=capacity_of(board),
        offer=_offer(board, settings),
        fixed=_fixed(settings),
    )


def smallest_choice(graph: Graph, board: Board, settings: BuildSettings) -> Choice:
    """The design that takes the smallest share of a board, which may be more than all of it.

    Raises:
        InputError: the user's folding file does not fit the graph.
        UnsupportedError: an operation has no engine, or there is no estimate of it.
    """
    from hwcompress.hls.fit import EstimatedCost, capacity_of, fit

    capacity = capacity_of(board)
    found = fit(
        graph,
        EstimatedCost(board.family),
        dict.fromkeys(capacity, _UNLIMITED),
        cycles=_UNLIMITED,
        capacity=capacity,
        offer=_offer(board, settings),
        fixed=_fixed(settings),
    )
    return Choice(found.folding, ("what follows is of the design that exceeds the board least",))


def _fixed(settings: BuildSettings) -> Folding | None:
    """Engines that are not to be chosen."""
    from hwcompress.hls.folding.complete import read_folding

    return read_folding(Path(settings.folding)) if settings.folding else None


def limits_of(board: Board, settings: BuildSettings) -> Mapping[str, int]:
    """What a searched design may take, by the search's names of the resources."""
    from hwcompress.hls.fit import budget_of

    found = budget_of(board, settings.board_share)
    if settings.max_lut is not None:
        found["lut"] = min(settings.max_lut, board.capacity.lut)
    return found


def _offer(board: Board, settings: BuildSettings) -> Offer:
    """What may be chosen: everything, or what the user said."""
    from hwcompress.hls.fit import DEFAULT_OFFER, Offer

    multipliers, memories = DEFAULT_OFFER.multipliers, DEFAULT_OFFER.memories
    if settings.multiplier != "auto":
        multipliers = (cast("Multiplier", settings.multiplier),)
    if settings.memory != "auto":
        memories = (cast("Memory", settings.memory),)
    return Offer(multipliers, memories, board.kind.dsp_widths)


def _said(found: Fitted, board: Board, settings: BuildSettings) -> tuple[str, ...]:
    """What the search promises, in sentences."""
    within = f"{settings.board_share:.0%} of {board.title}"
    if settings.max_lut is not None:
        within = f"{settings.max_lut:,} LUTs and {within}"
    left_out: tuple[str, ...] = ()
    if found.unknown:
        left_out = (
            f"parallelism: {found.unknown:,} choices of engines have no estimate and were left out;"
            " what is proven is proven for the others",
        )
    if settings.targets:
        return (
            f"parallelism: the least area found for {' and '.join(settings.targets)} within"
            f" {within}: {found.share:.1%} of the scarcest resource, where less than"
            f" {found.least_share:.1%} is proven impossible (estimated areas)",
            *left_out,
        )
    proof = (
        "which is proven to be the fewest"
        if found.interval <= found.least_cycles
        else f"where fewer than {found.least_cycles:,} are proven impossible"
    )
    return (
        f"parallelism: {float(found.interval):,.10g} cycles a frame within {within}, {proof}"
        " (estimated areas, exact cycles)",
        *left_out,
    )


def with_style(graph: Graph, folding: Folding, settings: BuildSettings, board: Board) -> Folding:
    """The folding with the user's general choices where it has none of its own."""
    from hwcompress.hls.folding import Folding, Style

    if (settings.multiplier, settings.memory) == ("auto", "auto"):
        return folding
    style = Style(
        multiplier=cast("Multiplier", settings.multiplier),
        memory=cast("Memory", settings.memory),
        dsp=board.kind.dsp_widths,
    )
    weighted = [op.name for op in graph.layers if isinstance(op, Conv | ConvTranspose | Dense)]
    return Folding(folding.lanes, dict.fromkeys(weighted, style) | dict(folding.styles))
