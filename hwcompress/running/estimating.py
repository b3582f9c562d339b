"""What a design of a model would take, be it of one board or of all, without generating it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hwcompress import boards
from hwcompress.boards import Board
from hwcompress.errors import InputError
from hwcompress.flow.estimates import PlannedDesign, planned_design, shares_of
from hwcompress.flow.parallelism import Choice, choose, smallest_choice
from hwcompress.flow.settings import BuildSettings
from hwcompress.hls.folding import Folding, engine
from hwcompress.inspect.opening import ModelRequest
from hwcompress.ir import Graph
from hwcompress.report.facts import EstimatedUse, EstimateFacts
from hwcompress.report.model import Share
from hwcompress.running.models import Runnable, open_runnable

if TYPE_CHECKING:
    from hwcompress.hls.estimate.hls4ml import Hls4mlEstimate

__all__ = [
    "BoardEstimate",
    "EstimateRequest",
    "LayerEstimate",
    "ModelEstimate",
    "estimate_hls4ml_model",
    "estimate_model",
]

Say = Callable[[str, int, int], None]


@dataclass(frozen=True)
class EstimateRequest:
    """What the user typed.

    Attributes:
        model: with the data that calibrate a float one, if there are any.
        hardware: board, goals and styles.
        every_board: whether all boards that come with hwcompress are asked instead; where no
            goal is named, each is filled as by ``--fit``.
    """

    model: ModelRequest
    hardware: BuildSettings
    every_board: bool = False


@dataclass(frozen=True)
class LayerEstimate:
    """One engine of a design: its parallelism, its cycles a frame, what it takes."""

    name: str
    kind: str
    pe: int
    simd: int
    pixels: int
    multiplier: str
    memory: str
    cycles: int
    use: EstimatedUse | None


@dataclass(frozen=True)
class BoardEstimate:
    """A design on a board.

    Attributes:
        board, title, part, clock_mhz: of the board.
        fits: whether the estimates stay within what the board holds.
        problem: why there is no design, or empty; all that follows is then empty.
        interval: cycles between two frames, exact.
        frames: a second at the clock.
        latency_first, latency_frame: cycles from the first input beat to the first and to the
            last output beat, exact.
        shares: of the board's resources, expected.
        limiting: name of the scarcest resource.
        estimate: resources with their intervals.
        layers: the engines.
        notes: what the choice of the parallelism promises.
        folding: the design's, as a folding file's text.
    """

    board: str
    title: str
    part: str
    clock_mhz: float
    fits: bool = False
    problem: str = ""
    interval: float = 0.0
    frames: float = 0.0
    latency_first: int = 0
    latency_frame: int = 0
    shares: tuple[Share, ...] = ()
    limiting: str = ""
    estimate: EstimateFacts | None = None
    layers: tuple[LayerEstimate, ...] = ()
    notes: tuple[str, ...] = ()
    folding: str = ""


@dataclass(frozen=True)
class ModelEstimate:
    """A model's designs; ``notes`` on how its graph came to be."""

    model: str
    kind: str
    boards: tuple[BoardEstimate, ...]
    notes: tuple[str, ...]


def estimate_model(request: EstimateRequest, say: Say) -> ModelEstimate:
    """Open the model, choose its parallelism, and say what that takes.

    Raises:
        InputError: a file or option is wrong; or, of one board, no design keeps the limits.
        UnsupportedError: the model cannot be expressed, or not as a design.
    """
    with tempfile.TemporaryDirectory(prefix="hwcompress-") as place:
        say("read the model", 0, 0)
        model, _ = open_runnable(request.model, "", Path(place), lambda text: say(text, 0, 0))
    found = []
    if request.every_board:
        wanted = request.hardware
        if not (wanted.searches or wanted.folding):
            wanted = replace(wanted, fit=True)
        known: dict[object, BoardEstimate] = {}
        every = boards.available()
        for number, board in enumerate(every):
            say(f"choose the parallelism for {board.title}", number, len(every))
            found.append(_again(model.graph, board, replace(wanted, board=board.name), known))
    else:
        board = boards.load(request.hardware.board)
        say(f"choose the parallelism for {board.title}", 0, 0)
        choice = choose(model.graph, board, request.hardware)
        found.append(_estimated(model.graph, board, choice))
    return ModelEstimate(model.label, model.kind, tuple(found), model.notes)


def estimate_hls4ml_model(
    model: ModelRequest, board: Board, reuse: int | None, say: Say
) -> tuple[Runnable, Hls4mlEstimate]:
    """The model, and what its hls4ml project would take.

    Args:
        model: with the data that calibrate a float one, if there are any.
        board: whose part and clock count.
        reuse: reuse factor of every matrix product; ``None`` for hls4ml's usual one.
        say: told how it goes.

    Raises:
        InputError: a file or option is wrong, or there are no public reports for the part.
        UnsupportedError: the model cannot be expressed, or not by hls4ml.
    """
    from hwcompress.hls.estimate.hls4ml import estimate_hls4ml

    with tempfile.TemporaryDirectory(prefix="hwcompress-") as place:
        say("read the model", 0, 0)
        opened, _ = open_runnable(model, "", Path(place), lambda text: say(text, 0, 0))
    found = estimate_hls4ml(
        opened.graph, part=board.part, clock_ns=1000.0 / board.clock_mhz, reuse=reuse
    )
    return opened, found


def _again(
    graph: Graph, board: Board, settings: BuildSettings, known: dict[object, BoardEstimate]
) -> BoardEstimate:
    """One of all boards; those with the same device have the same design."""
    key = board.family, board.capacity, board.clock_mhz
    if key not in known:
        known[key] = _of_board(graph, board, settings)
    return replace(known[key], board=board.name, title=board.title, part=board.part)


def _of_board(graph: Graph, board: Board, settings: BuildSettings) -> BoardEstimate:
    """A design on a board; of one that is too small the design that exceeds it least."""
    try:
        return _estimated(graph, board, choose(graph, board, settings))
    except InputError as error:
        if not settings.searches:
            raise
        why = str(error)
    try:
        choice = smallest_choice(graph, board, settings)
    except InputError as error:
        return BoardEstimate(
            board.name, board.title, board.part, board.clock_mhz, problem=str(error)
        )
    found = _estimated(graph, board, choice)
    return replace(found, fits=False, notes=(why, *found.notes))


def _estimated(graph: Graph, board: Board, choice: Choice) -> BoardEstimate:
    made = planned_design(graph, choice.folding, board.family)
    shares = shares_of(made.estimate, board)
    scarce = max(shares, key=lambda share: share.fraction)
    interval = float(made.timing.interval)
    return BoardEstimate(
        board.name,
        board.title,
        board.part,
        board.clock_mhz,
        fits=all(share.used <= share.available for share in shares),
        interval=interval,
        frames=board.clock_mhz * 1e6 / interval,
        latency_first=made.timing.latency_first_output,
        latency_frame=made.timing.latency_frame,
        shares=shares,
        limiting=scarce.name,
        estimate=made.estimate,
        layers=tuple(_layers(graph, choice.folding, made)),
        notes=choice.notes,
        folding=choice.folding.to_json(),
    )


def _layers(graph: Graph, folding: Folding, made: PlannedDesign) -> Iterable[LayerEstimate]:
    for op in graph.layers:
        item = engine(op, graph)
        if item is None:
            continue
        lanes, style = folding.of(op), folding.style(op)
        yield LayerEstimate(
            op.name,
            op.kind,
            lanes.pe,
            lanes.simd,
            lanes.pixels,
            style.multiplier,
            style.memory,
            item.cycles(lanes),
            made.estimate.layers.get(op.name),
        )
