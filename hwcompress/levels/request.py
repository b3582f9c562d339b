"""The comparison of two levels that a user asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import hwcompress.levels.executors
import hwcompress.levels.hardware
import hwcompress.levels.sources  # noqa: F401  (the levels register themselves)
from hwcompress.errors import InputError
from hwcompress.flow.folder import held
from hwcompress.frontend.check import explained_samples
from hwcompress.inspect.blocks import block_size
from hwcompress.inspect.opening import ModelRequest
from hwcompress.inspect.tally import Wrong
from hwcompress.ir import Graph
from hwcompress.levels.between import matched
from hwcompress.levels.difference import DiffReport
from hwcompress.levels.dump import Dump
from hwcompress.levels.dump_writer import DumpWriter
from hwcompress.levels.level import LEVELS, Block, Level, LevelKind, Stopped, level_kind
from hwcompress.levels.opening import Wanted, open_build_folder, open_model_file
from hwcompress.levels.subject import Subject
from hwcompress.levels.tally import DiffTally, Explain

__all__ = ["DiffRequest", "diff_request"]

Say = Callable[[str, int, int], None]
"""Told what is done, and how many samples of how many are."""

_BLOCK_BYTES = 1 << 27
# Samples that tell where float32 is exact, besides those that differ.
_EVIDENCE = 64
_COMPILED = ("hls4ml", "rtl")


@dataclass(frozen=True)
class DiffRequest:
    """What the user typed.

    Attributes:
        a, b: a level's name, or an ``.npz`` dump.
        model: the model and its data, or ``None``.
        build: a build folder, or ``None``.
        data: data file for the build folder, or empty.
        random: number of random samples, or ``None``.
        integers: ``.npz`` with integers of the graph's inputs to run levels on, or ``None``.
        samples: the first samples only, or ``None``.
        seed: of random samples.
        save_a, save_b: where the integers of a level are written, or ``None``.

    Raises:
        InputError: options that do not go together.
    """

    a: str
    b: str
    model: ModelRequest | None = None
    build: Path | None = None
    data: str = ""
    random: int | None = None
    integers: Path | None = None
    samples: int | None = None
    seed: int = 0
    save_a: Path | None = None
    save_b: Path | None = None

    def __post_init__(self) -> None:
        if self.model is not None and self.build is not None:
            raise InputError("both --model and --build are given", remedy="give one")
        for option, value in (("--random", self.random), ("--samples", self.samples)):
            if value is not None and value < 1:
                raise InputError(f"{option} is {value}", remedy="give 1 or more")
        given = {
            "--data": bool(self.data or (self.model is not None and self.model.data)),
            "--random": self.random is not None,
            "--integers": self.integers is not None,
        }
        several = [option for option, is_given in given.items() if is_given]
        if len(several) > 1:
            raise InputError(f"{' and '.join(several)} are given", remedy="give one of them")
        sides = (_side(self.a), _side(self.b))
        levels = [side.name for side in sides if isinstance(side, LevelKind)]
        if len(levels) == 2 and levels[0] == levels[1]:
            raise InputError(f"{self.a!r} on both sides", remedy="name two levels or dumps")
        if levels and self.model is None and self.build is None:
            raise InputError(
                f"level {levels[0]!r} has nothing to run on",
                remedy="give --model MODEL or --build FOLDER",
            )
        if not levels and several not in ([], ["--data"]):
            raise InputError(f"{several[0]} for two dumps, of which none is run", remedy="leave it")
        for option, target, side in (
            ("--save-a", self.save_a, sides[0]),
            ("--save-b", self.save_b, sides[1]),
        ):
            if target is not None and isinstance(side, Path):
                raise InputError(f"{option} for {str(side)!r}, which is a dump", remedy="leave it")


def _side(text: str) -> LevelKind | Path:
    """The level or file that a word names."""
    if text in LEVELS:
        return LEVELS[text]
    if text.lower().endswith(".npz") or Path(text).is_file():
        return Path(text)
    return level_kind(text)


def diff_request(request: DiffRequest, say: Say) -> DiffReport:
    """Run the levels, read the dumps, and compare them block by block.

    Args:
        request: what the user typed.
        say: told how it goes.

    Raises:
        InputError: a file or option is wrong.
        UnsupportedError: the model or a level cannot express something.
        CheckFailed: a level cannot be run.
    """
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hwcompress-")))
        kinds = (_side(request.a), _side(request.b))
        # What is not there is said before a model is read.
        for kind in kinds:
            if isinstance(kind, Path):
                with Dump(kind):
                    pass
        if request.build is not None and any(
            isinstance(kind, LevelKind) and kind.name in _COMPILED for kind in kinds
        ):
            stack.enter_context(held(request.build.absolute()))
        subject = _subject(request, kinds, work, say)
        sides = [_open(kind, subject, stack, say) for kind in kinds]
        count, notes = _count(request, kinds, sides, subject)
        return _run(request, sides, subject, (count, notes), say)


def _subject(
    request: DiffRequest, kinds: Sequence[LevelKind | Path], work: Path, say: Say
) -> Subject | None:
    levels = [kind for kind in kinds if isinstance(kind, LevelKind)]
    wanted = Wanted(
        runs=bool(levels),
        real=any(kind.real for kind in levels),
        random=request.random,
        integers=request.integers,
        seed=request.seed,
    )

    def tell(what: str) -> None:
        say(what, 0, 0)

    if request.build is not None:
        tell("read the build folder")
        return open_build_folder(request.build, request.data, wanted, work, tell)
    if request.model is not None:
        tell("read the model")
        return open_model_file(request.model, wanted, work, tell)
    return None


def _open(
    kind: LevelKind | Path, subject: Subject | None, stack: ExitStack, say: Say
) -> Level | Dump:
    if isinstance(kind, Path):
        return stack.enter_context(Dump(kind, None if subject is None else subject.graph))
    assert subject is not None
    say(f"prepare {kind.name}", 0, 0)
    return kind.make(subject)


def _count(
    request: DiffRequest,
    kinds: Sequence[LevelKind | Path],
    sides: Sequence[Level | Dump],
    subject: Subject | None,
) -> tuple[int, list[str]]:
    """How many samples to compare, and why not all."""
    found = {str(side.path): side.count for side in sides if isinstance(side, Dump)}
    if subject is not None and subject.feeds is not None:
        found["the data"] = subject.feeds.count
    least = min(found, key=found.__getitem__)
    if request.samples is not None:
        if request.samples > found[least]:
            raise InputError(
                f"--samples is {request.samples:,}", why=f"{least} has {found[least]:,} samples"
            )
        return request.samples, []
    if len(set(found.values())) > 1:
        said = ", ".join(f"{name} has {count:,}" for name, count in found.items())
        raise InputError(
            f"different numbers of samples: {said}",
            remedy=f"give --samples {found[least]} to compare the first ones, if they are the same",
        )
    count, notes = found[least], []
    for kind in kinds:
        if isinstance(kind, LevelKind) and kind.most is not None and subject is not None:
            most = kind.most(subject)
            if most < count:
                notes = [
                    f"the first {most:,} of {found[least]:,} samples, as {kind.name} is slow;"
                    " --samples N sets how many"
                ]
                count = most
    return count, notes


def _run(
    request: DiffRequest,
    sides: Sequence[Level | Dump],
    subject: Subject | None,
    plan: tuple[int, list[str]],
    say: Say,
) -> DiffReport:
    count, notes = plan
    graph = None if subject is None else subject.graph
    names = _names(sides)
    have = [list(side.tensors) for side in sides]
    shared, only_a, only_b = matched(names, have[0], have[1], graph)
    saved = (request.save_a, request.save_b)
    wanted = [
        shared if target is None else tensors for target, tensors in zip(saved, have, strict=True)
    ]
    explain = None if subject is None else _explain(request, subject, count)
    origin = {} if subject is None else subject.origin
    tally = DiffTally(names, shared, graph, origin, explain)
    size, failures = _block_size(sides, graph, shared), []
    with ExitStack() as stack:
        writers = [
            None if target is None else stack.enter_context(DumpWriter(target, _graph(graph)))
            for target in saved
        ]
        for start in range(0, count, size):
            stop = min(start + size, count)
            block = None
            if subject is not None and subject.feeds is not None:
                block = subject.feeds.block(start, stop)
            seen = []
            for side, tensors, writer in zip(sides, wanted, writers, strict=True):
                values, failure = _values(side, tensors, block, stop - start)
                if failure:
                    failures.append(f"{_name(side)} stopped: {failure}")
                if writer is not None:
                    writer.add(values)
                seen.append(_complete(values, shared, graph))
            tally.add(seen[0], seen[1])
            say("compare", stop, count)
            if failures:
                break
        say("look into differences", 0, 0)
        notes = [*_notes(sides, shared, subject), *notes]
        return tally.report(only_a, only_b, "; ".join(failures), notes)


def _values(
    side: Level | Dump, tensors: list[str], block: Block | None, count: int
) -> tuple[dict[str, np.ndarray], str]:
    """A block of a side, and why it stopped."""
    if isinstance(side, Dump):
        return side.read(tensors, count), ""
    assert block is not None
    try:
        return side.trace(block, tensors), ""
    except Stopped as stopped:
        return stopped.seen, str(stopped)


def _complete(
    values: dict[str, np.ndarray], shared: list[str], graph: Graph | None
) -> dict[str, np.ndarray]:
    """With no sample of the tensors that a level which stopped has not come to."""
    lacking = [name for name in shared if name not in values]
    empty = {name: np.zeros((0, *_graph(graph).tensors[name].shape), np.int64) for name in lacking}
    return {**values, **empty}


def _graph(graph: Graph | None) -> Graph:
    """The graph, which is there where a level runs."""
    assert graph is not None
    return graph


def _block_size(sides: Sequence[Level | Dump], graph: Graph | None, shared: list[str]) -> int:
    if graph is not None:
        return block_size(graph)
    rows = [
        8 * sum(int(np.prod(side.shapes[name])) for name in shared)
        for side in sides
        if isinstance(side, Dump)
    ]
    return max(1, _BLOCK_BYTES // max(*rows, 1))


def _explain(request: DiffRequest, subject: Subject, count: int) -> Explain | None:
    """What tells rounding ties from faults, if a side is the source in floating point."""
    kinds = (_side(request.a), _side(request.b))
    real = [isinstance(kind, LevelKind) and kind.real for kind in kinds]
    if not any(real):
        return None
    imported, feeds = subject.imported, subject.feeds
    assert imported is not None
    assert feeds is not None
    evidence = list(range(min(_EVIDENCE, count)))

    def explain(wrong: list[Wrong]) -> np.ndarray:
        fed = feeds.fed([*(item.sample for item in wrong), *evidence])
        # In the samples that are evidence only, nothing is to be explained.
        same = np.zeros((len(evidence), *wrong[0].ours.shape), np.int64)
        a = np.concatenate([np.stack([item.theirs for item in wrong]), same])
        b = np.concatenate([np.stack([item.ours for item in wrong]), same])
        theirs, ours = (a, b) if real[0] else (b, a)
        found = explained_samples(imported, fed, wrong[0].tensor, theirs, ours)
        return found[: len(wrong)]

    return explain


def _name(side: Level | Dump) -> str:
    return side.path.name if isinstance(side, Dump) else side.who


def _names(sides: Sequence[Level | Dump]) -> tuple[str, str]:
    first, second = (_name(side) for side in sides)
    if first != second:
        return first, second
    paths = [str(side.path) for side in sides if isinstance(side, Dump)]
    return (f"A ({paths[0]})", f"B ({paths[1]})") if len(paths) == 2 else ("A", "B")


def _notes(sides: Sequence[Level | Dump], shared: list[str], subject: Subject | None) -> list[str]:
    notes = [f"{side.who}: {side.by}" for side in sides if not isinstance(side, Dump)]
    if subject is None:
        return [*notes, "without --model or --build, tensors are in the order of A"]
    ends = {op.inputs[0] for op in subject.graph.outputs}
    for side in sides:
        if set(side.tensors) <= ends:
            notes.append(f"{_name(side)} has outputs only")
    return [*notes, *subject.notes]
