"""Runs an external program with a log file; a failure tells what the program said."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hwcompress.errors import CheckFailed, MissingToolError
from hwcompress.tools.catalog import TOOLS
from hwcompress.tools.record import Tool

__all__ = ["Finished", "last_words", "run"]

_TELLING = re.compile(r"error|fatal|fail|cannot|undefined|no such file|exception", re.IGNORECASE)
# Sent by batch systems, timeouts and closed terminals.
_ENDING = (signal.SIGTERM, signal.SIGHUP)
# What `make` says after the compiler has told the reason.
_NOISE = re.compile(r"^(make(\[\d+\])?: |\s*\^|\s*~*\^|%Error: Exiting)")


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that succeeded: wall time in seconds and the log file."""

    seconds: float
    log: Path


def last_words(log: Path, count: int = 4) -> str:
    """The lines of a log that best explain a failure, at most ``count``.

    The last lines that speak of an error; if none does, the last lines.
    """
    text = log.read_text(errors="replace") if log.is_file() else ""
    # The first line is the command itself, which we wrote.
    lines = [line.strip() for line in text.splitlines()[1:] if line.strip()]
    lines = [line for line in lines if not _NOISE.match(line)]
    telling = [line for line in lines if _TELLING.search(line)]
    return "\n".join((telling or lines)[-count:])


def run(
    tool: Tool,
    args: Sequence[str | Path],
    *,
    cwd: Path,
    log: Path,
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
) -> Finished:
    """Runs ``tool`` with ``args`` in ``cwd``; its whole output goes to ``log``.

    Args:
        tool: from :func:`hwcompress.tools.find` or ``need``.
        args: arguments. Names below ``cwd`` should be relative: the YoWASP
            runtime hides the machine's temporary folder.
        cwd: working folder, which must exist.
        log: log file; its folder is made, an old file is replaced.
        timeout: seconds until the program and its children are ended.
        env: more environment variables.

    SIGTERM and SIGHUP end the program and its children before this process
    (as ``SystemExit``), unless the caller handles them already.

    Raises:
        CheckFailed: if the program fails or takes too long; the message holds
            its last telling lines and the log's path.
        MissingToolError: if it cannot be started.
    """
    command = [*tool.argv, *map(str, args)]
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with _signals_raise(), log.open("wb") as stream:
        stream.write(f"$ {shlex.join(command)}\n".encode())
        stream.flush()
        try:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env={**tool.env(), **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                # A group of its own, so that children (make -> g++) end with it.
                start_new_session=True,
            )
        except OSError as error:
            entry = TOOLS.get(tool.name)
            raise MissingToolError(
                f"{tool.name} could not be started as {tool.argv[0]!r}",
                why=str(error),
                remedy=entry.install if entry else "",
            ) from error
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            raise CheckFailed(
                f"{tool.name} did not end within {timeout:g} s",
                where=str(log),
                why=last_words(log) or "it printed nothing",
            ) from None
        except BaseException:
            _end(process)
            raise
    if status != 0:
        ended = f"was ended by signal {-status}" if status < 0 else f"failed with status {status}"
        raise CheckFailed(
            f"{tool.name} {ended}",
            where=str(log),
            why=last_words(log) or "it printed nothing",
            remedy="read the log named above",
        )
    return Finished(time.monotonic() - started, log)


@contextlib.contextmanager
def _signals_raise() -> Iterator[None]:
    """Turns signals that would end this process at once into ``SystemExit``.

    A program in a group of its own does not get them: it would go on for
    hours. Only where nobody handles them yet, and only in the main thread,
    where Python allows it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _raise)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _raise(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process group that this module started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
