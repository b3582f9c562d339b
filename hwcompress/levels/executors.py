"""The integer graph by its definition in NumPy, and by the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from hwcompress.inspect.layers import layer_facts
from hwcompress.ir import Graph, trace
from hwcompress.levels.level import Block, LevelKind, register
from hwcompress.levels.subject import Subject
from hwcompress.sim import Simulator

__all__: list[str] = []

# Products in int64 that the definition computes in about a minute, and integers of all tensors.
_MACS, _VALUES = 10_000_000_000, 200_000_000


@dataclass(frozen=True, eq=False)
class _Definition:
    graph: Graph
    who: str = "integer graph"
    real: bool = False

    @property
    def by(self) -> str:
        return f"numpy {version('numpy')}"

    @property
    def tensors(self) -> tuple[str, ...]:
        return tuple(self.graph.tensors)

    def trace(self, block: Block, tensors: Sequence[str]) -> dict[str, np.ndarray]:
        found = trace(self.graph, block.feeds)
        return {name: found[name] for name in tensors}


@dataclass(frozen=True, eq=False)
class _Simulator:
    simulator: Simulator
    who: str = "simulator"
    real: bool = False

    @property
    def by(self) -> str:
        return f"hwcompress with numba {version('numba')}"

    @property
    def tensors(self) -> tuple[str, ...]:
        return tuple(self.simulator.graph.tensors)

    def trace(self, block: Block, tensors: Sequence[str]) -> dict[str, np.ndarray]:
        return self.simulator.trace(block.feeds, tensors)


def _minute(subject: Subject) -> int:
    graph = subject.graph
    macs = sum(layer_facts(graph, op).macs for op in graph.layers)
    values = sum(tensor.type.size for tensor in graph.tensors.values())
    return max(1, min(_MACS // max(macs, 1), _VALUES // values))


register(
    LevelKind(
        "graph",
        "the integer graph by its definition in NumPy",
        lambda subject: _Definition(subject.graph),
        most=_minute,
    )
)
register(
    LevelKind(
        "simulator",
        "the simulator",
        lambda subject: _Simulator(Simulator(subject.graph)),
    )
)
