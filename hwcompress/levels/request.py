"""The comparison of two levels that a user asked for."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import hwcompress.levels.executors
import hwcompress.levels.hardware
import hwcompress.levels.sources  # noqa: F401  (the levels register themselves)
from hwcompress.errors import InputError
from hwcompress.flow.folder import held
from hwcompress.inspect.opening import ModelRequest
from hwcompress.levels.difference import DiffReport
from hwcompress.levels.dump import Dump
from hwcompress.levels.level import LEVELS, LevelKind, level_kind
from hwcompress.levels.opening import Wanted, open_build_folder, open_model_file
from hwcompress.levels.running import Side, compare_sides
from hwcompress.levels.subject import Subject
from hwcompress.running.overwriting import spare

__all__ = ["DiffRequest", "diff_request"]

Say = Callable[[str, int, int], None]
"""Told what is done, and how many samples of how many are."""


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
        if self.model is not None and Path(self.model.model).is_dir():
            raise InputError(
                f"--model {self.model.model!r} is a folder",
                remedy="a build folder is given with --build",
            )
        for option, value in (("--random", self.random), ("--samples", self.samples)):
            if value is not None and value < 1:
                raise InputError(f"{option} is {value}", remedy="give 1 or more")
        self._check_samples()
        self._check_sides()

    @property
    def sides(self) -> tuple[LevelKind | Path, LevelKind | Path]:
        """The levels, and the files of the dumps."""
        return _side(self.a), _side(self.b)

    @property
    def levels(self) -> list[LevelKind]:
        """Those of the sides that are run."""
        return [side for side in self.sides if isinstance(side, LevelKind)]

    def _check_samples(self) -> None:
        given = {
            "--data": bool(self.data or (self.model is not None and self.model.data)),
            "--random": self.random is not None,
            "--integers": self.integers is not None,
        }
        options = [option for option, is_given in given.items() if is_given]
        # A model may need data to be calibrated, or to find the type of its input.
        if options == ["--data", "--integers"] and self.model is not None:
            return
        if len(options) > 1:
            raise InputError(f"{' and '.join(options)} are given", remedy="give one of them")
        if options and options != ["--data"] and not self.levels:
            raise InputError(f"{options[0]} for two dumps, of which none is run")

    def _check_sides(self) -> None:
        names = [level.name for level in self.levels]
        if len(names) == 2 and names[0] == names[1]:
            raise InputError(f"{self.a!r} on both sides", remedy="name two levels or dumps")
        if names and self.model is None and self.build is None:
            raise InputError(
                f"level {names[0]!r} has nothing to run on",
                remedy="give --model MODEL or --build FOLDER",
            )
        saved = {"--save-a": self.save_a, "--save-b": self.save_b}
        for (option, target), side in zip(saved.items(), self.sides, strict=True):
            if target is not None and isinstance(side, Path):
                raise InputError(f"{option} for {str(side)!r}, which is a dump")
            if target is not None and target.suffix != ".npz":
                raise InputError(
                    f"{option} {str(target)!r} is no .npz",
                    remedy="name an .npz, which holds an array for each tensor",
                )
        if self.save_a is not None and self.save_a == self.save_b:
            raise InputError(f"both sides are to be written to {str(self.save_a)!r}")
        read = [self.data, self.integers, *(side for side in self.sides if isinstance(side, Path))]
        if self.model is not None:
            read += [self.model.model, self.model.weights, self.model.data]
        spare(saved, read)


def _side(text: str) -> LevelKind | Path:
    """The level or file that a word names."""
    if text not in LEVELS and (text.lower().endswith(".npz") or Path(text).is_file()):
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
        for side in request.sides:  # what is not there is said before a model is read
            if isinstance(side, Path):
                Dump(side)
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hwcompress-")))
        if request.build is not None and any(level.compiled for level in request.levels):
            folder = request.build.absolute()
            # Without the right to write, nothing is compiled there.
            if folder.is_dir() and os.access(folder, os.W_OK):
                stack.enter_context(held(folder))
        subject = _subject(request, work, say)
        sides = [_open(side, subject, stack, say) for side in request.sides]
        count, notes = _count(request, sides, subject)
        saved = (request.save_a, request.save_b)
        return compare_sides(sides, subject, count, say, saved=saved, notes=notes)


def _subject(request: DiffRequest, work: Path, say: Say) -> Subject | None:
    wanted = Wanted(
        runs=bool(request.levels),
        real=any(level.real for level in request.levels),
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


def _open(side: LevelKind | Path, subject: Subject | None, stack: ExitStack, say: Say) -> Side:
    if isinstance(side, Path):
        return stack.enter_context(Dump(side, None if subject is None else subject.graph))
    assert subject is not None
    say(f"prepare {side.name}", 0, 0)
    return side.make(subject)


def _count(
    request: DiffRequest, sides: Sequence[Side], subject: Subject | None
) -> tuple[int, list[str]]:
    """How many samples to compare, and why not all."""
    found = [(str(side.path), side.count) for side in sides if isinstance(side, Dump)]
    if subject is not None and subject.feeds is not None:
        found.append(("the data", subject.feeds.count))
    name, count = min(found, key=lambda item: item[1])
    if request.samples is not None:
        if request.samples > count:
            raise InputError(
                f"--samples is {request.samples:,}", why=f"{name} has {count:,} samples"
            )
        return request.samples, []
    if len({number for _, number in found}) > 1:
        said = ", ".join(f"{who} has {number:,}" for who, number in found)
        raise InputError(
            f"different numbers of samples: {said}",
            remedy=f"give --samples {count} if the first ones are the same",
        )
    notes: list[str] = []
    every = count
    for level in request.levels:
        most = count if level.most is None or subject is None else level.most(subject)
        if most < count:
            count = most
            notes = [
                f"the first {most:,} of {every:,} samples, as {level.name} is slow;"
                " --samples N sets how many"
            ]
    return count, notes
