"""A progress bar for one task, where somebody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

__all__ = ["progress_bar"]


class _Count(MofNCompleteColumn):
    """How many of how many, where that is known."""

    def render(self, task: Task) -> Text:
        return Text() if task.total is None else super().render(task)


class _Rate(ProgressColumn):
    """How many in a second, of late."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} {self._unit}" if speed else "")


@contextmanager
def progress_bar(rate: str = "") -> Iterator[Callable[[str, int, int], None]]:
    """Yields ``say(what, done, total)``; ``total`` 0 is not known.

    ``rate`` names what is counted in a second, such as ``samples/s``; empty for no rate.

    The bar is on standard error, so that the output can be piped; without a
    terminal there is none.
    """
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield lambda what, done, total: None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        _Count(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, *((_Rate(rate),) if rate else ()), console=console, transient=True
    ) as bars:
        task = bars.add_task("", total=None)

        def say(what: str, done: int, total: int) -> None:
            bars.update(task, description=what, completed=done, total=total or None)

        yield say
