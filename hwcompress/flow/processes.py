"""Ending the programs that our steps have started."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

__all__ = ["Terminated", "end_descendants"]


class Terminated(BaseException):
    """The process was asked to end by the signal ``number``.

    Not an :class:`Exception`: no step may swallow it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _parents() -> dict[int, int]:
    """Parent of every process, from /proc; empty where there is none."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            facts = (entry / "stat").read_text()
        except OSError:
            continue
        # The name may hold spaces and brackets: the fields start after the last one.
        parents[int(entry.name)] = int(facts.rpartition(")")[2].split()[1])
    return parents


def _descendants(root: int) -> list[int]:
    parents = _parents()
    found = [root]
    for process in found:
        found.extend(child for child, parent in parents.items() if parent == process)
    return found[1:]


def end_descendants(patience: float = 3.0) -> None:
    """Ask every child process of ours, and theirs, to end; after ``patience`` seconds make them.

    Found by parentage, so nobody else's process is touched, and taken anew
    in every round, because a dying make may still start a compiler.
    """
    until = time.monotonic() + patience
    asked: set[int] = set()
    while True:
        alive = _descendants(os.getpid())
        late = time.monotonic() > until
        if not _signal([pid for pid in alive if late or pid not in asked], late) and not alive:
            return
        asked.update(alive)
        if late and time.monotonic() > until + patience:
            return
        time.sleep(0.05)


def _signal(processes: list[int], force: bool) -> bool:
    for process in processes:
        # A zombie is waited for by the thread that started it.
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL if force else signal.SIGTERM)
    return bool(processes)
