"""Values that tensors took in a run, beside those they can take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hwcompress.errors import InputError
from hwcompress.ir import Graph, IntType, Range

__all__ = ["ObservedRanges", "RangeRow", "observed_ranges", "range_table"]


@dataclass(frozen=True)
class RangeRow:
    """One tensor. Bounds are over all channels.

    Attributes:
        tensor: its name.
        dtype: its type in the graph.
        reachable: what interval arithmetic allows, for any input.
        observed: what the run showed.
        constant_channels: channels that had one value throughout.
        channels: all channels.
        dead_channels: channels that can take one value only, whatever the input.
    """

    tensor: str
    dtype: IntType
    reachable: IntType
    observed: IntType
    constant_channels: int
    channels: int
    dead_channels: int = 0

    @property
    def unused_bits(self) -> int:
        """Bits of the type that the run did not need."""
        return max(self.dtype.bits - self.observed.bits, 0)


def observed_ranges(trace: Mapping[str, np.ndarray]) -> dict[str, Range]:
    """Smallest and largest value per channel of each traced tensor ``(n, ..., channels)``.

    Raises:
        InputError: the trace has no sample.
    """
    ranges = {}
    for name, values in trace.items():
        if values.size == 0:
            raise InputError("a trace without samples has no range", where=f"tensor {name!r}")
        flat = values.reshape(-1, values.shape[-1])
        ranges[name] = Range(flat.min(axis=0).astype(np.int64), flat.max(axis=0).astype(np.int64))
    return ranges


def range_table(graph: Graph, trace: Mapping[str, np.ndarray]) -> list[RangeRow]:
    """A row per traced tensor, in graph order."""
    return _rows(graph, observed_ranges(trace), graph.ranges())


class ObservedRanges:
    """Smallest and largest value per channel of every tensor, over any number of traces.

    Args:
        graph: the graph.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.reachable = graph.ranges()
        self.observed: dict[str, Range] = {}

    def add(self, trace: Mapping[str, np.ndarray]) -> None:
        """Samples ``(n, ..., channels)`` of tensors; each time of the same tensors."""
        for name, new in observed_ranges(trace).items():
            old = self.observed.get(name, new)
            self.observed[name] = Range(np.minimum(old.lo, new.lo), np.maximum(old.hi, new.hi))

    def table(self) -> list[RangeRow]:
        """A row per tensor that was seen, in graph order."""
        return _rows(self._graph, self.observed, self.reachable)


def _rows(
    graph: Graph, observed: Mapping[str, Range], reachable: Mapping[str, Range]
) -> list[RangeRow]:
    return [
        RangeRow(
            tensor=name,
            dtype=tensor.dtype,
            reachable=_hull(reachable[name], tensor.dtype),
            observed=_hull(observed[name], tensor.dtype),
            constant_channels=int(np.sum(observed[name].lo == observed[name].hi)),
            channels=tensor.type.channels,
            dead_channels=int(np.sum(reachable[name].lo == reachable[name].hi)),
        )
        for name, tensor in graph.tensors.items()
        if name in observed
    ]


def _hull(bounds: Range, dtype: IntType) -> IntType:
    """One interval for all channels; {-1, +1} stays bipolar if the type is."""
    lo, hi = int(bounds.lo.min()), int(bounds.hi.max())
    return dtype if (lo, hi) == (dtype.lo, dtype.hi) else IntType(lo, hi)
