"""The machine a measurement ran on."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["describe", "one_processor"]

_PACKAGES = (
    "hwcompress numpy numba llvmlite torch brevitas onnxruntime onnx qonnx hls4ml da4ml alkaid"
).split()
_FEATURES = ("avx", "avx2", "fma", "popcnt", "avx512bw", "avx512_vnni", "avx512_vpopcntdq")


def describe() -> dict[str, object]:
    """Processor, its vector instructions, versions, date and load, for a record."""
    from hwcompress.sim.words.cpu import LEVEL

    text = _read("/proc/cpuinfo")
    flags = {name for line in re.findall(r"^flags\s*:(.*)$", text, re.M) for name in line.split()}
    models = re.findall(r"^model name\s*:\s*(.*)$", text, re.M)
    family = re.findall(r"^(?:cpu family|model)\s*:\s*(.*)$", text, re.M)[:2]
    memory = re.search(r"^MemTotal:\s*(\d+)", _read("/proc/meminfo"), re.M)
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": models[0] if models else platform.processor() or platform.machine(),
        "family and model": " ".join(family),
        "processors": processors or os.cpu_count(),
        "vector instructions": [name for name in _FEATURES if name in flags],
        "kernels of the simulator": LEVEL,
        "memory GB": round(int(memory[1]) / 1e6, 1) if memory else None,
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "load before": [round(value, 2) for value in os.getloadavg()],
        "versions": {name: found for name in _PACKAGES if (found := _version(name))},
        "g++": _compiler(),
    }


@contextlib.contextmanager
def one_processor() -> Iterator[None]:
    """Keep this thread, and those it starts, on one processor: for a peer without an option."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _compiler() -> str | None:
    path = shutil.which("g++")
    if path is None:
        return None
    said = subprocess.run([path, "-dumpfullversion"], capture_output=True, text=True, check=False)
    return said.stdout.strip()
