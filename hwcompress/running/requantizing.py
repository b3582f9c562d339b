"""A quantized model with fewer bits for its weights, measured before and after, as files."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from hwcompress import boards
from hwcompress.boards import Board
from hwcompress.errors import HwcompressError, InputError
from hwcompress.flow.compressing.facts import GraphSize, HardwareFacts
from hwcompress.flow.compressing.graphs import graph_size
from hwcompress.flow.compressing.hardware import measured
from hwcompress.flow.packed import PACKED_FILE
from hwcompress.flow.parallelism import wanted_cycles
from hwcompress.flow.settings import BuildSettings
from hwcompress.flow.steps.arrays import save_result
from hwcompress.inspect.opening import ModelRequest, is_quantized_onnx, request_settings
from hwcompress.ir import Conv, ConvTranspose, Dense, Graph, format_graph, save
from hwcompress.npz import is_npz, npz_names, read_npz
from hwcompress.packing import write_packed
from hwcompress.requantize import LayerChange, Scales, requantize_graph
from hwcompress.running.models import Runnable, open_runnable
from hwcompress.running.output_change import OutputChange, compare_outputs
from hwcompress.running.source import StoredSource

__all__ = [
    "RESULT",
    "RequantizeFacts",
    "RequantizeRequest",
    "new_folder",
    "parse_layer",
    "requantize",
]

RESULT = "result.json"

Say = Callable[[str, int, int], None]


@dataclass(frozen=True)
class RequantizeRequest:
    """What the user typed.

    Attributes:
        model: with the data to compare on, if there are any.
        bits: of every layer.
        hardware: board, target and style of the designs.
        layers: pattern of names and bits (``None``: kept) of single layers; later ones win.
        scales: of the multipliers.
        balanced: whether errors are balanced.
        labels: file of labels beside the data, or empty.
        synthesize: whether Yosys counts.
    """

    model: ModelRequest
    bits: int
    hardware: BuildSettings
    layers: tuple[tuple[str, int | None], ...] = ()
    scales: Scales = "channel"
    balanced: bool = True
    labels: str = ""
    synthesize: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 8:
            raise InputError(f"--bits is {self.bits}", remedy="give 1 to 8 bits")
        if self.labels and not self.model.data:
            raise InputError("--labels without --compare", remedy="give --compare FILE, too")


@dataclass(frozen=True)
class RequantizeFacts:
    """What came out.

    Attributes:
        model, kind: how the user names the model, and what it is.
        bits, scales, balanced: as asked for.
        layers: every layer with weights.
        before, after: the graphs in numbers.
        hardware_before, hardware_after: their designs, of the same target.
        board: for which these are.
        change: of the outputs, where data were given.
        notes: on the model and the data.
    """

    model: str
    kind: str
    bits: int
    scales: str
    balanced: bool
    layers: tuple[LayerChange, ...]
    before: GraphSize
    after: GraphSize
    hardware_before: HardwareFacts
    hardware_after: HardwareFacts
    board: str
    change: OutputChange | None
    notes: tuple[str, ...]


def parse_layer(text: str) -> tuple[str, int | None]:
    """``PATTERN=BITS`` or ``PATTERN=keep``.

    Raises:
        InputError: it is of another form, or the bits are out of range.
    """
    pattern, _, width = text.rpartition("=")
    if pattern and width == "keep":
        return pattern, None
    if pattern and width.isdecimal() and 1 <= int(width) <= 8:
        return pattern, int(width)
    raise InputError(f"--layer is {text!r}", remedy="give NAME=BITS with 1 to 8 bits, or NAME=keep")


def requantize(request: RequantizeRequest, out: Path, say: Say) -> RequantizeFacts:
    """Requantize, measure, and write the folder, which appears whole or not at all.

    The folder holds ``graph/`` (as builds hold it), ``model.hwc`` for `hwcompress build`, and
    the facts as ``result.json``.

    Args:
        request: what is wanted.
        out: new or empty.
        say: told how it goes.

    Raises:
        InputError: a file or option is wrong, or the folder is not empty.
        UnsupportedError: the model cannot be expressed as an integer graph.
    """
    new_folder(out)
    board = boards.load(request.hardware.board)
    fresh = not out.parent.exists()
    out.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=".tmp-", dir=out.parent))
    try:
        facts = _requantize(request, board, place, say)
        shutil.rmtree(place / "work", ignore_errors=True)
        place.chmod(0o755)
        os.replace(place, out)
    finally:
        shutil.rmtree(place, ignore_errors=True)
        if fresh and not out.exists():
            with suppress(OSError):  # another run has put something there
                out.parent.rmdir()
    return facts


def _requantize(request: RequantizeRequest, board: Board, place: Path, say: Say) -> RequantizeFacts:
    work = place / "work"
    work.mkdir()
    model, source, notes = _opened(request, work, say)
    graph = model.graph
    say("requantize", 0, 0)
    made = requantize_graph(
        graph,
        request.bits,
        layers=_by_name(graph, request.layers),
        scales=request.scales,
        balanced=request.balanced,
    )
    change = None
    if source is not None:
        change = compare_outputs(model, made.graph, source, say)
    hardware = _hardware(graph, made.graph, board, request, work, say)
    facts = RequantizeFacts(
        model=model.label,
        kind=model.kind,
        bits=request.bits,
        scales=request.scales,
        balanced=request.balanced,
        layers=made.layers,
        before=graph_size(graph),
        after=graph_size(made.graph),
        hardware_before=hardware[0],
        hardware_after=hardware[1],
        board=board.title,
        change=change,
        notes=tuple(dict.fromkeys((*model.notes, *notes))),
    )
    folder = place / "graph"
    folder.mkdir()
    save(made.graph, folder)
    (folder / "graph.txt").write_text(format_graph(made.graph), encoding="utf-8")
    write_packed(made.graph, place / PACKED_FILE)
    save_result(place / RESULT, facts)
    return facts


def _opened(
    request: RequantizeRequest, work: Path, say: Say
) -> tuple[Runnable, StoredSource | None, tuple[str, ...]]:
    """The model, its samples, and notes on these."""
    asked = request.model
    notes: tuple[str, ...] = ()
    if asked.data:
        asked, notes = _without_outputs(asked, work)
    else:
        _refuse_float(asked)
    opening = work / "model"
    opening.mkdir()
    try:
        model, stream = open_runnable(asked, request.labels, opening, lambda text: say(text, 0, 0))
    except HwcompressError as error:
        # Of a copy the user knows nothing.
        if asked.data:
            error.where = error.where.replace(asked.data, request.model.data)
        raise
    if stream is None:
        return model, None, notes
    source = StoredSource(model.graph, model.inputs, stream, 1)
    source.name = Path(request.model.data).name
    return model, source, (*notes, *source.notes)


def _refuse_float(asked: ModelRequest) -> None:
    """Without data nobody knows the scales of a float model's activations."""
    path = Path(asked.model)
    if path.is_dir() or path.suffix == ".hwc":
        return
    settings = request_settings(asked)
    if settings.model_kind in ("onnx", "export") and not is_quantized_onnx(settings):
        raise InputError(
            "the model is a float one",
            where=asked.model,
            why="its activations have no scales yet, and only samples tell them",
            remedy="quantize it with `hwcompress compress`, or give samples by --compare",
        )


def _without_outputs(asked: ModelRequest, work: Path) -> tuple[ModelRequest, tuple[str, ...]]:
    """The request, its data a file without reference outputs: these are no labels."""
    data = Path(asked.data)
    if not is_npz(data) or not {"x", "y"} <= set(npz_names(data)):
        return asked, ()
    arrays = read_npz(data)
    outputs = arrays.pop("y")
    if outputs.ndim == 1 and outputs.dtype.kind in "iub":
        return asked, ()
    found = work / data.name
    np.savez(found, allow_pickle=False, **arrays)
    said = f"y of {data.name}, {outputs.dtype} {outputs.shape}, holds no labels and is not used"
    return replace(asked, data=str(found)), (said,)


def _by_name(graph: Graph, patterns: Sequence[tuple[str, int | None]]) -> Mapping[str, int | None]:
    """Bits of single layers."""
    names = [op.name for op in graph.layers if isinstance(op, Conv | ConvTranspose | Dense)]
    found: dict[str, int | None] = {}
    for pattern, bits in patterns:
        ends = {"@first": names[:1], "@last": names[-1:]}
        hits = ends.get(pattern) or [name for name in names if fnmatchcase(name, pattern)]
        if not hits:
            raise InputError(
                f"no layer is called {pattern!r}",
                where=graph.name,
                remedy=f"the layers with weights are {', '.join(names) or 'none'};"
                " @first and @last are two of them",
            )
        found.update(dict.fromkeys(hits, bits))
    return found


def _hardware(
    before: Graph, after: Graph, board: Board, request: RequantizeRequest, work: Path, say: Say
) -> tuple[HardwareFacts, HardwareFacts]:
    """Designs of both graphs; the first one decides the interval unless the user does."""
    target = wanted_cycles(request.hardware, board)
    found: list[HardwareFacts] = []
    for name, graph in (("before", before), ("after", after)):
        folder = work / name
        folder.mkdir()
        facts = measured(
            graph,
            board,
            request.hardware,
            folder,
            lambda text, name=name: say(f"{name}: {text}", 0, 0),  # type: ignore[misc]
            target=target,
            counted=request.synthesize,
        )
        target = target or facts.target
        found.append(facts)
    return found[0], found[1]


def new_folder(path: Path) -> None:
    """Raise unless a folder is new or empty."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(
            f"{str(path)!r} is there already", remedy="give the name of a new or empty folder"
        )
