"""External programs: found in one place, run in one way.

A tool is looked for as an explicit path (argument or ``HWCOMPRESS_<TOOL>``),
then on the PATH, then in a pip package.
"""

from hwcompress.tools.catalog import TOOLS, spec
from hwcompress.tools.doctor import COCOTB_VERILATOR, DoctorRow, doctor_report
from hwcompress.tools.record import PipSource, Tool, ToolSpec, Version
from hwcompress.tools.resolve import candidates, find, need, package_version
from hwcompress.tools.run import Finished, last_words, run

__all__ = [
    "COCOTB_VERILATOR",
    "TOOLS",
    "DoctorRow",
    "Finished",
    "PipSource",
    "Tool",
    "ToolSpec",
    "Version",
    "candidates",
    "doctor_report",
    "find",
    "last_words",
    "need",
    "package_version",
    "run",
    "spec",
]
