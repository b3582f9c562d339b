"""Two sides of a comparison, run and read block by block."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from hwcompress.frontend.check import explained_samples
from hwcompress.inspect.blocks import block_size
from hwcompress.inspect.tally import Wrong
from hwcompress.ir import Graph, IntType
from hwcompress.levels.between import matched
from hwcompress.levels.difference import DiffReport
from hwcompress.levels.dump import Dump
from hwcompress.levels.level import Block, Level, Stopped
from hwcompress.levels.subject import Subject
from hwcompress.levels.tally import DiffTally, Explain
from hwcompress.running.array_file import ArrayFile

__all__ = ["Side", "compare_sides"]

Side = Level | Dump
Say = Callable[[str, int, int], None]

_BLOCK_BYTES = 1 << 26
# Samples that tell where float32 is exact, besides those that differ, and how many of these
# are looked into at once.
_EVIDENCE = 64
_AT_ONCE = 250


def compare_sides(
    sides: Sequence[Side],
    subject: Subject | None,
    count: int,
    say: Say,
    *,
    saved: tuple[Path | None, Path | None] = (None, None),
    notes: Sequence[str] = (),
) -> DiffReport:
    """Run levels and read dumps block by block, and compare them.

    Args:
        sides: A and B.
        subject: what levels run on; its graph orders the tensors. ``None`` for two dumps.
        count: how many samples.
        say: told how it goes.
        saved: where the integers of a level are written.
        notes: for the report.

    Raises:
        InputError: no tensor in common, or a dump is damaged.
        CheckFailed: a level cannot be run.
    """
    graph = None if subject is None else subject.graph
    names = _names(sides)
    have = [list(side.tensors) for side in sides]
    shared, only_a, only_b = matched(names, have[0], have[1], graph)
    explain = None if subject is None else _explain(sides, subject, count)
    origin = {} if subject is None else subject.origin
    tally = DiffTally(names, shared, graph, origin, explain)
    size = _block_size(sides, graph, shared)
    failures: list[str] = []
    with ExitStack() as stack:
        parts = [
            _Part(side, shared if target is None else tensors, failures)
            for side, target, tensors in zip(sides, saved, have, strict=True)
        ]
        for part, target, option in zip(parts, saved, ("--save-a", "--save-b"), strict=True):
            if target is not None:
                assert graph is not None
                part.save(stack.enter_context(ArrayFile(target, option)), graph)
        for start in range(0, count, size):
            stop = min(start + size, count)
            block = None
            if subject is not None and subject.feeds is not None:
                block = subject.feeds.block(start, stop)
            seen = [part.values(block, stop - start) for part in parts]
            a, b = (_complete(values, shared, graph) for values in seen)
            tally.add(a, b, None if block is None else block.feeds)
            say("compare", stop, count)
            if failures:
                break
        say("look into differences", 0, 0)
        said = [*_notes(sides, subject), *notes]
        return tally.report(only_a, only_b, "; ".join(failures), said)


class _Part:
    """A side, what is asked of it, and where that is written."""

    def __init__(self, side: Side, tensors: list[str], failures: list[str]) -> None:
        self._side = side
        self._tensors = tensors
        self._failures = failures
        self._file: ArrayFile | None = None
        self._dtypes: dict[str, np.dtype] = {}

    def save(self, file: ArrayFile, graph: Graph) -> None:
        """Write what comes to a file."""
        real = not isinstance(self._side, Dump) and self._side.real
        self._file = file
        self._dtypes = {
            # What floating point makes of a tensor may leave its type.
            name: np.dtype(np.int64) if real else _narrowest(graph.tensors[name].dtype)
            for name in self._tensors
        }

    def values(self, block: Block | None, count: int) -> dict[str, np.ndarray]:
        """The next samples; of a level that stops, those until then."""
        if isinstance(self._side, Dump):
            return self._side.read(self._tensors, count)
        assert block is not None
        try:
            found = self._side.trace(block, self._tensors)
        except Stopped as stopped:
            self._failures.append(f"{_name(self._side)} stopped: {stopped}")
            found = stopped.seen
        if self._file is not None:
            # Of a level that stopped, the samples of which every tensor is known.
            whole = min(len(found[name]) if name in found else 0 for name in self._tensors)
            if whole:
                self._file.add(
                    {name: found[name][:whole].astype(kind) for name, kind in self._dtypes.items()}
                )
        return found


def _narrowest(kind: IntType) -> np.dtype:
    """The smallest NumPy type with as many bits."""
    for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32"):
        limits = np.iinfo(name)
        if limits.min <= kind.lo and kind.hi <= limits.max:
            return np.dtype(name)
    return np.dtype(np.int64)


def _complete(
    values: Mapping[str, np.ndarray], shared: Sequence[str], graph: Graph | None
) -> dict[str, np.ndarray]:
    """With no sample of the tensors that a level which stopped has not come to."""
    found = dict(values)
    for name in shared:
        if name not in found:
            assert graph is not None
            found[name] = np.zeros((0, *graph.tensors[name].shape), np.int64)
    return found


def _block_size(sides: Sequence[Side], graph: Graph | None, shared: Sequence[str]) -> int:
    """Samples whose integers take about 64 MiB a side, or every tensor of a graph 128 MiB."""
    if graph is not None:
        return block_size(graph)
    rows = [
        8 * sum(int(np.prod(side.shapes[name])) for name in shared)
        for side in sides
        if isinstance(side, Dump)
    ]
    return max(1, _BLOCK_BYTES // max(*rows, 1))


def _explain(sides: Sequence[Side], subject: Subject, count: int) -> Explain | None:
    """What tells rounding ties from faults, if a side is the source in floating point."""
    real = [not isinstance(side, Dump) and side.real for side in sides]
    if not any(real):
        return None
    imported, feeds = subject.imported, subject.feeds
    assert imported is not None
    assert feeds is not None
    evidence = list(range(min(_EVIDENCE, count)))

    def look(wrong: list[Wrong]) -> np.ndarray:
        fed = feeds.fed([*(item.sample for item in wrong), *evidence])
        # In the samples that are evidence only, nothing is to be explained.
        same = np.zeros((len(evidence), *wrong[0].ours.shape), np.int64)
        a = np.concatenate([np.stack([item.theirs for item in wrong]), same])
        b = np.concatenate([np.stack([item.ours for item in wrong]), same])
        theirs, ours = (a, b) if real[0] else (b, a)
        found = explained_samples(imported, fed, wrong[0].tensor, theirs, ours)
        return found[: len(wrong)]

    def explain(wrong: list[Wrong]) -> np.ndarray:
        found = np.zeros(len(wrong), bool)
        for start in range(0, len(wrong), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            found[part] = look(wrong[part])
            if not found[part].all():  # a fault: what follows need not be looked into
                break
        return found

    return explain


def _name(side: Side) -> str:
    return side.path.name if isinstance(side, Dump) else side.who


def _names(sides: Sequence[Side]) -> tuple[str, str]:
    first, second = (_name(side) for side in sides)
    if first != second:
        return first, second
    paths = [str(side.path) for side in sides if isinstance(side, Dump)]
    if len(set(paths)) == 2:
        return paths[0], paths[1]
    return f"A ({first})", f"B ({second})"


def _notes(sides: Sequence[Side], subject: Subject | None) -> list[str]:
    notes = [f"{side.who}: {side.by}" for side in sides if not isinstance(side, Dump)]
    if subject is None:
        return [*notes, "without --model or --build, tensors are in the order of A"]
    ends = {op.inputs[0] for op in subject.graph.outputs}
    notes += [f"{_name(side)} has outputs only" for side in sides if set(side.tensors) <= ends]
    return [*notes, *subject.notes]
