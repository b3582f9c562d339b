"""Versions of the tools and libraries that take part in a step."""

from __future__ import annotations

import platform
from collections.abc import Mapping

from hwcompress import tools
from hwcompress.flow.step import Step

__all__ = ["named", "step_versions"]

_TITLES = {
    "verilator": "Verilator",
    "iverilog": "Icarus Verilog",
    "yosys": "Yosys",
    "vitis": "Vitis HLS",
    "torch": "PyTorch",
    "numba": "Numba",
    "numpy": "NumPy",
}


def named(name: str, versions: Mapping[str, str]) -> str:
    """A tool with its version, as a table shows it: ``Verilator 5.036``."""
    title, version = _TITLES.get(name, name), versions[name]
    return version if version.lower().startswith(title.lower()) else f"{title} {version}"


def step_versions(step: Step) -> dict[str, str]:
    """Version of every tool and package the step names; ``not found`` if it is missing."""
    versions = {"python": platform.python_version()}
    for name in step.tools:
        # Both simulator paths use Verilator, cocotb only a new enough one.
        tool = tools.find(name)
        versions[name] = tool.label if tool else "not found"
    for name in step.packages:
        versions[name] = tools.package_version(name) or "not found"
    return versions
