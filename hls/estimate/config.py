"""A module with parameters that the sweep synthesizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hwcompress.hls.catalogue.setting import Value, verilog
from hwcompress.hls.estimate.contents import text_of
from hwcompress.hls.estimate.part import Part
from hwcompress.hls.rtl.netlist import Literal

__all__ = ["Configuration", "Table"]


@dataclass(frozen=True, slots=True)
class Table:
    """A file that a configuration reads; its contents follow from the name."""

    file: str
    width: int
    depth: int

    def text(self) -> str:
        """The contents."""
        return text_of(self.file, self.width, self.depth)


@dataclass(frozen=True)
class Configuration:
    """An instance of a library module, as it may stand in a design.

    Args:
        module: its name.
        parameters: those that are not left at their defaults.
        tables: the files that it reads.
    """

    module: str
    parameters: Mapping[str, Value]
    tables: tuple[Table, ...] = field(default=())

    @property
    def part(self) -> Part:
        """The module with all of its parameters."""
        given = {
            key: value.value if isinstance(value, Literal) else value
            for key, value in self.parameters.items()
        }
        return Part.of(self.module, given)

    def instance(self, name: str) -> str:
        """The text of an instance without connections, which synthesis must not remove."""
        listed = ", ".join(f".{key}({verilog(value)})" for key, value in self.parameters.items())
        return f"(* keep *) {self.module} #({listed}) {name} ();"

    def files(self) -> dict[str, str]:
        """Contents of the files, by name."""
        return {table.file: table.text() for table in self.tables}
