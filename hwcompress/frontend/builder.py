"""Collects the operations of a graph while the source model is walked."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.function import affine_function
from hwcompress.frontend.onnx_model import MAX_ELEMENTS
from hwcompress.frontend.values import Symbolic
from hwcompress.ir import Affine, Conv, Dense, Graph, Op, Range, Reshape, TensorType

__all__ = ["GraphBuilder", "as_affine"]


def as_affine(gain: np.ndarray, offset: np.ndarray) -> Affine:
    """Metadata from per-channel arrays; one value where all channels agree."""

    def short(values: np.ndarray) -> tuple[float, ...]:
        items = tuple(float(item) for item in values)
        return items[:1] if len(set(items)) == 1 else items

    return Affine(short(gain), short(offset))


class GraphBuilder:
    """Operations so far, with types and reachable ranges of their tensors."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.affine: dict[str, Affine] = {}
        self.notes: list[str] = []
        self.types: dict[str, TensorType] = {}
        self.ranges: dict[str, Range] = {}
        # Graph tensor -> source tensor that it realises, for comparisons.
        self.origin: dict[str, tuple[str, Symbolic]] = {}

    def fresh(self, stem: str) -> str:
        """An unused operation name, made of letters, digits and underscores."""
        stem = re.sub(r"[^A-Za-z0-9_]+", "_", stem).strip("_").lower().removeprefix("node_") or "op"
        if stem[0].isdigit():  # Brevitas: "1/Conv"; identifiers start with a letter
            digits, _, rest = stem.partition("_")
            stem = f"{rest or 'op'}_{digits}"
        taken = {op.name for op in self.ops}
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}_{number}"
        return name

    def add(self, op: Op, affine: Affine | None = None) -> str:
        """Append an operation with one output; returns the output's name."""
        (kind,) = op.infer([self.types[source] for source in op.inputs])
        if kind.size > MAX_ELEMENTS:
            raise UnsupportedError(
                f"a tensor of {kind.size} elements {kind.shape}",
                where=f"{op.kind} {op.name!r}",
                remedy=f"at most {MAX_ELEMENTS} elements a sample are supported",
            )
        (bounds,) = op.ranges([self.ranges[source] for source in op.inputs])
        (output,) = op.outputs
        self.ops.append(op)
        self.types[output] = kind
        self.ranges[output] = bounds
        if affine is not None:
            self.affine[output] = affine
        return output

    def symbol(
        self,
        tensor: str,
        shape: tuple[int, ...],
        order: np.ndarray,
        gain: np.ndarray,
        offset: np.ndarray,
    ) -> Symbolic:
        """A graph tensor as a source tensor that is affine in it; notes the affine."""
        self.affine[tensor] = as_affine(gain, offset)
        return Symbolic(tensor, shape, order, affine_function(gain, offset))

    def reshape(self, tensor: str, shape: tuple[int, ...]) -> str:
        """``tensor`` in another shape; the same name if it has it already."""
        if self.types[tensor].shape == shape:
            return tensor
        for op in self.ops:
            if isinstance(op, Reshape) and op.inputs == (tensor,) and op.shape == shape:
                return op.outputs[0]
        name = self.fresh("flatten" if len(shape) == 1 else "reshape")
        channels = self.types[tensor].channels
        known = self.affine.get(tensor, Affine())
        spread = (
            Affine(
                *(
                    values if len(values) == 1 else values * (shape[-1] // channels)
                    for values in (known.scale, known.offset)
                )
            )
            if shape[-1] % channels == 0
            else None
        )
        return self.add(Reshape(name, (tensor,), (name,), shape), spread)

    def flattened(self, value: Symbolic) -> Symbolic:
        """``value`` as a function of a vector, one channel per element."""
        before = self.types[value.base]
        if len(before.shape) == 1:
            return value
        tensor = self.reshape(value.base, (before.size,))
        channel = np.arange(before.size) % before.channels

        def lifted(item: Symbolic) -> Symbolic:
            return Symbolic(
                tensor,
                item.shape,
                item.order,
                item.function.rearranged(channel),
                lifted(item.head) if item.head is not None else None,
                item.tail,
            )

        return lifted(value)

    def add_bias(self, tensor: str, bias: np.ndarray) -> None:
        """Add integers per channel inside the Dense or Conv that makes ``tensor``."""
        index = next(i for i, op in enumerate(self.ops) if tensor in op.outputs)
        op = self.ops[index]
        assert isinstance(op, Dense | Conv)
        total = bias if op.bias is None else op.bias + bias
        changed = replace(op, bias=total)
        self.ops[index] = changed
        sources = changed.inputs
        (self.types[tensor],) = changed.infer([self.types[source] for source in sources])
        (self.ranges[tensor],) = changed.ranges([self.ranges[source] for source in sources])

    def build(self, name: str) -> Graph:
        """The finished, validated graph, without operations that nothing reads."""
        wanted: set[str] = set()
        kept: list[Op] = []
        for op in reversed(self.ops):
            if not op.outputs or wanted & set(op.outputs):
                kept.append(op)
                wanted |= set(op.inputs)
        return Graph.build(name, kept[::-1], self.affine, self.notes)
