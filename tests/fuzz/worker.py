"""A process that runs damaged files one after the other, under limits of the system.

``python -m tests.fuzz.worker FOLDER FIRST COUNT STEP``: prints a line for each file. A file
that takes more than :data:`SECONDS` of the processor ends the process with a traceback.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import shutil
import sys
import time
from importlib import import_module
from pathlib import Path

from tests.fuzz.case import prepare, run_case

__all__ = ["SECONDS", "main"]

SECONDS = 10
_WALL = 60  # seconds; the machine may be busy with other things
_MORE = 4 * 10**9  # bytes on top of what the libraries take
_LARGEST_FILE = 10**8


class _Outside(Exception):
    """Something was done that no import may do."""


def _watch(home: Path) -> None:
    """Every file that is opened, every process and connection: only reading in the folder.

    Python files are read wherever they are; a library may import late.
    """
    allowed = tuple(str(item) for item in (home, sys.prefix, sys.base_prefix, Path.cwd()))

    def hook(event: str, facts: tuple[object, ...]) -> None:
        if event == "open":
            path, _, flags = facts
            if not isinstance(path, str | bytes) or not isinstance(flags, int):
                return
            name = os.path.realpath(os.fsdecode(path))
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
            inside = name.startswith(str(home) + os.sep)
            if not inside and (writes or not name.startswith((*allowed, "/proc", "/sys"))):
                raise _Outside(f"{event} {name!r}")
        elif event.split(".")[0] in ("socket", "subprocess", "shutil", "ctypes") or event in (
            "os.system", "os.exec", "os.fork", "os.remove", "os.rename", "os.mkdir", "os.symlink",
            "os.posix_spawn", "os.link", "os.chmod", "os.truncate", "pickle.find_class",
        ):  # fmt: skip
            if event.startswith("ctypes"):
                return  # numba and onnxruntime load themselves late
            raise _Outside(f"{event} {facts!r}"[:300])

    sys.addaudithook(hook)


def _limit() -> None:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    taken = int(pages) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + _MORE, taken + _MORE))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE, _LARGEST_FILE))


def main(folder: Path, first: int, count: int, step: int) -> None:
    """Run the files ``first``, ``first + step``, ..., ``count`` of them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    home = prepare(folder)
    for name in ("onnxruntime", "torch"):  # they take much, and look at the system, once
        import_module(name)
    run_case(first, home)
    _limit()
    _watch(home.resolve())
    for seed in range(first, first + count * step, step):
        faulthandler.dump_traceback_later(_WALL, exit=True)
        started = time.process_time()
        try:
            end = run_case(seed, home)
        except Exception as error:
            import traceback

            where = traceback.extract_tb(error.__traceback__)[-1]
            lines = " ".join(str(error).split())[:300]
            end = f"failed {type(error).__name__}: {lines} ({where.filename}:{where.lineno})"
        spent = time.process_time() - started
        if spent > SECONDS:
            end = f"failed after {spent:.1f} s ({end})"
        print(f"{seed} {spent:.2f} {end}", flush=True)
    faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(int(item) for item in sys.argv[2:5]))
