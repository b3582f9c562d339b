"""The run that a user asked for on the command line."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from hwcompress.errors import InputError
from hwcompress.inspect.opening import ModelRequest
from hwcompress.running.array_file import ArrayFile
from hwcompress.running.choice import Choice, parse_choice
from hwcompress.running.facts import RunFacts
from hwcompress.running.models import Runnable, open_runnable
from hwcompress.running.run import Say, make_simulator, processors, run_source, sizes_for
from hwcompress.running.source import DrawnSource, Source, StoredSource
from hwcompress.running.watchers import (
    OutputWriter,
    RangeWatcher,
    ScoreKeeper,
    TraceWriter,
    Watcher,
)
from hwcompress.sim.decisions import decides

__all__ = ["RunRequest", "run_request"]


@dataclass(frozen=True)
class RunRequest:
    """What the user typed: either ``data`` of the model request, or ``random``.

    Attributes:
        model: the model and its data.
        labels: file of labels beside the data, or empty.
        random: number of random samples, or ``None``.
        memory: bytes that may be held, or ``None``.
        threads, batch: of the simulator; ``None``: its own choice.
        out: file for the outputs, or ``None``; with ``integers`` those of the graph.
        trace: file for integers of ``tensors`` (all if empty) of ``samples`` (likewise).
        ranges: whether intervals of all tensors are wanted.
    """

    model: ModelRequest
    labels: str = ""
    random: int | None = None
    memory: int | None = None
    threads: int | None = None
    batch: int | None = None
    out: Path | None = None
    integers: bool = False
    trace: Path | None = None
    tensors: str = ""
    samples: str = ""
    ranges: bool = False

    def __post_init__(self) -> None:
        if (self.random is None) == (not self.model.data):
            both = self.random is not None
            raise InputError(
                "both --data and --random are given" if both else "no samples to simulate",
                remedy="give one of --data FILE and --random N" if both
                else "give --data FILE, or --random N",
            )  # fmt: skip
        for option, value in (
            ("--random", self.random),
            ("--threads", self.threads),
            ("--batch", self.batch),
        ):
            if value is not None and value < 1:
                raise InputError(f"{option} is {value}", remedy="give 1 or more")
        for option, given, other, needed in (
            ("--labels", self.labels, "--data", self.model.data),
            ("--tensors", self.tensors, "--trace", self.trace),
            ("--samples", self.samples, "--trace", self.trace),
            ("--integers", self.integers, "--out", self.out),
        ):
            if given and not needed:
                raise InputError(f"{option} without {other}", remedy=f"give {other} FILE, too")
        if self.trace is not None and self.trace.suffix != ".npz":
            raise InputError(
                f"--trace {str(self.trace)!r} is no .npz",
                remedy="name an .npz, which holds an array for each tensor",
            )
        if self.out is not None and self.out == self.trace:
            raise InputError("--out and --trace name the same file", remedy="name two files")


def run_request(request: RunRequest, say: Say) -> RunFacts:
    """Open the model and the data, and run the simulator over all samples.

    Args:
        request: what the user typed.
        say: told what is done, and how many samples of how many are.

    Raises:
        InputError: a file or option is wrong.
        UnsupportedError: the model cannot be expressed; every node is listed.
    """
    chosen = parse_choice(request.samples)
    with tempfile.TemporaryDirectory(prefix="hwcompress-") as place, ExitStack() as files:
        say("read the model", 0, 0)
        model, stream = open_runnable(
            request.model, request.labels, Path(place), lambda text: say(text, 0, 0)
        )
        threads = request.threads or processors()
        source: Source
        if stream is None:
            assert request.random is not None
            source = DrawnSource(model.graph, request.random, request.model.seed)
        else:
            source = StoredSource(model.graph, model.inputs, stream, threads)
        return _run(request, model, source, chosen, files, say)


def _run(
    request: RunRequest,
    model: Runnable,
    source: Source,
    chosen: Choice,
    files: ExitStack,
    say: Say,
) -> RunFacts:
    graph, notes = model.graph, [*source.notes, *model.notes]
    tensors = _tensors(request, model)
    if source.count is not None and chosen.last >= source.count:
        raise InputError(
            f"--samples names sample {chosen.last}, the data have {source.count:,}",
            remedy=f"give indices from 0 to {source.count - 1}",
        )
    score, ranges = None, None
    watchers: list[Watcher] = []
    if source.labelled and decides(graph):
        score = ScoreKeeper(graph, source.name)
        watchers.append(score)
    elif source.labelled:
        notes.append("the first output is no decision between classes: labels are not looked at")
    if request.ranges:
        ranges = RangeWatcher(graph)
        watchers.append(ranges)
    if request.out is not None:
        out = files.enter_context(ArrayFile(request.out, "--out"))
        watchers.append(OutputWriter(graph, model.outputs, out, integers=request.integers))
    if request.trace is not None:
        trace = files.enter_context(ArrayFile(request.trace, "--trace"))
        watchers.append(TraceWriter(graph, tensors, chosen, trace))
    sizes = sizes_for(graph, source, watchers, request.memory)
    simulator = make_simulator(
        graph, sizes, threads=request.threads, batch=request.batch, memory=request.memory
    )
    timing = run_source(simulator, source, watchers, sizes.chunk, say)
    files.close()  # what was written is in place from here on
    return RunFacts(
        model.label,
        model.kind,
        source.name,
        timing.samples,
        timing.seconds,
        timing.simulator_seconds,
        timing.samples / timing.seconds,
        timing.samples / timing.simulator_seconds,
        simulator.threads,
        simulator.batch,
        sizes.chunk,
        request.memory,
        None if score is None else score.score(),
        () if ranges is None else ranges.facts(),
        tuple(str(path) for path in (request.out, request.trace) if path is not None),
        tuple(notes),
    )


def _tensors(request: RunRequest, model: Runnable) -> tuple[str, ...]:
    """The tensors to be traced.

    Raises:
        InputError: a name is no tensor.
    """
    known = tuple(model.graph.tensors)
    if not request.tensors.strip():
        return known
    wanted = tuple(dict.fromkeys(name.strip() for name in request.tensors.split(",")))
    for name in wanted:
        if name not in known:
            raise InputError(
                f"--tensors names {name!r}, which is no tensor of the graph",
                remedy=f"name some of {', '.join(known)}",
            )
    return wanted
