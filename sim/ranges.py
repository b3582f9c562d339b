"""Values that tensors took in a run, beside those they can take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hwcompress.errors import InputError
from hwcompress.ir import Graph, IntType, Range

__all__ = ["RangeRow", "observed_ranges", "range_table"]


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
    """

    tensor: str
    dtype: IntType
    reachable: IntType
    observed: IntType
    constant_channels: int
    channels: int

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
    observed, reachable = observed_ranges(trace), graph.ranges()
    return [
        RangeRow(
            tensor=name,
            dtype=tensor.dtype,
            reachable=_hull(reachable[name], tensor.dtype),
            observed=_hull(observed[name], tensor.dtype),
            constant_channels=int(np.sum(observed[name].lo == observed[name].hi)),
            channels=tensor.type.channels,
        )
        for name, tensor in graph.tensors.items()
        if name in observed
    ]


def _hull(bounds: Range, dtype: IntType) -> IntType:
    """One interval for all channels; {-1, +1} stays bipolar if the type is."""
    lo, hi = int(bounds.lo.min()), int(bounds.hi.max())
    return dtype if (lo, hi) == (dtype.lo, dtype.hi) else IntType(lo, hi)
