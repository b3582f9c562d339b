"""Compiles a generated design into a shared library with Verilator and g++."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from hwcompress.hls.rtl.design import Design
from hwcompress.tools import Tool, need, run

__all__ = ["OPTIMIZE", "Toolchain", "build_library", "fingerprint"]

# The time of a build is the compiler's, not Verilator's. Measured on a small
# convolutional network (2 cores, CPU seconds of the build, million cycles per
# second): everything -O0 17 s, 0.28; -O1 for the model's hot part 16 s, 1.7;
# -Os 20 s, 1.4; -O2 19 s, 1.4; -O1 and the output in one file instead of
# pieces of 8000 statements 10 s, 1.7: each piece reads the headers again.
OPTIMIZE = ("OPT_FAST=-O1", "OPT_SLOW=-O0", "OPT_GLOBAL=-O0")
"""Make variables of a verilated build."""

_VERILATE = (
    "--cc",
    "--exe",
    "--prefix",
    "Vtop",
    "--no-timing",
    "-O3",
    "--x-assign",
    "fast",
    # Registers without a reset start random: a design must not depend on them.
    "--x-initial",
    "unique",
    "--output-split",
    "30000",
    # Lint is a check of its own; here warnings only go to the log.
    "-Wno-fatal",
    "-Wno-lint",
    "-Wno-style",
    "-CFLAGS",
    "-fPIC -std=c++17 -DVL_USER_FATAL -DVL_USER_STOP -DVL_USER_FINISH",
    "-LDFLAGS",
    "-shared -Wl,--wrap=fopen",
)


@dataclass(frozen=True, slots=True)
class Toolchain:
    """The programs of a build."""

    verilator: Tool
    make: Tool
    compiler: Tool

    @classmethod
    def found(cls, verilator: str | None = None) -> Toolchain:
        """The programs of this machine.

        Raises:
            MissingToolError: names what is missing and how to install it.
        """
        purpose = "building the verilated model"
        need("perl", purpose=purpose)
        return cls(
            need("verilator", path=verilator, purpose=purpose),
            need("make", purpose=purpose),
            need("g++", purpose=purpose),
        )


def fingerprint(*parts: str | bytes) -> str:
    """A short hash of texts and file contents, in their order."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:16]


def build_library(
    design: Design, build_folder: Path, *, taps: bool = False, tools: Toolchain | None = None
) -> Path:
    """A shared library that simulates ``design``.

    Its file name holds a hash of everything it is made from, and it appears
    under that name only when complete: an existing file is valid and is
    returned at once. The content of the design's memories is not part of it;
    they are read when a model is created.

    Args:
        design: the generated design.
        build_folder: where the library and the log ``verilated.log`` go.
        taps: with the observation ports of every tensor.
        tools: the programs; default: those of this machine.

    Raises:
        MissingToolError: a program is missing.
        CheckFailed: Verilator or the compiler refuses the design.
    """
    tools = tools or Toolchain.found()
    driver = files("hwcompress.hls.cosim").joinpath("driver.cpp").read_bytes()
    config = _config(design, taps)
    sources = [(design.folder / name).read_bytes() for name in design.files]
    versions = [tools.verilator.label, *tools.verilator.argv, tools.compiler.label]
    key = fingerprint(
        design.top, *design.files, *sources, driver, config, *versions, *_VERILATE,
        *OPTIMIZE,
    )  # fmt: skip
    name = f"{'tapped' if taps else 'verilated'}-{key}.so"
    library = build_folder / name
    if library.is_file():
        return library
    build_folder.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(build_folder)
    scratch = build_folder / f".building-{os.getpid()}-{key}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        (scratch / "driver.cpp").write_bytes(driver)
        (scratch / "hwc_config.h").write_text(config)
        _compile(design, scratch, build_folder, taps, tools)
        (scratch / "model.so").replace(library)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return library


def _config(design: Design, taps: bool) -> str:
    """The header that tells the driver what this design's ports are like."""
    observed = [tap.stream for tap in design.taps] if taps else []
    lists = {"INPUT": design.inputs, "OUTPUT": design.outputs, "TAP": observed}
    lines = []
    for name, specs in lists.items():
        entries = " ".join(
            f"X({spec.port}, {spec.tdata_bytes}, {spec.beats_per_frame})" for spec in specs
        )
        lines.append(f"#define HWC_{name}_LIST(X) {entries}\n")
    idle = " ".join(f"X({signal})" for signal in design.idle_inputs)
    lines.append(f"#define HWC_IDLE_LIST(X) {idle}\n")
    return "".join(lines)


def _compile(design: Design, scratch: Path, logs: Path, taps: bool, tools: Toolchain) -> None:
    # Verilator runs in the design's folder so that its messages name the files
    # as the user knows them; it writes nothing there.
    run(
        tools.verilator,
        [
            *_VERILATE,
            "--top-module", design.top,
            "--Mdir", scratch.absolute(),
            "-o", "model.so",
            *(["-DHWC_TAPS"] if taps else []),
            scratch.absolute() / "driver.cpp",
            *design.files,
        ],
        cwd=design.folder,
        log=logs / "verilator.log",
    )  # fmt: skip
    run(
        tools.make,
        [
            f"-j{os.cpu_count() or 1}",
            "-f", "Vtop.mk",
            *OPTIMIZE,
            f"CXX={tools.compiler.argv[0]}",
            f"LINK={tools.compiler.argv[0]}",
            "model.so",
        ],
        cwd=scratch,
        log=logs / "compile.log",
        # All of them are values of one variable: a plain dict would keep only the last.
        env={key: tools.verilator.env()[key] for key, _ in tools.verilator.environment},
    )  # fmt: skip


def _remove_abandoned(build_folder: Path) -> None:
    """Removes what builds left that were killed: those whose process is gone."""
    for path in build_folder.glob(".building-*"):
        try:
            os.kill(int(path.name.split("-")[1]), 0)
        except ProcessLookupError:
            shutil.rmtree(path, ignore_errors=True)
        except (PermissionError, ValueError):
            continue
