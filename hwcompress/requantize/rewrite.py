"""An integer graph with requantized weights.

A layer's old sums are ``y = multiplier * s / 2**shift + bias`` of its new sums ``s``, per output
channel. What follows takes that in:

- a ``Threshold`` compares ``s`` with ``ceil((t - bias) * 2**shift / multiplier)``;
- a ``Rescale`` gets ``mul * multiplier``, ``(add + mul * bias) * 2**shift``, ``shift + shift``;
- between the layer and these may stand operations that choose or move elements (a maximum, a
  reshaping that keeps the channels last), which the positive multipliers do not disturb;
- where anything else reads the sums, multipliers are whole numbers, and a ``Rescale`` of the
  layer's own puts ``multiplier * s + bias`` together again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hwcompress.errors import GraphError, InputError
from hwcompress.ir import (
    Affine,
    Conv,
    ConvTranspose,
    Dense,
    Graph,
    MaxPool,
    Op,
    Range,
    Rescale,
    Reshape,
    TensorType,
    Threshold,
    Transpose,
    Upsample,
)
from hwcompress.ir.ops.linear import type_of_range
from hwcompress.ir.types import LIMIT
from hwcompress.requantize.rounding import Rounded, Scales, round_weights

__all__ = ["LayerChange", "Requantized", "requantize_graph"]

Weighted = Conv | ConvTranspose | Dense

_FRACTION = 4
_MAX_SHIFT = 48
# Sums and thresholds beyond this could not be compared without wrapping.
_REACH = 1 << 53


@dataclass(frozen=True)
class LayerChange:
    """What became of a layer.

    Attributes:
        name: of the layer.
        weights: how many it has.
        before, after: types of its weights, as text.
        bits_before, bits_after: their widths.
        error: sum of squared changes over the sum of squares.
        zeros: share of new weights that are zero.
        taken_in: where the multipliers went: ``thresholds``, ``rescaling``, both, or
            ``own rescaling``; ``-`` for a layer that is kept.
    """

    name: str
    weights: int
    before: str
    after: str
    bits_before: int
    bits_after: int
    error: float
    zeros: float
    taken_in: str


@dataclass(frozen=True, eq=False)
class Requantized:
    """The graph, what became of each layer, and the new weights of those that changed."""

    graph: Graph
    layers: tuple[LayerChange, ...]
    rounded: Mapping[str, Rounded]


def requantize_graph(
    graph: Graph,
    bits: int | None,
    *,
    layers: Mapping[str, int | None] | None = None,
    scales: Scales = "channel",
    balanced: bool = True,
) -> Requantized:
    """Round the weights of a graph to fewer bits.

    Args:
        graph: any; it is not changed.
        bits: of every layer, 1 to 8; ``None`` keeps the layers.
        layers: bits of single layers by name, ``None`` to keep one.
        scales: of the multipliers.
        balanced: whether errors of a row are balanced in layers that read nothing negative.

    Raises:
        InputError: a number of bits is out of range, a name is of no layer, or the graph has
            no weights.
        GraphError: a sum could leave the range of the graph's integers.
    """
    layers = layers or {}
    names = [op.name for op in graph.layers if isinstance(op, Weighted)]
    if not names:
        raise InputError("the model has no layer with weights", where=graph.name)
    for name, width in [("all layers", bits), *layers.items()]:
        if width is not None and not 1 <= width <= 8:
            raise InputError(f"{width} bits for {name}", remedy="give 1 to 8 bits")
    if unknown := [name for name in layers if name not in names]:
        raise InputError(
            f"no layer is called {unknown[0]!r}",
            where=graph.name,
            remedy=f"the layers with weights are {', '.join(names)}",
        )
    work = _Work(graph, scales, balanced)
    for op in graph.ops:
        width = layers.get(op.name, bits)
        if isinstance(op, Weighted):
            work.layer(op, width)
        else:
            work.other(op)
    changed = sum(item.taken_in != "-" for item in work.changes)
    note = f"weights of {changed} of {len(names)} layers requantized without data ({scales} scales)"
    made = Graph.build(graph.name, work.ops, work.affine, (*graph.notes, note))
    return Requantized(made, tuple(work.changes), work.rounded)


@dataclass(frozen=True, eq=False)
class _Scaling:
    """``old = multiplier * new / 2**shift + bias`` per channel, int64 ``(channels,)``."""

    multiplier: np.ndarray
    shift: int
    bias: np.ndarray


class _Work:
    """The new graph while it grows."""

    def __init__(self, graph: Graph, scales: Scales, balanced: bool) -> None:
        self.graph, self.scales, self.balanced = graph, scales, balanced
        self.ops: list[Op] = []
        self.changes: list[LayerChange] = []
        self.rounded: dict[str, Rounded] = {}
        self.affine: dict[str, Affine] = {
            name: tensor.affine for name, tensor in graph.tensors.items()
        }
        # Of tensors whose new integers are not the old ones.
        self.scaled: dict[str, _Scaling] = {}
        self.types: dict[str, TensorType] = {}
        self.names = {op.name for op in graph.ops} | set(graph.tensors)

    def add(self, op: Op) -> None:
        """Enter an operation, and what it makes."""
        try:
            found = op.infer([self.types[name] for name in op.inputs])
        except GraphError as error:
            if not error.remedy:
                error.why = error.why or "sums of the new weights have another range"
                error.remedy = "keep the layers before it, or give them more bits"
            raise
        self.types.update(zip(op.outputs, found, strict=True))
        self.ops.append(op)

    def layer(self, op: Weighted, bits: int | None) -> None:
        """A layer with weights."""
        if bits is None or op.wtype.bits <= bits:
            self.add(op)
            self.changes.append(_kept(op))
            return
        readers = _absorbing(self.graph, op)
        fraction = _FRACTION if readers and _fits(readers, _FRACTION) else 0
        positive = self.types[op.inputs[0]].dtype.lo >= 0
        balanced = self.balanced and positive
        new = round_weights(op.weight, bits, self.scales, fraction, balanced=balanced)
        self.rounded[op.name] = new
        bias = np.zeros_like(new.multiplier) if op.bias is None else op.bias
        scaling = _Scaling(new.multiplier, new.shift, bias)
        made = replace(op, weight=new.weight, wtype=new.dtype, bias=None)
        if readers:
            self.add(made)
            self.enter(op.outputs[0], scaling)
        else:
            self.restored(made, scaling)
        self.changes.append(_change(op, new, _where(readers)))

    def restored(self, op: Weighted, scaling: _Scaling) -> None:
        """A layer whose sums get back their old steps at once."""
        (output,) = op.outputs
        inner = self.fresh(f"{output}_sum")
        before = self.affine[output]
        self.add(replace(op, outputs=(inner,)))
        self.affine[inner] = _affine(before, scaling)
        source = self.types[op.inputs[0]]
        (bounds,) = op.ranges([Range.of_type(source.dtype, source.channels)])
        exact = Range(
            bounds.lo * scaling.multiplier + scaling.bias,
            bounds.hi * scaling.multiplier + scaling.bias,
        )
        mul, add = _shortest(scaling.multiplier, scaling.bias)
        name = self.fresh(f"{op.name}_scale")
        shift = np.zeros(1, np.int64)
        self.add(Rescale(name, (inner,), (output,), mul, add, shift, "floor", type_of_range(exact)))

    def enter(self, tensor: str, scaling: _Scaling) -> None:
        """A tensor has new integers from here on."""
        self.scaled[tensor] = scaling
        self.affine[tensor] = _affine(self.affine[tensor], scaling)

    def other(self, op: Op) -> None:
        """An operation without weights."""
        scaling = self.scaled.get(op.inputs[0]) if len(op.inputs) == 1 else None
        if scaling is None:
            self.add(op)
        elif isinstance(op, Threshold):
            self.add(_threshold(op, scaling, self.types[op.inputs[0]]))
        elif isinstance(op, Rescale):
            self.add(_rescale(op, scaling))
        else:
            self.add(op)
            self.enter(op.outputs[0], scaling)

    def fresh(self, name: str) -> str:
        """A name that nothing has."""
        made, number = name, 1
        while made in self.names:
            number += 1
            made = f"{name}_{number}"
        self.names.add(made)
        return made


def _kept(op: Weighted) -> LayerChange:
    said, width, zeros = str(op.wtype), op.wtype.bits, float(np.mean(op.weight == 0))
    return LayerChange(op.name, op.weight.size, said, said, width, width, 0.0, zeros, "-")


def _change(op: Weighted, new: Rounded, taken_in: str) -> LayerChange:
    energy = float((op.weight.astype(np.float64) ** 2).sum())
    return LayerChange(
        name=op.name,
        weights=op.weight.size,
        before=str(op.wtype),
        after=str(new.dtype),
        bits_before=op.wtype.bits,
        bits_after=new.dtype.bits,
        error=float(((op.weight - new.values) ** 2).sum()) / energy if energy else 0.0,
        zeros=float(np.mean(new.weight == 0)),
        taken_in=taken_in,
    )


def _absorbing(graph: Graph, op: Op) -> list[Threshold | Rescale]:
    """The operations that can take a layer's multipliers in; none if anything else reads it."""
    channels = graph.tensors[op.outputs[0]].type.channels
    found: list[Threshold | Rescale] = []
    waiting = list(graph.consumers(op.outputs[0]))
    while waiting:
        reader = waiting.pop()
        if isinstance(reader, Threshold | Rescale):
            found.append(reader)
        elif _passes(reader, channels):
            waiting += graph.consumers(reader.outputs[0])
        else:
            return []
    return found


def _passes(op: Op, channels: int) -> bool:
    """Whether it only chooses or moves elements, none of them to another channel."""
    if isinstance(op, Reshape):
        return op.shape[-1] == channels
    if isinstance(op, Transpose):
        return op.axes[-1] == len(op.axes) - 1
    return isinstance(op, MaxPool | Upsample)


def _fits(readers: Sequence[Op], fraction: int) -> bool:
    """Whether rescalings have room for the fraction bits."""
    shifts = [int(op.shift.max()) for op in readers if isinstance(op, Rescale)]
    return max(shifts, default=0) + fraction <= _MAX_SHIFT


def _where(readers: Sequence[Op]) -> str:
    kinds: tuple[tuple[type, str], ...] = ((Threshold, "thresholds"), (Rescale, "rescaling"))
    found = [said for kind, said in kinds if any(isinstance(op, kind) for op in readers)]
    return " and ".join(found) or "own rescaling"


def _affine(affine: Affine, scaling: _Scaling) -> Affine:
    """What the new integers stand for."""
    scale, offset = np.array(affine.scale), np.array(affine.offset)
    gain = scaling.multiplier / (1 << scaling.shift)
    return Affine(_tuple(scale * gain), _tuple(offset + scale * scaling.bias))


def _tuple(values: np.ndarray) -> tuple[float, ...]:
    found = tuple(float(item) for item in values)
    return found[:1] if len(set(found)) == 1 else found


def _threshold(op: Threshold, scaling: _Scaling, source: TensorType) -> Threshold:
    """The same decisions on new sums."""
    peak = max(abs(source.dtype.lo), abs(source.dtype.hi))
    if peak * int(scaling.multiplier.max()) >= _REACH:
        raise op.fail("sums times their multipliers reach 2**53", remedy="keep the layer before it")
    multiplier, bias = _shortest(scaling.multiplier, scaling.bias)
    rows = max(multiplier.size, bias.size, op.thresholds.shape[0], op.sign.size)
    sign = np.broadcast_to(op.sign, (rows,))
    # Beyond the reach a threshold decides the same wherever it lies; a difference of int64
    # that may wrap is formed of Python's integers.
    wide = op.thresholds.astype(object) - (sign * bias)[:, None].astype(object)
    near = np.clip(wide, -_REACH, _REACH).astype(np.int64)
    found = -((-near << scaling.shift) // np.broadcast_to(multiplier, (rows,))[:, None])
    return replace(op, thresholds=found)


def _rescale(op: Rescale, scaling: _Scaling) -> Rescale:
    """The same function of new sums."""
    multiplier, bias = _shortest(scaling.multiplier, scaling.bias)
    factor, offset = (float(np.abs(item).max()) for item in (op.mul, op.add))
    most = factor * max(float(multiplier.max()), float(np.abs(bias).max())) + offset
    if most * (1 << scaling.shift) >= LIMIT:
        raise op.fail("its factors would reach 2**62", remedy="keep the layer before it")
    mul, add = op.mul * multiplier, (op.add + op.mul * bias) << scaling.shift
    mul, add, shift = np.broadcast_arrays(mul, add, op.shift + scaling.shift)
    # Twos that all three share say nothing.
    spare = np.minimum.reduce([_twos(mul), _twos(add), shift])
    if _alike(shift).size == 1:  # one shift for all channels is wires in hardware
        spare = spare.min(keepdims=True)
    mul, add, shift = mul >> spare, add >> spare, shift - spare
    return replace(op, mul=_alike(mul), add=_alike(add), shift=_alike(shift))


def _twos(values: np.ndarray) -> np.ndarray:
    """How often 2 divides each number; of zero, any number of times."""
    low = [int(item) & -int(item) for item in values]
    return np.array([item.bit_length() - 1 if item else 63 for item in low], np.int64)


def _shortest(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """Each array, as one element where all are alike."""
    return tuple(_alike(item) for item in arrays)


def _alike(values: np.ndarray) -> np.ndarray:
    first = values[:1]
    return np.ascontiguousarray(first if np.all(values == first) else values)
