"""Samples in blocks that fit the memory, whether they are read or drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from hwcompress.inspect.draw import Drawn
from hwcompress.inspect.inputs import GivenData
from hwcompress.ir import Graph
from hwcompress.samples import Samples, sample_rows, stacked

__all__ = ["Blocks", "block_size"]

_BLOCK_BYTES = 1 << 27
_MAX_BLOCK = 1000


def block_size(graph: Graph) -> int:
    """Samples of which every tensor fits about 128 MiB."""
    row = 8 * sum(tensor.type.size for tensor in graph.tensors.values())
    return max(1, min(_MAX_BLOCK, _BLOCK_BYTES // row))


class Blocks:
    """All samples of a comparison.

    Args:
        source: what they are taken from.
        count: how many.
        size: samples a block.
    """

    def __init__(self, source: GivenData | Drawn, count: int, size: int) -> None:
        self._source = source
        self.count = count
        self.size = size

    def rows(self, indices: Sequence[int]) -> Samples:
        """Some samples by their indices, not necessarily of one block."""
        if not isinstance(self._source, Drawn):
            return sample_rows(self._source.samples, np.asarray(indices, np.int64))
        return stacked([self._source.block(index, 1) for index in indices])

    def __iter__(self) -> Iterator[tuple[int, Samples]]:
        """Index of the first sample, and the samples, of each block."""
        for start in range(0, self.count, self.size):
            stop = min(start + self.size, self.count)
            if isinstance(self._source, Drawn):
                yield start, self._source.block(start, stop - start)
            else:
                yield start, sample_rows(self._source.samples, slice(start, stop))
