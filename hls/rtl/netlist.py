"""The generated top as records: streams, the instances between them, and their text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hwcompress.ir.types import IntType

__all__ = ["Instance", "Literal", "Netlist", "Stream", "identifier", "wires"]


@dataclass(frozen=True, slots=True)
class Literal:
    """A Verilog constant that is written as it stands."""

    text: str
    value: int

    @classmethod
    def hex(cls, width: int, value: int) -> Literal:
        """Unsigned, in hexadecimal."""
        return cls(f"{width}'h{value:x}", value)

    @classmethod
    def signed(cls, width: int, value: int) -> Literal:
        """Signed, in decimal."""
        return cls(f"{'-' if value < 0 else ''}{width}'sd{abs(value)}", value)

    @classmethod
    def fields(cls, values: Sequence[int], width: int) -> Literal:
        """Fields of ``width`` bits, the first one lowest; negative ones in two's complement."""
        mask = (1 << width) - 1
        word = sum((value & mask) << (i * width) for i, value in enumerate(values))
        return cls.hex(width * len(values), word)


@dataclass(frozen=True, slots=True)
class Stream:
    """Wires ``<name>_data``, ``_valid`` and ``_ready`` that carry one tensor.

    ``size`` is the number of elements of a frame, ``lanes`` those of a beat;
    ``tag`` bits more, above the elements, pass between two modules of a layer.
    """

    name: str
    dtype: IntType
    lanes: int
    size: int
    tag: int = 0

    @property
    def width(self) -> int:
        """Bits of a beat."""
        return self.lanes * self.dtype.bits + self.tag

    @property
    def beats(self) -> int:
        """Beats of a frame."""
        return self.size // self.lanes


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance of a library module between streams.

    A module with several inputs or outputs has one bus of each kind for them:
    data, valid and ready of the first stream lie in the lowest bits. ``extra``
    are connections beside the streams: what a port gets.
    """

    module: str
    name: str
    parameters: Mapping[str, int | str | Literal]
    sources: tuple[Stream, ...]
    results: tuple[Stream, ...]
    extra: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The text of the instance, indented."""
        parameters = [f"        .{k}({_value(v)})" for k, v in self.parameters.items()]
        return [
            f"    {self.module} #(",
            ",\n".join(parameters),
            f"    ) {self.name} (",
            "        .clk(aclk), .rst(rst),",
            *([f"        {_connections('s', self.sources)},"] if self.sources else []),
            ",\n".join(
                [
                    f"        {_connections('m', self.results)}",
                    *(f"        .{port}({value})" for port, value in self.extra.items()),
                ]
            ),
            "    );",
        ]


def identifier(name: str) -> str:
    """A name with only letters, digits and underscores, not starting with a digit."""
    text = re.sub(r"\W", "_", name, flags=re.ASCII)
    return text if text[:1].isalpha() else f"op_{text}"


@dataclass
class Netlist:
    """The body of a top module, front to back: headings and instances."""

    items: list[str | Instance] = field(default_factory=list)

    @property
    def instances(self) -> list[Instance]:
        """The instances, in order."""
        return [item for item in self.items if isinstance(item, Instance)]

    def comment(self, text: str) -> None:
        """A heading above the next instances."""
        self.items.append(text)

    def add(self, instance: Instance) -> None:
        """One more instance; the streams it reads come from earlier ones."""
        self.items.append(instance)

    def without(self, names: set[str]) -> tuple[Netlist, dict[str, Stream]]:
        """The netlist without some instances of one input and one output.

        Also gives, by the name of each result that is gone, the stream that
        takes its place.
        """
        alias: dict[str, Stream] = {}
        kept: list[str | Instance] = []
        for item in self.items:
            if isinstance(item, Instance):
                sources = tuple(alias.get(source.name, source) for source in item.sources)
                if item.name in names:
                    alias[item.results[0].name] = sources[0]
                    continue
                item = replace(item, sources=sources)
            kept.append(item)
        return Netlist(kept), alias

    def lines(self) -> list[str]:
        """The text: every instance after the wires of its results."""
        lines: list[str] = []
        for item in self.items:
            if isinstance(item, str):
                lines += ["", f"    // {item}"]
                continue
            for stream in item.results:
                lines += wires(stream)
            lines += item.lines()
        return lines


def wires(stream: Stream) -> list[str]:
    """The declarations of a stream."""
    span = f"[{stream.width - 1}:0]"
    pad = " " * len(span)
    return [
        f"    wire {span} {stream.name}_data;",
        f"    wire {pad} {stream.name}_valid;",
        f"    wire {pad} {stream.name}_ready;",
    ]


def _connections(side: str, streams: tuple[Stream, ...]) -> str:
    parts = []
    for signal in ("data", "valid", "ready"):
        names = [f"{stream.name}_{signal}" for stream in reversed(streams)]
        value = names[0] if len(names) == 1 else f"{{{', '.join(names)}}}"
        parts.append(f".{side}_{signal}({value})")
    separator = ", " if len(streams) == 1 else ",\n        "
    return separator.join(parts)


def _value(value: int | str | Literal) -> str:
    if isinstance(value, Literal):
        return value.text
    return f'"{value}"' if isinstance(value, str) else str(value)
