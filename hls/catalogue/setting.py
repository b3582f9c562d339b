"""A module with parameters at which it is measured."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hwcompress.hls.catalogue.header import closure, code_of
from hwcompress.hls.rtl.memory import hex_lines
from hwcompress.hls.rtl.netlist import Literal

__all__ = ["Memory", "Setting", "Value", "verilog"]

Value = int | str | Literal

_FILES = {"BIAS", "TABLE", "TABLES", "WEIGHTS"}  # parameters that name files, where text


def verilog(value: Value) -> str:
    """A parameter's value as Verilog text."""
    if isinstance(value, Literal):
        return value.text
    return f'"{value}"' if isinstance(value, str) else str(value)


@dataclass(frozen=True, slots=True)
class Memory:
    """A hex file of ``depth`` words of ``width`` random bits, always the same ones."""

    file: str
    width: int
    depth: int

    def text(self) -> str:
        """The contents."""
        seed = int.from_bytes(hashlib.sha256(repr(self).encode()).digest()[:8], "little")
        bits = np.random.default_rng(seed).integers(0, 2, (self.depth, self.width))
        return hex_lines(bits)


@dataclass(frozen=True)
class Setting:
    """An instance of a library module.

    Args:
        module: its name.
        title: what it stands for; unique for the module.
        parameters: those that are not left at their defaults.
        memories: the files that its parameters name.
        timed: whether its parameters alone tell its timing.
    """

    module: str
    title: str
    parameters: Mapping[str, Value]
    memories: tuple[Memory, ...] = field(default=())
    timed: bool = True

    @property
    def key(self) -> tuple[str, str]:
        """Module and title."""
        return self.module, self.title

    @property
    def digest(self) -> str:
        """Of everything that synthesis sees: code, parameters, contents."""
        parts = [
            *(code_of(name) for name in closure(self.module)),
            *(f"{name}={verilog(value)}" for name, value in sorted(self.parameters.items())),
            *(repr(memory) for memory in self.memories),
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]

    def instance(self, name: str) -> str:
        """The text of an instance without connections, which synthesis must not remove.

        Its files are those of :meth:`files`.
        """
        values = {
            key: f"{name}_{value}" if isinstance(value, str) and key in _FILES else value
            for key, value in self.parameters.items()
        }
        listed = ", ".join(f".{key}({verilog(value)})" for key, value in values.items())
        return f"(* keep *) {self.module} #({listed}) {name} ();"

    def files(self, name: str) -> dict[str, str]:
        """Contents of the files that the instance reads, by name."""
        return {f"{name}_{memory.file}": memory.text() for memory in self.memories}
