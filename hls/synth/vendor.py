"""The vendor's tools: only whether they are here."""

from __future__ import annotations

from dataclasses import dataclass

from hwcompress.tools import find, spec

__all__ = ["VendorTool", "vendor_tools"]


@dataclass(frozen=True, slots=True)
class VendorTool:
    """A vendor tool: ``version`` is empty when it was not found."""

    name: str
    version: str
    enables: str
    how_to_get: str

    @property
    def found(self) -> bool:
        """Whether it is installed."""
        return bool(self.version)

    def __str__(self) -> str:
        if self.found:
            return f"{self.name}: {self.version}"
        return f"{self.name}: not found; it would enable {self.enables}"


def vendor_tools() -> tuple[VendorTool, ...]:
    """Vitis and Vivado, found or not. hwcompress does not run them yet.

    Raises:
        MissingToolError: HWCOMPRESS_VITIS or HWCOMPRESS_VIVADO names no executable.
    """
    tools = []
    for name in ("vitis", "vivado"):
        entry, tool = spec(name), find(name)
        tools.append(VendorTool(name, tool.label if tool else "", entry.enables, entry.install))
    return tuple(tools)
