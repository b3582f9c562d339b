"""How a build shows where it is: a live display, or plain lines."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Self, TextIO

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from hwcompress.flow.step import Step

__all__ = ["ProgressDisplay", "show_progress"]


class ProgressDisplay:
    """A line for every step that ends; on a terminal, a spinner for every step that runs.

    Use as a context manager: leaving it removes the live part.
    """

    def __init__(self, stream: TextIO) -> None:
        self.console = Console(file=stream, highlight=False)
        self.live = self.console.is_terminal
        self.numbers: dict[str, str] = {}
        self.width = 0
        self.started_at: dict[str, float] = {}
        self.tasks: dict[str, TaskID] = {}
        self.bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            TextColumn("{task.fields[detail]}", style="dim", markup=False),
            console=self.console,
            transient=True,
        )

    def __enter__(self) -> Self:
        if self.live:
            self.bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.live:
            self.bars.stop()

    def plan(self, steps: tuple[Step, ...]) -> None:
        total = len(steps)
        for index, step in enumerate(steps, 1):
            self.numbers[step.name] = f"[{index:>{len(str(total))}}/{total}]"
        self.width = max((len(step.name) for step in steps), default=0)

    def _line(self, step: Step, text: str, style: str = "") -> None:
        label = f"{self.numbers[step.name]} {step.name:<{self.width}}  {text}"
        self.console.print(label, style=style, markup=False, soft_wrap=True)
        self.console.file.flush()

    def unchanged(self, step: Step) -> None:
        self._line(step, "up to date", "dim")

    def started(self, step: Step) -> None:
        self.started_at[step.name] = time.monotonic()
        if self.live:
            label = f"{self.numbers[step.name]} {step.name:<{self.width}}  {step.title}"
            self.tasks[step.name] = self.bars.add_task(label, total=None, detail="")
        else:
            self._line(step, f"{step.title} ...")

    def detail(self, step: Step, text: str) -> None:
        task = self.tasks.get(step.name) if self.live else None
        # The step's thread may still talk when the display has ended its line.
        if task is not None:
            with contextlib.suppress(KeyError):
                self.bars.update(task, detail=text)

    def finished(self, step: Step, seconds: float) -> None:
        self._end(step)
        if self.live:
            self._line(step, f"{step.title}, {seconds:.1f} s", "green")
        else:
            self._line(step, f"done in {seconds:.1f} s")

    def failed(self, step: Step) -> None:
        self._end(step)
        seconds = time.monotonic() - self.started_at.get(step.name, time.monotonic())
        self._line(step, f"failed after {seconds:.1f} s", "bold red")

    def _end(self, step: Step) -> None:
        task = self.tasks.pop(step.name, None)
        if task is not None:
            self.bars.remove_task(task)


def show_progress(stream: TextIO | None = None) -> ProgressDisplay:
    """A display on the given stream, standard output by default."""
    return ProgressDisplay(sys.stdout if stream is None else stream)
