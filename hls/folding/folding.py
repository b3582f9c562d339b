"""A folding: the parallelism of every engine of a design."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hwcompress.errors import InputError
from hwcompress.ir import Graph, Op

__all__ = ["Folding", "Lanes"]

_FORMAT = "hwcompress-folding-1"


@dataclass(frozen=True, slots=True)
class Lanes:
    """Parallelism of one engine: ``pe`` output lanes, ``simd`` input lanes.

    An engine that works channel by channel (thresholds, pooling, depthwise
    convolution, ...) has one number of lanes, ``pe``; its ``simd`` is 1.
    """

    pe: int
    simd: int = 1


@dataclass(frozen=True)
class Folding:
    """Lanes of every folded operation, by operation name."""

    lanes: Mapping[str, Lanes]

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
        unknown = set(self.lanes) - set(legal)
        if unknown:
            raise InputError(
                f"the folding names {min(unknown)!r}, which is no engine of {graph.name!r}",
                remedy=f"engines are {', '.join(legal)}",
            )
        for op in graph.layers:
            if op.name in legal and self.of(op) not in legal[op.name]:
                lanes = self.of(op)
                choices = legal[op.name]
                raise InputError(
                    f"pe={lanes.pe}, simd={lanes.simd} cannot fold {op.kind} {op.name!r}",
                    remedy=f"pe may be {_list(c.pe for c in choices)},"
                    f" simd {_list(c.simd for c in choices)}",
                )

    def to_json(self) -> str:
        """Deterministic text."""
        engines = {name: {"pe": x.pe, "simd": x.simd} for name, x in self.lanes.items()}
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
            lanes = {}
            for name, item in record["engines"].items():
                pe, simd = item["pe"], item.get("simd", 1)
                if type(pe) is not int or type(simd) is not int or pe < 1 or simd < 1:
                    raise ValueError(f"pe and simd of {name!r} must be positive integers")
                lanes[name] = Lanes(pe, simd)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                "is not a folding",
                where="folding",
                why=str(error),
                remedy='it looks like {"format": "hwcompress-folding-1",'
                ' "engines": {"conv1": {"pe": 4, "simd": 1}}}',
            ) from None
        return cls(lanes)


def _list(values: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(set(values))))
