"""Faults in tensors: bits that flip between two operations, in some samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwcompress.ir import Graph, IntType, Reshape
from hwcompress.sim.effects.chance import flip_rows, hits, sample_key, stream_key
from hwcompress.sim.effects.faults import Faults, Flip
from hwcompress.sim.effects.memories import checked_index
from hwcompress.sim.effects.stored import bit_patterns

__all__ = ["TensorFlips", "flipped_tensors"]


def flipped_tensors(graph: Graph, faults: Faults) -> list[str]:
    """Tensors in which bits may flip, in graph order.

    A rate holds for every tensor but those of a Reshape, which are the same wires as its input.

    Raises:
        InputError: a flip names no tensor.
    """
    listed = set()
    for flip in faults.flips:
        if flip.sample is not None:
            if flip.where not in graph.tensors:
                layers = [op.name for op in graph.ops]
                remedy = f"tensors: {', '.join(graph.tensors)}"
                if flip.where in layers:
                    remedy = "leave the sample out for weights and thresholds of a layer; " + remedy
                raise flip.fail("there is no such tensor", remedy)
            listed.add(flip.where)
    return [name for name in graph.tensors if name in listed or _rate(graph, faults, name) > 0]


def _rate(graph: Graph, faults: Faults, tensor: str) -> float:
    if faults.only and tensor not in faults.only:
        return 0.0
    return 0.0 if isinstance(graph.producer(tensor), Reshape) else float(faults.activations)


@dataclass(frozen=True, eq=False)
class TensorFlips:
    """Flips in one tensor: by rate, by list, or both."""

    rate: float
    key: np.uint64
    kind: IntType
    shape: tuple[int, ...]
    every: tuple[tuple[int, int], ...]
    """Elements and bits that are flipped in every sample."""
    single: dict[int, tuple[tuple[int, int], ...]]
    """The same for some samples, by number."""

    @classmethod
    def make(cls, name: str, kind: IntType, graph: Graph, faults: Faults) -> TensorFlips:
        """Flips of one tensor.

        Args:
            name: of the tensor.
            kind: type of its stream, which says how many bits an element has.
            graph: the graph.
            faults: all faults.

        Raises:
            InputError: an index or a bit is out of range.
        """
        shape = graph.tensors[name].shape
        every: list[tuple[int, int]] = []
        single: dict[int, list[tuple[int, int]]] = {}
        for flip in faults.flips:
            if flip.sample is None or flip.where != name:
                continue
            index = checked_index(flip, shape, kind.bits)
            place = int(np.ravel_multi_index(index, shape)), flip.bit
            if flip.sample == "every":
                every.append(place)
            else:
                assert isinstance(flip.sample, int)
                single.setdefault(flip.sample, []).append(place)
        return cls(
            rate=_rate(graph, faults, name),
            key=stream_key(faults.seed, "activations", name),
            kind=kind,
            shape=shape,
            every=tuple(every),
            single={sample: tuple(places) for sample, places in single.items()},
        )

    def apply(self, rows: np.ndarray, first: int) -> None:
        """Flip bits of a block ``(features, lanes)`` in place; lane 0 is sample ``first``."""
        patterns = bit_patterns(self.kind).astype(rows.dtype)
        flip_rows(rows, first, self.key, self.rate, patterns)
        for feature, bit in self.every:
            rows[feature] ^= patterns[bit]
        if self.single:
            for lane in range(rows.shape[1]):
                for feature, bit in self.single.get(first + lane, ()):
                    rows[feature, lane] ^= patterns[bit]

    def listed(self, name: str, samples: int, start: int) -> list[Flip]:
        """The flips in some samples, one for each sample."""
        found = []
        bits = self.kind.bits
        total = int(np.prod(self.shape)) * bits
        for sample in range(start, start + samples):
            drawn = hits(sample_key(self.key, sample), total, self.rate).tolist()
            places = {divmod(place, bits) for place in drawn}
            places ^= set(self.every)
            places ^= set(self.single.get(sample, ()))
            for feature, bit in sorted(places):
                index = tuple(int(place) for place in np.unravel_index(feature, self.shape))
                found.append(Flip(name, index, bit, sample))
        return found
