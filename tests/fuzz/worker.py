"""A process that runs damaged files one after the other, under limits of the system.

``python -m tests.fuzz.worker FOLDER FIRST COUNT STEP``: prints a line for each file (number,
seconds, how it ended, what was done to it), and the memory that it took at most. A file that
takes more than :data:`SECONDS` of the processor fails; one that stands still ends the process
with a traceback.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np

from hwcompress.inspect.opening import ModelRequest
from tests.fuzz.bases import BASES
from tests.fuzz.case import damaged_model, look, prepare, run_case

__all__ = ["SECONDS", "main"]

SECONDS = 10
_STOP = 30  # seconds of the processor, after which a file does not go on
_WALL = 300  # seconds; the machine may be busy with other things
_MORE = 4 * 10**9  # bytes on top of what the libraries take
_LARGEST_FILE = 10**8
# What changes files or folders: allowed inside the model's folder, where temporary files go.
_CHANGES = {
    "os.remove": 1, "os.rmdir": 1, "os.mkdir": 1, "os.chmod": 1, "os.truncate": 1,
    "shutil.rmtree": 1, "tempfile.mkdtemp": 1, "tempfile.mkstemp": 1, "os.rename": 2,
}  # fmt: skip
_FORBIDDEN = (
    "os.system", "os.exec", "os.fork", "os.forkpty", "os.spawn", "os.symlink", "os.link",
    "os.posix_spawn", "os.chown", "os.kill",
)  # fmt: skip
# Numba keeps its machine code as pickle beside our kernels.
_OWN_CACHES = ("numba", "llvmlite", "numpy", "builtins", "copyreg", "hwcompress")


class _Outside(Exception):
    """Something was done that no import may do."""


def _watch(home: Path) -> None:
    """Every file that is opened, every process and connection: changes only in the folder.

    Python files are read wherever they are, and their compiled forms written: a library may
    import late.
    """
    allowed = tuple(str(item) for item in (home, sys.prefix, sys.base_prefix, Path.cwd()))

    def inside(path: object, folder: object = None) -> bool:
        if not isinstance(path, str | bytes):
            return True
        name = Path(os.fsdecode(path))
        if isinstance(folder, int) and folder >= 0:
            name = Path(f"/proc/self/fd/{folder}").readlink() / name
        real = Path(os.path.realpath(name))
        return home in real.parents or "__pycache__" in real.parts

    def hook(event: str, facts: tuple[object, ...]) -> None:
        if event == "open":
            path, _, flags = facts
            if not isinstance(path, str | bytes) or not isinstance(flags, int):
                return
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
            name = os.path.realpath(os.fsdecode(path))
            if name == os.devnull or inside(path):
                return
            if writes or not name.startswith((*allowed, "/proc", "/sys")):
                raise _Outside(f"{event} {name!r}")
        elif event in _CHANGES:
            count = _CHANGES[event]
            if not all(inside(path, facts[-1]) for path in facts[:count]):
                raise _Outside(f"{event} {facts!r}"[:300])
        elif event == "pickle.find_class":
            if str(facts[0]).split(".")[0] not in _OWN_CACHES:
                raise _Outside(f"{event} {facts!r}"[:300])
        elif event.split(".")[0] in ("socket", "subprocess") or event in _FORBIDDEN:
            raise _Outside(f"{event} {facts!r}"[:300])

    sys.addaudithook(hook)


def _limit() -> None:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    taken = int(pages) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + _MORE, taken + _MORE))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE, _LARGEST_FILE))


def _warm_up(home: Path) -> None:
    """Every kind of model once, undamaged: libraries that are loaded look at the system."""
    for base in dict.fromkeys(BASES):
        path = home / "model.onnx"
        path.write_bytes(base(np.random.default_rng(1)).SerializeToString())
        facts, same = look(ModelRequest(str(path)))
        assert facts is not None, base
        assert facts.accepted, base
        assert same, base


def _resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(folder: Path, first: int, count: int, step: int) -> None:
    """Run the files ``first``, ``first + step``, ..., ``count`` of them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    home = prepare(folder).resolve()
    tempfile.tempdir = str(home / "temporary")
    _warm_up(home)
    before = _resident()
    _limit()
    _watch(home)
    faulthandler.register(signal.SIGPROF, all_threads=False, chain=True)
    for seed in range(first, first + count * step, step):
        faulthandler.dump_traceback_later(_WALL, exit=True)
        signal.setitimer(signal.ITIMER_PROF, _STOP)
        request, damage = damaged_model(seed, home)
        started = time.process_time()
        try:
            end = run_case(request)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            lines = " ".join(str(error).split())[:300]
            end = f"failed {type(error).__name__}: {lines} ({where.filename}:{where.lineno})"
        spent = time.process_time() - started
        if spent > SECONDS:
            end = f"failed after {spent:.1f} s ({end})"
        print(f"{seed} {spent:.2f} {damage} {end}", flush=True)
    faulthandler.cancel_dump_traceback_later()
    signal.setitimer(signal.ITIMER_PROF, 0)
    print(f"memory {before} {_resident()}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(int(item) for item in sys.argv[2:5]))
