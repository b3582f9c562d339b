"""Compiled kernels on disk: killed processes, changed sources, races."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_KERNEL = """
from hwcompress.sim.jit import kernel

@kernel
def f(x):
    return x {change}
"""

_RUN = """
import os, signal, sys
import numpy as np
from hwcompress.sim import jit
def die(*given):
    os.kill(os.getpid(), signal.SIGKILL)
where = sys.argv[1]
save_data, save_index = jit.KernelFiles._save_data, jit.KernelFiles._save_index
def after(save):
    def run(*given):
        save(*given)
        die()
    return run
if where == "before the code":
    jit.KernelFiles._save_data = die
if where == "after the code":
    jit.KernelFiles._save_data = after(save_data)
if where == "after the index":
    jit.KernelFiles._save_index = after(save_index)
import module
assert isinstance(module.f._cache._cache_file, jit.KernelFiles)
print(module.f(np.int64(20)), module.f.stats.cache_hits)
"""


def _run(folder: Path, killed: str = "") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache")}
    return subprocess.run(
        [sys.executable, "-B", "-c", _RUN, killed],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def _write(folder: Path, change: str, seconds: int) -> None:
    file = folder / "module.py"
    file.write_text(_KERNEL.format(change=change), encoding="utf-8")
    os.utime(file, (seconds, seconds))  # as if it had been changed at another time


@pytest.mark.parametrize("where", ["before the code", "after the code", "after the index"])
def test_a_killed_process_leaves_no_wrong_code(tmp_path: Path, where: str) -> None:
    """The source changed, so that old code lies about; the process is killed while saving."""
    _write(tmp_path, "+ 1", 1000)
    assert _run(tmp_path).stdout == "21 Counter()\n"
    _write(tmp_path, "+ 2", 2000)
    assert _run(tmp_path, where).returncode == -signal.SIGKILL
    done = _run(tmp_path)
    assert done.stdout.startswith("22 "), done.stderr
    again = _run(tmp_path)
    assert again.stdout.startswith("22 Counter({") and ": 1}" in again.stdout, again.stderr


def test_all_sources_of_the_simulator_count() -> None:
    """An intrinsic lives in another file than the kernel that is compiled with it."""
    from hwcompress.sim import jit
    from hwcompress.sim.words import dot_kernel

    stamp = dot_kernel.dot._cache._cache_file._source_stamp
    assert stamp[1] == jit._sources()
    assert len(jit._sources()) == 64


def test_two_types_have_two_files(tmp_path: Path) -> None:
    _write(tmp_path, "+ 1", 1000)
    script = (
        "import numpy as np, module\n"
        "print(module.f(np.int64(1)), module.f(np.float64(1.5)))\n"
        "files = module.f._cache._cache_file\n"
        "print(len(set(files._load_index().values())))\n"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-B", "-c", script],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert done.stdout == "2 2.5\n2\n"
    assert len(list((tmp_path / "cache").rglob("*.nbc"))) == 2
    assert not list((tmp_path / "cache").rglob("*.tmp.*"))
