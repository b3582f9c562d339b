"""Which tensors are stored as words, and how: decided before anything is placed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwcompress.ir import (
    Add,
    Concat,
    Graph,
    IntType,
    MaxPool,
    Op,
    Reshape,
    Shuffle,
    Split,
    Threshold,
    Upsample,
)
from hwcompress.sim.words.dot_job import weights_fit
from hwcompress.sim.words.dot_kernel import BITS, BYTES, PAIRS, WIDE
from hwcompress.sim.words.plane import Plane, image_of
from hwcompress.sim.words.sums import Border, Sums

__all__ = ["Form", "find_forms", "is_virtual"]

# Fewer channels leave a word of single bits so empty that bytes are faster.
_MIN_BITS = 24


@dataclass(frozen=True)
class Form:
    """How a tensor is stored."""

    kind: int
    zero: int
    border: Border
    pad: int | None

    def plane(self, name: str, shape: tuple[int, ...], *, flat: bool = False) -> Plane:
        """Words for a tensor of some shape; as one pixel, if it is to be ``flat``."""
        image = (1, 1, int(np.prod(shape))) if flat else image_of(shape)
        return Plane(name, self.kind, *image, self.zero, self.border, self.pad)


def is_virtual(op: Op, graph: Graph) -> bool:
    """Whether an operation only says where elements are found."""
    if isinstance(op, Reshape):
        return len(op.shape) == 1 and len(graph.tensors[op.inputs[0]].shape) in (1, 3)
    if isinstance(op, Concat | Split | Shuffle):
        return len(graph.tensors[op.inputs[0]].shape) in (1, 3)
    return False


@dataclass
class _Wish:
    """What the readers of a group of tensors want of their form.

    ``pad`` is what the border holds; ``bits``: every reader can take single bits.
    """

    types: list[IntType]
    border: Border = (0, 0, 0, 0)
    pad: int | None = None
    large_weights: bool = False
    bits: bool = True
    summed: bool = False


def find_forms(graph: Graph, sums: dict[str, Sums | None]) -> dict[str, Form | None]:
    """A form for every tensor that is not virtual; ``None`` where no word holds its integers."""
    group: dict[str, str] = {}
    sources: dict[str, list[str]] = {}

    def root(name: str) -> str:
        while group[name] != name:
            name = group[name]
        return name

    for op in graph.ops:
        for output in op.outputs:
            if is_virtual(op, graph):
                sources[output] = [item for name in op.inputs for item in sources[name]]
                for item in sources[output][1:]:
                    group[root(item)] = root(sources[output][0])
            else:
                sources[output], group[output] = [output], output
    for op in graph.layers:
        if isinstance(op, MaxPool | Upsample):  # words go through unchanged
            for item in sources[op.inputs[0]]:
                group[root(item)] = root(op.outputs[0])
        if isinstance(op, Add):  # one sum reads words of one form
            first, *others = [item for name in op.inputs for item in sources[name]]
            for item in others:
                group[root(item)] = root(first)
    wishes: dict[str, _Wish] = {}
    for name in group:
        wishes.setdefault(root(name), _Wish([])).types.append(graph.tensors[name].dtype)
    for op in graph.layers:
        for name in op.inputs:
            for item in sources[name]:
                _read(op, graph, sums.get(op.name), wishes[root(item)])
    for name in group:
        op = next(item for item in graph.ops if name in item.outputs)
        if not isinstance(op, Threshold | MaxPool | Upsample) and op.kind != "Input":
            wishes[root(name)].bits = False
    return {name: _form(wishes[root(name)]) for name in group}


def _read(op: Op, graph: Graph, total: Sums | None, wish: _Wish) -> None:
    """Add what one reader wants."""
    if is_virtual(op, graph):
        wish.bits = wish.bits and isinstance(op, Reshape)
        return
    if isinstance(op, MaxPool | Upsample):
        return
    if total is None:
        wish.bits = False
        return
    wish.summed = True
    border, pad = total.border, total.pad
    if any(border) and (wish.pad is None or wish.pad == pad):
        wish.pad = pad
        pairs = zip(wish.border, border, strict=True)
        top, left, bottom, right = (max(a, b) for a, b in pairs)
        wish.border = (top, left, bottom, right)
    if any(border) and abs(pad) != 1:
        wish.bits = False
    weights = total.weights
    if not weights_fit(BYTES, weights, apart=total.apart):
        wish.large_weights = True
    if total.apart or not weights_fit(BITS, weights):
        wish.bits = False
    if all(int(np.unique(part.tap_c).size) < _MIN_BITS for part in total.parts):
        wish.bits = False


def _form(wish: _Wish) -> Form | None:
    types = wish.types
    lo, hi = min(item.lo for item in types), max(item.hi for item in types)
    if wish.bits and wish.summed and all(item.is_bipolar for item in types):
        return Form(BITS, 0, wish.border, wish.pad)
    if wish.pad is not None:
        lo, hi = min(lo, wish.pad), max(hi, wish.pad)
    if hi - lo < 256 and not wish.large_weights:
        return Form(BYTES, lo, wish.border, wish.pad)
    if lo >= -32768 and hi <= 32767:
        return Form(PAIRS, 0, wish.border, wish.pad)
    if lo >= -(1 << 31) and hi < 1 << 31:
        return Form(WIDE, 0, (0, 0, 0, 0), None)
    return None
