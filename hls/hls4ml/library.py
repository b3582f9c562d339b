"""Compiling a written project to a shared library, and running it."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hwcompress.errors import CheckFailed
from hwcompress.tools import Tool, need, run

__all__ = ["Library", "build_library"]

# -O1 and one translation unit: g++ needs about 60 % of the time of hls4ml's own
# script, and a sample still takes milliseconds. C++11 is what the Vitis project
# asks for.
_FLAGS = (
    "-O1",
    "-std=c++11",
    "-fPIC",
    "-fno-gnu-unique",
    "-shared",
    "-w",
    "-I.",
    "-Ifirmware/ap_types",
    '-DWEIGHTS_DIR="firmware/weights"',
)
_UNIT = '#include "firmware/{0}.cpp"\n#include "{0}_bridge.cpp"\n'


@dataclass(frozen=True, slots=True)
class Library:
    """A compiled project: its folder, the library, and the seconds g++ took (0 if reused)."""

    folder: Path
    path: Path
    seconds: float

    def call(
        self,
        top: str,
        inputs: Sequence[np.ndarray],
        output_sizes: Sequence[int],
        traced: Mapping[str, int],
    ) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
        """Run samples through the library.

        Args:
            top: name of the C function.
            inputs: float64 ``(n, size)`` for each port.
            output_sizes: elements of each result.
            traced: elements of each traced layer, by name.

        Returns:
            Outputs ``(n, size)`` in order, and traces by layer name; float64.

        Raises:
            CheckFailed: the library ended its process.
        """
        with tempfile.TemporaryDirectory(prefix="hwc-hls4ml-") as scratch:
            request, result = Path(scratch, "request.npz"), Path(scratch, "result.npz")
            arrays: dict[str, Any] = {f"input_{i}": array for i, array in enumerate(inputs)}
            arrays["top"] = top
            arrays["inputs"] = len(inputs)
            arrays["output_sizes"] = np.array(output_sizes, np.int64)
            arrays["trace_names"] = np.array(list(traced), np.str_)
            arrays["trace_sizes"] = np.array(list(traced.values()), np.int64)
            np.savez(request, **arrays)
            script = Path(__file__).with_name("_runner.py")
            # -P: files beside the script must not shadow the standard library.
            tool = Tool("hls4ml library", (sys.executable, "-P", str(script)), "this Python")
            run(
                tool,
                [self.path.relative_to(self.folder), request, result],
                cwd=self.folder,
                log=self.folder / "predict.log",
            )
            with np.load(result, allow_pickle=False) as results:
                outputs = [results[f"output_{i}"] for i in range(len(output_sizes))]
                return outputs, {name: results[f"trace_{name}"] for name in traced}


def _sources(folder: Path, project: str) -> list[Path]:
    files = [path for path in (folder / "firmware").rglob("*") if path.suffix != ".so"]
    return sorted(path for path in [*files, folder / f"{project}_bridge.cpp"] if path.is_file())


def build_library(folder: Path, project: str) -> Library:
    """Compile, or take the library of an earlier run over the same sources.

    The library is named by the digest of its sources, flags and compiler and
    appears only when g++ has finished, so that a killed compile leaves nothing
    that a later run would take for valid.

    Raises:
        MissingToolError: there is no g++.
        CheckFailed: g++ fails; names the log.
    """
    compiler = need("g++", purpose="compiling the hls4ml project for C simulation")
    digest = hashlib.sha256("\0".join([*_FLAGS, _UNIT, compiler.label]).encode())
    for path in _sources(folder, project):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    library = folder / "firmware" / f"{project}-{digest.hexdigest()[:16]}.so"
    if library.is_file():
        return Library(folder, library, 0.0)
    partial = library.with_name(f"{project}.partial-{os.getpid()}.so")
    unit = f"{project}_library.cpp"
    (folder / unit).write_text(_UNIT.format(project))
    try:
        done = run(
            compiler,
            [*_FLAGS, unit, "-o", str(partial.relative_to(folder))],
            cwd=folder,
            log=folder / "compile.log",
        )
        if not partial.is_file():
            raise CheckFailed("g++ made no library", where=str(done.log))
        for stale in library.parent.glob(f"{project}-*.so"):
            stale.unlink()
        os.replace(partial, library)
    finally:
        partial.unlink(missing_ok=True)
    return Library(folder, library, done.seconds)
