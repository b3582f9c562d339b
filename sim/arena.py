"""Where the tensors of one block of samples live: slots that are used again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir import Graph, Input
from hwcompress.sim.plan import Rows, Step

__all__ = ["Arena", "Layout"]


@dataclass(frozen=True)
class Layout:
    """Slot and form of every tensor.

    Two tensors share a slot if the last reader of one comes before the maker
    of the other, so that a block stays in the processor's cache. Make one
    with :meth:`plan`.
    """

    rows: dict[str, Rows]
    slots: dict[str, int]
    scratch: dict[str, tuple[Rows, ...]]
    slot_bytes: tuple[int, ...]

    @classmethod
    def plan(cls, graph: Graph, steps: Sequence[Step], rows: dict[str, Rows]) -> Layout:
        """Walk the graph once; ``steps`` belong to ``graph.layers``, ``rows`` to every tensor."""
        # A block begins with all its inputs, wherever the graph lists them.
        ops = (*graph.inputs, *(op for op in graph.ops if not isinstance(op, Input)))
        last = {name: place for place, op in enumerate(ops) for name in op.inputs}
        work = dict(zip((op.name for op in graph.layers), steps, strict=True))
        slots: dict[str, int] = {}
        sizes: list[int] = []
        free: list[int] = []
        live: dict[int, int] = {}  # slot -> place of its last reader
        for place, op in enumerate(ops):
            free += [slot for slot, until in live.items() if until < place]
            live = {slot: until for slot, until in live.items() if until >= place}
            step = work.get(op.name)
            for output in op.outputs:
                if step is not None and step.in_place:
                    slot = slots[op.inputs[0]]
                    until = max(last[output], live[slot])
                else:
                    if not free:
                        free.append(len(sizes))
                        sizes.append(0)
                    slot, until = free.pop(), last[output]
                slots[output] = slot
                live[slot] = until
                sizes[slot] = max(sizes[slot], rows[output].bytes(1))
        scratch = {name: step.scratch for name, step in work.items()}
        return cls(rows, slots, scratch, tuple(sizes))

    @property
    def bytes_per_sample(self) -> int:
        """Memory of one sample in one arena."""
        extra = (rows.bytes(1) for group in self.scratch.values() for rows in group)
        return sum(self.slot_bytes) + max(extra, default=0)


class Arena:
    """The arrays of one thread for blocks of ``lanes`` samples."""

    def __init__(self, layout: Layout, lanes: int) -> None:
        self.lanes = lanes
        slots = [np.empty(size * lanes, np.uint8) for size in layout.slot_bytes]
        self.tensors = {
            name: _view(slots[layout.slots[name]], rows, lanes)
            for name, rows in layout.rows.items()
        }
        most = max((len(group) for group in layout.scratch.values()), default=0)
        extra = [
            np.empty(
                max(group[i].bytes(lanes) for group in layout.scratch.values() if i < len(group)),
                np.uint8,
            )
            for i in range(most)
        ]
        self.scratch = {
            name: tuple(_view(extra[i], rows, lanes) for i, rows in enumerate(group))
            for name, group in layout.scratch.items()
        }


def _view(memory: np.ndarray, rows: Rows, lanes: int) -> np.ndarray:
    """The front of a byte array as ``(features, lanes)``."""
    return memory[: rows.bytes(lanes)].view(rows.dtype).reshape(rows.features, lanes)
