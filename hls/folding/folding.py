"""A folding: the parallelism of every engine of a design."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hwcompress.errors import InputError
from hwcompress.hls.folding.style import DEFAULT_STYLE, Style
from hwcompress.ir import Graph, Op

__all__ = ["Folding", "Lanes"]

_FORMAT = "hwcompress-folding-1"


@dataclass(frozen=True, slots=True)
class Lanes:
    """Parallelism of one engine: ``pe`` output lanes, ``simd`` input lanes.

    An engine that works channel by channel (thresholds, pooling, ...) has one
    number of lanes, ``pe``; its ``simd`` is 1. Element by element they may
    exceed the channels: then a beat holds several pixels.

    A convolution whose ``simd`` is the kernel's positions times a divisor of a
    group's channels takes all positions of a window at once; a depthwise one
    has the channels as ``pe`` and the positions at once as ``simd``.
    ``pixels`` neighbouring windows of a row go through it side by side.
    """

    pe: int
    simd: int = 1
    pixels: int = 1

    def __str__(self) -> str:
        text = f"pe={self.pe}, simd={self.simd}"
        return text if self.pixels == 1 else f"{text}, pixels={self.pixels}"


@dataclass(frozen=True)
class Folding:
    """Lanes of every folded operation, by operation name; ``styles`` where not the default."""

    lanes: Mapping[str, Lanes]
    styles: Mapping[str, Style] = field(default_factory=dict)

    def style(self, op: Op) -> Style:
        """How an operation's multiplications and memories are made."""
        return self.styles.get(op.name, DEFAULT_STYLE)

    def of(self, op: Op) -> Lanes:
        """Lanes of an operation.

        Raises:
            InputError: the folding does not name it.
        """
        if op.name not in self.lanes:
            raise InputError(
                f"the folding says nothing about {op.kind} {op.name!r}",
                remedy="make it for this graph, for example with default_folding",
            )
        return self.lanes[op.name]

    def check(self, graph: Graph) -> None:
        """Raise :class:`InputError` unless every engine of ``graph`` has legal lanes."""
        from hwcompress.hls.folding.search import legal_foldings

        legal = legal_foldings(graph)
        unknown = (set(self.lanes) | set(self.styles)) - set(legal)
        if unknown:
            raise InputError(
                f"the folding names {min(unknown)!r}, which is no engine of {graph.name!r}",
                remedy=f"engines are {', '.join(legal)}",
            )
        for op in graph.layers:
            if op.name in legal and self.of(op) not in legal[op.name]:
                lanes = self.of(op)
                choices = legal[op.name]
                remedy = (
                    f"pe may be {_list(c.pe for c in choices)},"
                    f" simd {_list(c.simd for c in choices)}"
                )
                if any(c.pixels > 1 for c in choices):
                    remedy += f", pixels {_list(c.pixels for c in choices)}"
                if lanes.pixels == 1 and {lanes.pe} <= {c.pe for c in choices}:
                    simds = _list(c.simd for c in choices if c.pe == lanes.pe and c.pixels == 1)
                    remedy += f"; with pe={lanes.pe}, simd may be {simds}"
                raise InputError(f"{lanes} cannot fold {op.kind} {op.name!r}", remedy=remedy)

    def to_json(self) -> str:
        """Deterministic text."""
        engines = {
            name: {**_record(lanes), **self.styles.get(name, DEFAULT_STYLE).record()}
            for name, lanes in self.lanes.items()
        }
        return json.dumps({"format": _FORMAT, "engines": engines}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Folding:
        """Inverse of :meth:`to_json`.

        Raises:
            InputError: the text is not a folding.
        """
        try:
            record = json.loads(text)
            if record["format"] != _FORMAT:
                raise ValueError(f"format {record['format']!r}, expected {_FORMAT!r}")
            lanes, styles = {}, {}
            for name, item in record["engines"].items():
                numbers = (item["pe"], item.get("simd", 1), item.get("pixels", 1))
                if any(type(number) is not int or number < 1 for number in numbers):
                    raise ValueError(f"pe, simd and pixels of {name!r} must be positive integers")
                lanes[name] = Lanes(*numbers)
                style = Style.read(item)
                if style != DEFAULT_STYLE:
                    styles[name] = style
        except (
            AttributeError,
            InputError,
            KeyError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            raise InputError(
                "is not a folding",
                where="folding",
                why=str(error),
                remedy='it looks like {"format": "hwcompress-folding-1",'
                ' "engines": {"conv1": {"pe": 4, "simd": 1}}}',
            ) from None
        return cls(lanes, styles)


def _record(lanes: Lanes) -> dict[str, int]:
    record = {"pe": lanes.pe, "simd": lanes.simd}
    return record if lanes.pixels == 1 else {**record, "pixels": lanes.pixels}


def _list(values: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(set(values))))
