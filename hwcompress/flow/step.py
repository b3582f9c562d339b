"""What a step of a build is, and what it is given."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from hwcompress.flow.manifest import Record
from hwcompress.flow.settings import BuildSettings
from hwcompress.report.convert import from_json

__all__ = ["Context", "Progress", "Silent", "Step"]

Result = TypeVar("Result")


def _no_files(settings: BuildSettings) -> Mapping[str, Path]:
    return {}


@dataclass(frozen=True)
class Step:
    """One step: a name, what it depends on, what it makes, and a function.

    Args:
        name: short, for the command line and the manifest.
        title: what it does, for the progress display.
        run: does the work: writes every output below ``context.out`` and
            returns a dataclass of figures (:mod:`hwcompress.report.facts`).
            The same input must give the same bytes and the same figures.
        outputs: names of files or folders in the build folder.
        needs: names of earlier steps whose outputs or results it reads.
        reads: names of the settings it reads, or of properties that follow from them.
        files: the user's files it reads, by their role.
        code: packages or modules whose source decides what it makes.
        tools: external programs it runs, names of :data:`hwcompress.tools.TOOLS`.
        packages: Python distributions whose version matters.
        settings: whose fields ``reads`` are.
    """

    name: str
    title: str
    run: Callable[[Context], object]
    outputs: tuple[str, ...]
    needs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    files: Callable[[BuildSettings], Mapping[str, Path]] = _no_files
    code: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    settings: type[BuildSettings] = BuildSettings

    def __post_init__(self) -> None:
        known = {field.name for field in dataclasses.fields(self.settings)}
        # What follows from several settings may be read, too.
        known |= {
            name
            for name in dir(self.settings)
            if isinstance(inspect.getattr_static(self.settings, name, None), property)
        }
        unknown = set(self.reads) - known
        if unknown:
            raise ValueError(f"step {self.name!r} reads unknown settings {sorted(unknown)}")


class Progress(Protocol):
    """Where a build tells how it goes. Called from one thread, ``detail`` from any."""

    def plan(self, steps: tuple[Step, ...]) -> None:
        """The steps of this run, in order."""

    def unchanged(self, step: Step) -> None:
        """The step's outputs are up to date."""

    def started(self, step: Step) -> None:
        """The step begins."""

    def detail(self, step: Step, text: str) -> None:
        """What the step is doing right now."""

    def finished(self, step: Step, seconds: float) -> None:
        """The step's outputs are in place."""

    def failed(self, step: Step) -> None:
        """The step raised an error or was stopped."""


class Silent:
    """A :class:`Progress` that tells nothing."""

    def plan(self, steps: tuple[Step, ...]) -> None: ...

    def unchanged(self, step: Step) -> None: ...

    def started(self, step: Step) -> None: ...

    def detail(self, step: Step, text: str) -> None: ...

    def finished(self, step: Step, seconds: float) -> None: ...

    def failed(self, step: Step) -> None: ...


@dataclass(frozen=True)
class Context:
    """What a step's function is given.

    Args:
        settings: of the build. A step MUST read only the ones it declares.
        folder: the build folder, with the outputs of the needed steps.
        out: an empty folder; outputs are written here under their names.
        work: a scratch folder for logs and compiled simulations, part of no
            hash. It survives between runs: what is found there may be used
            only under a name that tells its content.
        records: of the needed steps, by name.
        tools: versions of the step's tools and packages.
        say: tells what the step is doing right now.
    """

    settings: BuildSettings
    folder: Path
    out: Path
    work: Path
    records: Mapping[str, Record]
    tools: Mapping[str, str]
    say: Callable[[str], None]

    def result(self, step: str, kind: type[Result]) -> Result:
        """What a needed step returned."""
        return from_json(kind, self.records[step].result)
