"""The run that a user asked for on the command line."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from hwcompress.data import SampleStream
from hwcompress.errors import InputError
from hwcompress.inspect.opening import ModelRequest
from hwcompress.running.array_file import ArrayFile
from hwcompress.running.choice import Choice, parse_choice
from hwcompress.running.effects import EffectOptions, EffectWatcher, effect_simulator
from hwcompress.running.facts import RunFacts
from hwcompress.running.models import Runnable, open_runnable
from hwcompress.running.overwriting import spare
from hwcompress.running.run import Say, make_simulator, run_source, sizes_for
from hwcompress.running.source import DrawnSource, Source, StoredSource
from hwcompress.running.watchers import (
    OutputWriter,
    RangeWatcher,
    ScoreKeeper,
    TraceWriter,
    Watcher,
)
from hwcompress.sim.calls import processors
from hwcompress.sim.decisions import decides

__all__ = ["RunOptions", "RunRequest", "evaluate", "run_request"]


@dataclass(frozen=True)
class RunOptions:
    """How a run goes, and what is kept of it.

    Attributes:
        memory: bytes that may be held, or ``None``.
        threads, batch: of the simulator; ``None``: its own choice.
        out: file for the outputs, or ``None``; with ``integers`` those of the graph.
        trace: file for integers of ``tensors`` (all if empty) of ``samples`` (likewise).
        ranges: whether intervals of all tensors are wanted, without effects.
        effects: of hardware; outputs and traces are with them.
    """

    memory: int | None = None
    threads: int | None = None
    batch: int | None = None
    out: Path | None = None
    integers: bool = False
    trace: Path | None = None
    tensors: str = ""
    samples: str = ""
    ranges: bool = False
    effects: EffectOptions = field(default_factory=EffectOptions)

    def __post_init__(self) -> None:
        for option, value in (
            ("--memory", self.memory),
            ("--threads", self.threads),
            ("--batch", self.batch),
        ):
            if value is not None and value < 1:
                raise InputError(f"{option} is {value}", remedy="give 1 or more")
        for option, given, other, needed in (
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


@dataclass(frozen=True)
class RunRequest:
    """What the user typed: either ``data`` of the model request, or ``random``.

    Attributes:
        model: the model and its data.
        labels: file of labels beside the data, or empty.
        random: number of random samples, or ``None``.
        options: of the run.
    """

    model: ModelRequest
    labels: str = ""
    random: int | None = None
    options: RunOptions = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        if (self.random is None) == (not self.model.data):
            both = self.random is not None
            raise InputError(
                "both --data and --random are given" if both else "no samples to simulate",
                remedy="give one of --data FILE and --random N" if both
                else "give --data FILE, or --random N",
            )  # fmt: skip
        if self.random is not None and self.random < 1:
            raise InputError(f"--random is {self.random}", remedy="give 1 or more")
        if self.labels and not self.model.data:
            raise InputError("--labels without --data", remedy="give --data FILE, too")
        options, model = self.options, self.model
        # A build folder is written to by other commands, too.
        source = "" if Path(model.model).is_dir() else model.model
        spare(
            {"--out": options.out, "--trace": options.trace},
            (source, model.weights, model.data, self.labels, options.effects.fault_list),
        )


def run_request(request: RunRequest, say: Say) -> RunFacts:
    """Open the model and the data, and run the simulator over all samples.

    Args:
        request: what the user typed.
        say: told what is done, and how many samples of how many are.

    Raises:
        InputError: a file or option is wrong.
        UnsupportedError: the model cannot be expressed; every node is listed.
    """
    with tempfile.TemporaryDirectory(prefix="hwcompress-") as place:
        say("read the model", 0, 0)
        model, stream = open_runnable(
            request.model, request.labels, Path(place), lambda text: say(text, 0, 0)
        )
        source: Source
        if stream is None:
            assert request.random is not None
            source = DrawnSource(model.graph, request.random, request.model.seed)
        else:
            source = _stored(model, stream, request.options)
        return _run(request.options, model, source, say)


def evaluate(
    model: Runnable, stream: SampleStream, options: RunOptions | None = None, say: Say | None = None
) -> RunFacts:
    """The same for a model and samples that are open already.

    Args:
        model: of :func:`hwcompress.running.load_model`.
        stream: the samples, of :func:`hwcompress.data.open_stream` or ``stream_arrays``.
        options: of the run.
        say: told what is done, and how many samples of how many (0: not known) are.
    """
    options = options or RunOptions()
    source = _stored(model, stream, options)
    return _run(options, model, source, say or (lambda what, done, total: None))


def _stored(model: Runnable, stream: SampleStream, options: RunOptions) -> Source:
    return StoredSource(model.graph, model.inputs, stream, options.threads or processors())


def _run(options: RunOptions, model: Runnable, source: Source, say: Say) -> RunFacts:
    chosen = parse_choice(options.samples)
    with ExitStack() as files:
        return _watched(options, model, source, chosen, files, say)


def _watched(
    options: RunOptions,
    model: Runnable,
    source: Source,
    chosen: Choice,
    files: ExitStack,
    say: Say,
) -> RunFacts:
    graph, notes = model.graph, [*source.notes, *model.notes]
    tensors = _tensors(options, model)
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
    if options.ranges:
        ranges = RangeWatcher(graph)
        watchers.append(ranges)
    shown: list[Watcher] = []  # what is written: with effects, if there are any
    wide = bool(options.effects)
    if options.out is not None:
        out = files.enter_context(ArrayFile(options.out, "--out"))
        whole = options.integers
        shown.append(OutputWriter(graph, model.outputs, out, integers=whole, wide=wide))
    if options.trace is not None:
        trace = files.enter_context(ArrayFile(options.trace, "--trace"))
        shown.append(TraceWriter(graph, tensors, chosen, trace, wide=wide))
    effects = None
    if options.effects:
        affected, tracer = (
            effect_simulator(
                graph,
                options.effects,
                threads=options.threads or processors(),
                batch=options.batch,
                memory=options.memory,
            )
            for _ in range(2)
        )
        second = None if score is None else ScoreKeeper(graph, source.name)
        inner = [*shown, *(() if second is None else (second,))]
        effects = EffectWatcher(affected, tracer, options.effects, inner, second)
        watchers.append(effects)
    else:
        watchers += shown
    sizes = sizes_for(graph, source, watchers, options.memory)
    simulator = make_simulator(
        graph, sizes, threads=options.threads, batch=options.batch, memory=options.memory
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
        options.memory,
        None if score is None else score.score(),
        () if ranges is None else ranges.facts(),
        None if effects is None else effects.facts(),
        tuple(str(path) for path in (options.out, options.trace) if path is not None),
        tuple(notes),
    )


def _tensors(options: RunOptions, model: Runnable) -> tuple[str, ...]:
    """The tensors to be traced.

    Raises:
        InputError: a name is no tensor.
    """
    known = tuple(model.graph.tensors)
    if not options.tensors.strip():
        return known
    wanted = tuple(dict.fromkeys(name.strip() for name in options.tensors.split(",")))
    for name in wanted:
        if name not in known:
            raise InputError(
                f"--tensors names {name!r}, which is no tensor of the graph",
                remedy=f"name some of {', '.join(known)}",
            )
    return wanted
