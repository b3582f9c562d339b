"""The control archetypes of streaming modules, reduced to their handshake registers.

All of them end, per result, in a register slice: ``hwc_skid`` of two entries or
``hwc_half`` of one. What lies in front of it moves while ``en`` holds, that is
while no slice is in the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np

from hwcompress.errors import InputError

__all__ = [
    "MOST_STAGES",
    "Buffer",
    "Model",
    "Narrower",
    "Pipeline",
    "Slice",
    "Step",
    "Sweep",
    "filtering",
    "fork",
    "pipeline",
]

MOST_STAGES = 62
"""Registers of a pipeline that one machine word can follow."""


class Slice(IntEnum):
    """The register slice of a result.

    ``PLAIN`` is one register that loads in the cycle in which it is emptied;
    only directly behind the memory of a buffer, as its read register.
    """

    SKID = 0
    HALF = 1
    PLAIN = 2


@dataclass(frozen=True, slots=True)
class Step:
    """``count`` times: take a beat from each of ``takes``, give one to each of ``gives``.

    Inputs and results by number. All of them happen in one cycle; a step
    without inputs needs only room. Each of ``needs`` has to hold a beat, too,
    which stays there.
    """

    count: int
    takes: tuple[int, ...] = (0,)
    gives: tuple[int, ...] = (0,)
    needs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A program of steps, then ``stages`` registers, then the slices.

    The program goes round for ever. A step is made in a cycle in which all
    its inputs are valid and ``en`` holds; then, and also when no step is made
    (a bubble), the registers move on. ``en`` is the conjunction over the
    results of: the slice has room, or (``HALF`` behind registers) nothing
    arrives at it.

    ``eager``: a step asks for room only in the results that it gives to; only
    where there are no registers.
    """

    stages: int
    program: tuple[Step, ...] = (Step(1),)
    slices: tuple[Slice, ...] = (Slice.SKID,)
    eager: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.stages <= MOST_STAGES:
            raise InputError(f"{self.stages} stages", why=f"expected 0 to {MOST_STAGES}")
        if self.eager and self.stages:
            raise InputError("an eager pipeline has no registers")
        if not self.program or any(step.count < 1 for step in self.program):
            raise InputError("every step of a program is made at least once")
        if Slice.PLAIN in self.slices:
            raise InputError("a plain register stands behind a memory only")
        for step in self.program:
            if any(not 0 <= give < len(self.slices) for give in step.gives):
                raise InputError(f"{step} gives to results that are not there")
            if not step.takes and not step.gives:
                raise InputError(f"{step} does nothing")


@dataclass(frozen=True, slots=True, eq=False)
class Buffer:
    """A memory, filled by the input, emptied by an address generator.

    A frame is ``frame`` input beats. The reader reads ``repeat`` beats per
    segment; segment ``i`` of a frame starts when ``needs[i]`` beats of the
    frame have been written, and until it ends the beats from ``keeps[i]`` on
    stay. After the last segment all beats of the frame are free, and the
    next frame begins; ``keeps`` of its first segment counts from there, so
    ``keeps[0]`` should be 0.

    Writing asks for room: fewer than ``depth`` beats held in this cycle, or
    (``late_room``) in the cycle before. Reading asks for ``en`` and the need;
    what is read passes ``stages`` registers and a slice.

    Args:
        depth: beats held when the writer stops.
        frame: input beats of a frame.
        needs: int64 ``(segments,)``, 0 to ``frame``.
        keeps: int64 ``(segments,)``, ascending, 0 to ``frame``.
        repeat: output beats of a segment, of all alike or int64 ``(segments,)``.
        stages: registers between memory and slice (one for a registered read).
        late_room: room is a register (and 0 after reset).
        output: the slice.
    """

    depth: int
    frame: int = 1
    needs: np.ndarray | None = None
    keeps: np.ndarray | None = None
    repeat: int | np.ndarray = 1
    stages: int = 1
    late_room: bool = False
    output: Slice = Slice.SKID

    def __post_init__(self) -> None:
        if self.depth < 1 or self.frame < 1 or self.repeats.min() < 1:
            raise InputError("depth, frame and repeat of a buffer are at least 1")
        if not 0 <= self.stages <= MOST_STAGES:
            raise InputError(f"{self.stages} stages", why=f"expected 0 to {MOST_STAGES}")
        if self.output == Slice.PLAIN and self.stages:
            raise InputError("a plain register stands directly behind the memory")
        needs, keeps, _ = self.segments
        if needs.shape != keeps.shape or needs.ndim != 1 or not len(needs):
            raise InputError("needs and keeps of a buffer have different lengths")
        if np.any(np.diff(keeps) < 0):
            raise InputError("keeps of a buffer ascend")
        if keeps[0] < 0 or max(keeps[-1], needs.max()) > self.frame or needs.min() < 0:
            raise InputError("needs and keeps of a buffer lie within the frame")
        short = int(np.max(needs - keeps))
        if short > self.depth:
            raise InputError(
                f"a buffer of {self.depth} beats",
                why=f"a segment needs {short} beats at once",
            )

    @property
    def repeats(self) -> np.ndarray:
        """Output beats of every segment."""
        count = 1 if self.needs is None else len(self.needs)
        return np.broadcast_to(np.asarray(self.repeat, np.int64), (count,))

    @property
    def segments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``needs``, ``keeps``, ``repeats``; of a first-in first-out buffer by default."""
        needs = np.array([1]) if self.needs is None else np.asarray(self.needs, np.int64)
        keeps = np.zeros_like(needs) if self.keeps is None else np.asarray(self.keeps, np.int64)
        return needs, keeps, self.repeats


@dataclass(frozen=True, slots=True)
class Narrower:
    """A register that is shifted out in ``ratio`` parts and loaded with the last of them."""

    ratio: int

    def __post_init__(self) -> None:
        if self.ratio < 2:
            raise InputError(f"a ratio of {self.ratio}", why="expected 2 or more")


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Rows of windows, each made by one sweep over its rows of an image.

    A sweep reads ``row`` columns, one a cycle, once the last of its rows has
    come that far. Windows are complete from column ``lag`` on, ``words``
    beats each, every ``skip``-th of the columns' groups of ``words``. Those of
    the last columns leave while the next sweep begins; if that one's rows
    have not come yet, they are pushed out, and it starts over. Every window
    leaves ``folds`` times; then, and while there is none, all registers move:
    the output is a register in which the last stage ends, as in a ``PLAIN`` slice.

    Args:
        depth: beats held when the writer stops; room is a register.
        frame: input beats of a frame.
        starts: int64 ``(sweeps,)``, where the last row read begins.
        tops: int64 ``(sweeps,)``, where the first row read begins, negative
            above the image.
        row: beats of a row.
        lag: column that completes the first window, in beats.
        words: beats of a window.
        skip: groups of columns from one window to the next.
        columns: windows of a row.
        folds: times that every window leaves.
    """

    depth: int
    frame: int
    starts: np.ndarray
    tops: np.ndarray
    row: int
    lag: int
    words: int
    skip: int
    columns: int
    folds: int

    def __post_init__(self) -> None:
        if not 0 <= self.lag < self.row:
            raise InputError(f"a lag of {self.lag} beats in a row of {self.row}")
        if self.starts.shape != self.tops.shape or not len(self.starts):
            raise InputError("starts and tops of a sweep have different lengths")
        self.buffer()

    def buffer(self) -> Buffer:
        """A buffer that never takes or gives a beat before this one may."""
        first = self.lag + np.arange(self.columns)[:, None] * self.skip * self.words
        after = np.minimum(first + np.arange(self.words) + 1, self.row).reshape(-1)
        before = np.concatenate([[0], after[:-1]])
        needs = (self.starts[:, None] + after).reshape(-1)
        keeps = np.where(self.tops[:, None] < 0, 0, self.tops[:, None] + before).reshape(-1)
        keeps = np.clip(keeps, 0, self.frame)
        return Buffer(self.depth, self.frame, needs, keeps, self.folds, stages=0)


Model = Pipeline | Buffer | Narrower | Sweep


def pipeline(
    stages: int, *, period: int = 1, inputs: int = 1, output: Slice | None = None
) -> Pipeline:
    """Every ``period``-th beat, taken from all inputs at once, gives one beat.

    The slice is that of ``hwc_slice`` with the same period unless it is given.
    """
    takes = tuple(range(inputs))
    steps = [Step(1, takes)] if period == 1 else [Step(period - 1, takes, ()), Step(1, takes)]
    kind = output if output is not None else Slice.HALF if period > 1 else Slice.SKID
    return Pipeline(stages, tuple(steps), (kind,))


def fork(results: int, slices: Sequence[Slice] = ()) -> Pipeline:
    """One beat to every result at once, each behind a slice; taken when all have room."""
    kinds = tuple(slices) or (Slice.SKID,) * results
    return Pipeline(0, (Step(1, (0,), tuple(range(results))),), kinds)


def filtering(gives: np.ndarray) -> tuple[Step, ...]:
    """A program that takes every beat and gives some on: bool ``(beats of a frame,)``."""
    edges = np.flatnonzero(np.diff(gives)) + 1
    bounds = [0, *edges.tolist(), len(gives)]
    return tuple(
        Step(stop - start, (0,), (0,) if gives[start] else ()) for start, stop in pairwise(bounds)
    )
