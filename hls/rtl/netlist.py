"""Printing of the generated top: streams, instances, and how they are wired."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hwcompress.ir.types import IntType

__all__ = ["Instance", "Literal", "Netlist", "Stream", "identifier"]


@dataclass(frozen=True, slots=True)
class Literal:
    """A Verilog constant that is written as it stands."""

    text: str

    @classmethod
    def hex(cls, width: int, value: int) -> Literal:
        """Unsigned, in hexadecimal."""
        return cls(f"{width}'h{value:x}")

    @classmethod
    def signed(cls, width: int, value: int) -> Literal:
        """Signed, in decimal."""
        return cls(f"{'-' if value < 0 else ''}{width}'sd{abs(value)}")


@dataclass(frozen=True, slots=True)
class Stream:
    """Wires ``<name>_data``, ``_valid`` and ``_ready`` that carry one tensor.

    ``size`` is the number of elements of a frame, ``lanes`` those of a beat.
    """

    name: str
    dtype: IntType
    lanes: int
    size: int

    @property
    def width(self) -> int:
        """Bits of a beat."""
        return self.lanes * self.dtype.bits

    @property
    def beats(self) -> int:
        """Beats of a frame."""
        return self.size // self.lanes


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance of a library module between two streams."""

    module: str
    name: str
    parameters: Mapping[str, int | str | Literal]
    source: Stream
    result: Stream


def identifier(name: str) -> str:
    """A name with only letters, digits and underscores, not starting with a digit."""
    text = re.sub(r"\W", "_", name, flags=re.ASCII)
    return text if text[:1].isalpha() else f"op_{text}"


@dataclass
class Netlist:
    """The body of a top module, grown front to back."""

    lines: list[str] = field(default_factory=list)

    def comment(self, text: str) -> None:
        """A heading above the next instances."""
        self.lines += ["", f"    // {text}"]

    def declare(self, stream: Stream) -> None:
        """The wires of a stream."""
        pad = " " * len(_span(stream.width))
        self.lines += [
            f"    wire {_span(stream.width)} {stream.name}_data;",
            f"    wire {pad} {stream.name}_valid;",
            f"    wire {pad} {stream.name}_ready;",
        ]

    def add(self, instance: Instance) -> None:
        """The instance, after the wires of its result."""
        self.declare(instance.result)
        parameters = [f"        .{k}({_value(v)})" for k, v in instance.parameters.items()]
        source, result = instance.source.name, instance.result.name
        self.lines += [
            f"    {instance.module} #(",
            ",\n".join(parameters),
            f"    ) {instance.name} (",
            "        .clk(aclk), .rst(rst),",
            f"        .s_data({source}_data), .s_valid({source}_valid), .s_ready({source}_ready),",
            f"        .m_data({result}_data), .m_valid({result}_valid), .m_ready({result}_ready)",
            "    );",
        ]


def _span(width: int) -> str:
    return f"[{width - 1}:0]"


def _value(value: int | str | Literal) -> str:
    if isinstance(value, Literal):
        return value.text
    return f'"{value}"' if isinstance(value, str) else str(value)
