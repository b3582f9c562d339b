"""Collects the operations of a graph while the source model is walked."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.crop import Source, crop_ops, selected_ops
from hwcompress.frontend.function import affine_function
from hwcompress.frontend.sums import PendingSum
from hwcompress.frontend.values import Symbolic
from hwcompress.ir import (
    Affine,
    Concat,
    Conv,
    ConvTranspose,
    Dense,
    Graph,
    Op,
    Range,
    Reshape,
    Split,
    TensorType,
)
from hwcompress.limits import DEFAULT_LIMITS, limit_remedy

__all__ = ["GraphBuilder", "as_affine"]

_LONGEST = 60  # characters of a name, which files and modules are named after

Image = tuple[int, int, int]
Quad = tuple[int, int, int, int]


def as_affine(gain: np.ndarray, offset: np.ndarray) -> Affine:
    """Metadata from per-channel arrays; one value where all channels agree."""

    def short(values: np.ndarray) -> tuple[float, ...]:
        items = tuple(float(item) for item in values)
        return items[:1] if len(set(items)) == 1 else items

    return Affine(short(gain), short(offset))


def _sum(first: Quad, second: Quad) -> Quad:
    top, left, bottom, right = (a + b for a, b in zip(first, second, strict=True))
    return top, left, bottom, right


class GraphBuilder:
    """Operations so far, with types and reachable ranges of their tensors."""

    def __init__(self, most: int = DEFAULT_LIMITS.elements) -> None:
        self._most = most  # elements of a tensor
        self.ops: list[Op] = []
        self.affine: dict[str, Affine] = {}
        self.notes: list[str] = []
        self.types: dict[str, TensorType] = {}
        self.ranges: dict[str, Range] = {}
        # Graph tensor -> source tensor that it realises, for comparisons.
        self.origin: dict[str, tuple[str, Symbolic]] = {}
        # Sums that no quantizer has closed yet, by the name that stands for them.
        self.pending: dict[str, PendingSum] = {}
        # (tensor, shape, order) -> the tensor that holds its elements so.
        self.arranged: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self.crops: dict[tuple[str, tuple[int, ...], tuple[int, ...]], str] = {}
        # What a crop was made of: the tensor, the crop's shape, the view, what is cut off.
        self._cropped: dict[str, tuple[str, Image, Image, Quad]] = {}
        self._given: set[str] = set()  # names of operations that are yet to be added
        self.splits: dict[tuple[str, tuple[int, ...]], tuple[str, ...]] = {}

    def fresh(self, stem: str) -> str:
        """An unused operation name, made of letters, digits and underscores."""
        stem = re.sub(r"[^A-Za-z0-9_]+", "_", stem).strip("_").lower().removeprefix("node_") or "op"
        stem = stem if len(stem) <= _LONGEST else f"{stem[: _LONGEST - 20]}_{stem[-19:]}"
        if stem[0].isdigit():  # Brevitas: "1/Conv"; identifiers start with a letter
            digits, _, rest = stem.partition("_")
            stem = f"{rest or 'op'}_{digits}"
        if not stem[0].isalpha():
            stem = f"op_{stem}"
        taken = {op.name for op in self.ops}
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}_{number}"
        return name

    def unused(self, stem: str) -> str:
        """An unused name that is not given a second time, either."""
        name, number = self.fresh(stem), 1
        while name in self._given:
            number += 1
            name = self.fresh(f"{stem}_{number}")
        self._given.add(name)
        return name

    def add(self, op: Op, affine: Affine | None = None) -> str:
        """Append an operation with one output; returns the output's name."""
        (output,) = self.add_all(op)
        if affine is not None:
            self.affine[output] = affine
        return output

    def add_all(self, op: Op) -> tuple[str, ...]:
        """Append an operation; returns the names of its outputs."""
        kinds = op.infer([self.types[source] for source in op.inputs])
        for kind in kinds:
            if kind.size > self._most:
                raise UnsupportedError(
                    f"a tensor of {kind.size} elements {kind.shape}",
                    where=f"{op.kind} {op.name!r}",
                    why=f"the limit is {self._most}",
                    remedy=limit_remedy("elements"),
                )
        bounds = op.ranges([self.ranges[source] for source in op.inputs])
        self.ops.append(op)
        self.types.update(zip(op.outputs, kinds, strict=True))
        self.ranges.update(zip(op.outputs, bounds, strict=True))
        return op.outputs

    def split(self, tensor: str, sizes: tuple[int, ...]) -> tuple[str, ...]:
        """Parts of ``tensor`` along its channels; the same ones if it is cut so already, or
        what it was put together of."""
        if len(sizes) == 1:
            return (tensor,)
        for op in self.ops:
            joins = isinstance(op, Concat) and op.outputs == (tensor,)
            if joins and tuple(self.types[item].channels for item in op.inputs) == sizes:
                return op.inputs
        if (tensor, sizes) not in self.splits:
            name = self.fresh(f"{tensor}_split")
            parts = tuple(f"{name}_{index}" for index in range(len(sizes)))
            self.splits[tensor, sizes] = self.add_all(Split(name, (tensor,), parts, sizes))
        return self.splits[tensor, sizes]

    def crop(
        self,
        tensor: str,
        view: Image,
        padding: Quad,
    ) -> str:
        """``tensor`` as an image without some rows and columns (top, left, bottom, right);
        the same name if none are left out."""
        if not any(padding):
            return tensor
        if (before := self._cropped.get(tensor)) is not None and before[1] == view:
            tensor, view, padding = before[0], before[2], _sum(before[3], padding)
        key = (tensor, view, padding)
        if key not in self.crops:
            target = self.unused(f"{tensor}_crop")
            source = Source(tensor, self.types[tensor])
            for op in crop_ops(source, view, padding, target, self.unused):
                self.add(op)
            self.crops[key] = target
            self._cropped[target] = (tensor, self._image(target), view, padding)
        return self.crops[key]

    def _image(self, tensor: str) -> Image:
        height, width, channels = self.types[tensor].shape
        return height, width, channels

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
            if isinstance(op, Reshape) and op.outputs == (tensor,):
                source = self.types[op.inputs[0]]
                if source.shape == shape:  # back to what it was
                    return op.inputs[0]
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
        return value.rebased(
            tensor, value.shape, value.order, lambda function: function.rearranged(channel)
        )

    def add_bias(self, tensor: str, bias: np.ndarray) -> None:
        """Add integers per channel inside the layer with weights that makes ``tensor``."""
        index = next(i for i, op in enumerate(self.ops) if tensor in op.outputs)
        op = self.ops[index]
        assert isinstance(op, Dense | Conv | ConvTranspose)
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
            if op.outputs and not wanted & set(op.outputs):
                continue
            wanted |= set(op.inputs)
            if isinstance(op, Split) and set(op.outputs) - wanted:
                parts = selected_ops(op, self.types[op.inputs[0]], wanted, self.unused)
                kept.extend(reversed(parts))
                self.notes.append(f"channels of {op.inputs[0]!r} that nothing reads are cut off")
            else:
                kept.append(op)
        return Graph.build(name, kept[::-1], self.affine, self.notes)
