"""Errors and interrupts at the edge: one line for the user, the right exit code."""

from __future__ import annotations

import errno
import functools
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn, ParamSpec, TextIO

import typer

from hwcompress import __version__
from hwcompress.errors import HwcompressError
from hwcompress.flow.processes import Terminated

__all__ = ["EXIT_DEFECT", "captured", "guarded", "plain"]

EXIT_DEFECT = 70
"""EX_SOFTWARE of sysexits.h: an error that we did not raise on purpose."""

_LONGEST_LINE = 5_000
_AT_ONCE = frozenset(
    {
        "boards",
        "compare",
        "diff",
        "doctor",
        "edge",
        "inspect",
        "pack",
        "recipes",
        "requantize",
        "simulate_data",
        "unpack",
    }
)
"""Commands that leave nothing behind."""

_ENDING = (signal.SIGTERM, signal.SIGHUP)

# What the system says of a path that the user gave, or of the disk.
_OUTSIDE = (
    errno.EACCES,
    errno.EDQUOT,
    errno.EFBIG,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOSPC,
    errno.EPERM,
    errno.EROFS,
)

Parameters = ParamSpec("Parameters")


def guarded(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Wrap a command: no traceback reaches the user, and every end has its exit code.

    1 and 2 as the error's class says; 130, 143 and 129 after Ctrl-C, SIGTERM
    and SIGHUP; 70 for a defect of ours, whose traceback goes to a file.
    """

    @functools.wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        for number in _ENDING:
            # `nohup` and the like ask for a signal to be ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _terminate)
        # Only a build folder keeps what is done.
        again = "; the same command goes on where it stopped"
        again = "" if command.__name__ in _AT_ONCE else again
        try:
            command(*args, **kwargs)
        except (typer.Exit, typer.Abort):
            # A command's own exit code, `doctor` has one; typer ends the program.
            raise
        except HwcompressError as error:
            _leave(f"error: {error}", error.exit_code)
        except KeyboardInterrupt:
            _leave(f"interrupted{again}", 130)
        except Terminated as end:
            _leave(f"terminated{again}", 128 + end.number)
        except BrokenPipeError:
            _leave("", 141)
        except OSError as error:
            if error.errno not in _OUTSIDE or error.filename is None:
                _defect(error)
            _leave(f"error: {error.filename}: {error.strerror}", 2)
        except MemoryError:
            _leave(
                "error: there is not enough memory for this model and these data. Remedy: give"
                " fewer samples, or a machine with more",
                2,
            )
        except Exception as error:
            _defect(error)

    return run


def _defect(error: Exception) -> NoReturn:
    log = _write_log(error)
    summary = " ".join(f"{type(error).__name__}: {error}".split())
    _leave(f"error: {summary[:200]}\nthis is a defect, details in {log}", EXIT_DEFECT)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    # A second signal must not interrupt the cleaning up after the first.
    for ending in _ENDING:
        signal.signal(ending, signal.SIG_IGN)
    raise Terminated(number)


def _leave(message: str, code: int) -> NoReturn:
    """End at once: a thread that is stuck in native code must not hold us up."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is sys.stderr and message:
                print(plain(message), file=stream)
            stream.flush()
        except OSError:
            pass
    os._exit(code)


def plain(message: str) -> str:
    """A message without what a terminal would act on, its lines not too long.

    Names in it may come from a file that somebody else made.
    """
    lines = []
    for line in message.split("\n"):
        if len(line) > _LONGEST_LINE:
            line = f"{line[: _LONGEST_LINE - 500]} ... {line[-495:]}"
        lines.append("".join(c if c.isprintable() else repr(c)[1:-1] for c in line))
    return "\n".join(lines)


def _write_log(error: Exception) -> str:
    handle, name = tempfile.mkstemp(prefix="hwcompress-", suffix=".log")
    with os.fdopen(handle, "w") as stream:
        stream.write(f"hwcompress {__version__}, Python {sys.version}\n{sys.argv}\n\n")
        traceback.print_exception(error, file=stream)
    return name


@contextmanager
def captured(log: Path) -> Iterator[TextIO]:
    """Send everything that is printed to ``log``, and yield the real standard output.

    Libraries and the compilers they start print at length; file descriptors
    are redirected so that native code and child processes are covered, too.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)
    try:
        encoding = sys.stdout.encoding or "utf-8"
        with os.fdopen(os.dup(kept[0]), "w", encoding=encoding, errors="replace") as screen:
            yield screen
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, original in zip((1, 2), kept, strict=True):
            os.dup2(original, number)
            os.close(original)
