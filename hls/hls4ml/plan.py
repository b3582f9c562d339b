"""The integer graph as a list of hls4ml layers, complete before anything is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# The handlers register themselves.
import hwcompress.hls.hls4ml.constant
import hwcompress.hls.hls4ml.joins
import hwcompress.hls.hls4ml.linear
import hwcompress.hls.hls4ml.moves
import hwcompress.hls.hls4ml.pooling
import hwcompress.hls.hls4ml.scalar  # noqa: F401
from hwcompress.errors import InputError, UnsupportedError
from hwcompress.hls.hls4ml.layer import REALISATION, Choice, Layer, Site
from hwcompress.hls.hls4ml.shape import copy_choice, reshape_choice
from hwcompress.ir import (
    Conv,
    ConvTranspose,
    Graph,
    Input,
    MaxPool,
    Op,
    Output,
    Reshape,
    SumPool,
    Upsample,
)

__all__ = ["Plan", "make_plan"]

# hls4ml has clone_stream for up to seven readers; one of them is a copy for the further ones.
_MOST_READERS = 7
_ON_IMAGES = (Conv, ConvTranspose, MaxPool, SumPool, Upsample)

# The layer of each output of an operation.
Choices = tuple[Choice, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """Layers in topological order, and the names of those at the ends.

    ``roots`` maps every tensor to the tensor whose layer holds its elements:
    itself, or for a reshaped tensor the one before. ``makers`` maps roots to
    layer names.
    """

    io_type: str
    layers: tuple[Layer, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    roots: Mapping[str, str]
    makers: Mapping[str, str]


def make_plan(graph: Graph, io_type: str, reuse: int | Mapping[str, int] | None) -> Plan:
    """Choose an hls4ml layer for every operation.

    Args:
        graph: the integer graph.
        io_type: ``io_parallel`` (arrays), ``io_stream`` (AXI streams), or
            ``auto``: streams if the graph has images.
        reuse: reuse factor for all matrix products, or by operation name.

    Raises:
        UnsupportedError: lists every operation that cannot be expressed.
        InputError: unknown io_type, or reuse factors that do not fit.
    """
    if io_type not in ("auto", "io_parallel", "io_stream"):
        raise InputError(
            f"io_type {io_type!r} is unknown", remedy="use io_parallel, io_stream or auto"
        )
    if io_type == "auto":
        images = any(isinstance(op, _ON_IMAGES) for op in graph.ops)
        io_type = "io_stream" if images else "io_parallel"
    _check_reuse(graph, reuse)
    choices = _choose(graph, io_type == "io_stream", reuse)
    return _Builder(graph, io_type, choices).build()


def _check_reuse(graph: Graph, reuse: int | Mapping[str, int] | None) -> None:
    factors = reuse if isinstance(reuse, Mapping) else {} if reuse is None else {"": reuse}
    names = {op.name for op in graph.layers} | {""}
    for name, factor in factors.items():
        if name not in names:
            raise InputError(
                f"reuse names {name!r}, which is no operation of {graph.name}",
                remedy=f"operations are {', '.join(sorted(names - {''}))}",
            )
        if factor < 1:
            raise InputError(f"reuse factor {factor} is not positive", where=name)


def _choose(
    graph: Graph, stream: bool, reuse: int | Mapping[str, int] | None
) -> dict[str, Choices]:
    choices: dict[str, Choices] = {}
    problems: list[str] = []
    for op in graph.ops:
        results = graph.output_types(op) or graph.input_types(op)
        sources = graph.input_types(op) or results
        wish = reuse.get(op.name) if isinstance(reuse, Mapping) else reuse
        try:
            handler = REALISATION.handler(op)
            choices[op.name] = tuple(
                handler(op, Site(sources, results, stream, wish, part))
                for part in range(len(results))
            )
        except UnsupportedError as error:
            problems.append(str(error))
    if problems:
        raise UnsupportedError(
            f"{graph.name} cannot be handed to hls4ml", problems, remedy="see each line"
        )
    return choices


class _Builder:
    """Places the choices one after the other.

    A Reshape becomes a layer in front of each of its readers: hls4ml renames
    its source in place, which goes wrong for several readers or at the end.
    """

    def __init__(self, graph: Graph, io_type: str, choices: Mapping[str, Choices]) -> None:
        self.graph = graph
        self.io_type = io_type
        self.choices = choices
        self.layers: list[Layer] = []
        self.makers: dict[str, str] = {}  # tensor -> layer
        self.roots: dict[str, str] = {}
        self.taps: dict[str, tuple[str, int]] = {}  # tensor -> layer to read it from, its readers

    def build(self) -> Plan:
        inputs = [
            name for op in self.graph.ops if isinstance(op, Input) for name in self._place(op)
        ]
        for op in self.graph.layers:
            if isinstance(op, Reshape):
                self.roots[op.outputs[0]] = self.roots[op.inputs[0]]
            else:
                self._place(op)
        outputs = [self._end(op) for op in self.graph.outputs]
        return Plan(
            self.io_type, tuple(self.layers), tuple(inputs), tuple(outputs), self.roots, self.makers
        )

    def _add(self, label: str, sources: tuple[str, ...], tensor: str, choice: Choice) -> str:
        # hls4ml compares names without case and uses them as C++ identifiers.
        name = f"l{len(self.layers) + 1}_{re.sub(r'[^0-9A-Za-z]+', '_', label).strip('_')}"
        shape = self.graph.tensors[tensor].shape
        self.layers.append(Layer(name, sources, tensor, shape, choice))
        return name

    def _place(self, op: Op) -> list[str]:
        """A layer for each output."""
        for tensor, choice in zip(op.outputs, self.choices[op.name], strict=True):
            sources = tuple(self._read(source, choice.whole_pixels) for source in op.inputs)
            self.roots[tensor] = tensor
            self.makers[tensor] = self._add(op.name, sources, tensor, choice)
        return [self.makers[tensor] for tensor in op.outputs]

    def _read(self, tensor: str, whole_pixels: bool) -> str:
        """Layer to read a tensor from, reshaped if need be."""
        root = self.roots[tensor]
        kind = self.graph.tensors[tensor].type
        source = self._tap(root)
        if self.graph.tensors[root].shape == kind.shape:
            return source
        name = self._add(f"reshape_{tensor}", (source,), tensor, reshape_choice(kind))
        if whole_pixels and self.io_type == "io_stream":
            # A flattened stream keeps its packs; a copy makes new ones.
            name = self._add(f"repack_{tensor}", (name,), tensor, copy_choice(kind))
        return name

    def _tap(self, root: str) -> str:
        """Layer that hands a tensor to one more reader: its maker, or a copy of a full stream."""
        source, readers = self.taps.get(root, (self.makers[root], 0))
        if self.io_type == "io_stream" and readers == _MOST_READERS - 1:
            kind = self.graph.tensors[root].type
            source = self._add(f"more_{root}", (source,), root, copy_choice(kind))
            readers = 0
        self.taps[root] = source, readers + 1
        return source

    def _end(self, op: Output) -> str:
        """Layer whose result is a port: one that nothing else reads."""
        root = self.roots[op.inputs[0]]
        read = [layer for layer in self.layers if self.makers[root] in layer.sources]
        taken = any(
            self.roots[other.inputs[0]] == root for other in self.graph.outputs if other is not op
        )
        if not read and not taken and not isinstance(self.graph.producer(root), Input):
            return self.makers[root]
        choice = copy_choice(self.graph.tensors[root].type)
        return self._add(f"copy_{op.name}", (self._tap(root),), root, choice)
