"""The integer graph: operations in order, and the tensors between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from hwcompress.errors import GraphError
from hwcompress.ir.op import Op, Range, TensorType, check_name
from hwcompress.ir.ops import Input, Output
from hwcompress.ir.types import IntType

__all__ = ["Affine", "Graph", "Tensor"]


@dataclass(frozen=True, slots=True)
class Affine:
    """What an integer stands for: ``real = scale * integer + offset``.

    Both are tuples of one float, or one per channel. Metadata: no operation
    reads them.
    """

    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)

    def apply(self, integers: np.ndarray) -> np.ndarray:
        """Real values in float64; the last axis holds the channels."""
        return np.asarray(integers * np.array(self.scale) + np.array(self.offset))

    @property
    def uniform(self) -> bool:
        """Whether every channel has the same positive scale and the same offset."""
        return len(set(self.scale)) == 1 and len(set(self.offset)) == 1 and self.scale[0] > 0


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named tensor: its exact type, and what its integers stand for."""

    name: str
    type: TensorType
    affine: Affine = Affine()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample, channels last."""
        return self.type.shape

    @property
    def dtype(self) -> IntType:
        """The set of integers it may hold."""
        return self.type.dtype


@dataclass(frozen=True)
class Graph:
    """Operations in topological order. Make one with :meth:`build`.

    ``notes`` are lines for the report on how the graph came to be.
    """

    name: str
    ops: tuple[Op, ...]
    tensors: Mapping[str, Tensor]
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def build(
        cls,
        name: str,
        ops: Sequence[Op],
        affine: Mapping[str, Affine] | None = None,
        notes: Sequence[str] = (),
    ) -> Graph:
        """Infer every tensor's type, and validate.

        Raises:
            GraphError: a rule of docs/integer-graph.md is broken.
        """
        check_name(name, "graph")
        affine = affine or {}
        tensors: dict[str, Tensor] = {}
        for op in ops:
            if op.arity is None and len(op.inputs) < 2:
                raise op.fail(f"takes two or more inputs, is given {len(op.inputs)}")
            if op.arity is not None and len(op.inputs) != op.arity:
                raise op.fail(f"takes {op.arity} inputs, is given {len(op.inputs)}")
            missing = [source for source in op.inputs if source not in tensors]
            if missing:
                raise op.fail(
                    f"input {missing[0]!r} is made by no earlier operation",
                    remedy="list operations in topological order",
                )
            types = op.infer([tensors[source].type for source in op.inputs])
            if len(types) != len(op.outputs):
                raise op.fail(f"names {len(op.outputs)} outputs but makes {len(types)}")
            for output, kind in zip(op.outputs, types, strict=True):
                if output in tensors:
                    raise op.fail(f"output {output!r} is made twice")
                tensors[output] = Tensor(output, kind, affine.get(output, Affine()))
        graph = cls(name, tuple(ops), tensors, tuple(notes))
        graph._check()
        return graph

    def _check(self) -> None:
        names = [op.name for op in self.ops]
        doubled = {name for name in names if names.count(name) > 1}
        if doubled:
            raise GraphError(f"operation name {min(doubled)!r} is used twice", where=self.name)
        if not self.inputs or not self.outputs:
            raise GraphError("a graph needs at least one Input and one Output", where=self.name)
        for tensor in self.tensors.values():
            for values in (tensor.affine.scale, tensor.affine.offset):
                if len(values) not in (1, tensor.type.channels):
                    raise GraphError(
                        f"{len(values)} scales or offsets for {tensor.type.channels} channels",
                        where=f"tensor {tensor.name!r}",
                    )
                if not np.all(np.isfinite(values)):
                    raise GraphError("scale or offset not finite", where=f"tensor {tensor.name!r}")
        fed = self.fed
        for op in self.outputs:
            if op.inputs[0] not in fed:
                raise GraphError(
                    f"tensor {op.inputs[0]!r} depends on no Input",
                    where=f"Output {op.name!r}",
                    why="it is the same for every sample, so no frame would ask for it",
                    remedy="leave this output out of the graph and give its values on the host",
                )
        unread = set(self.tensors) - {source for op in self.ops for source in op.inputs}
        if unread:
            raise GraphError(
                f"tensor {min(unread)!r} is never read",
                where=self.name,
                remedy="remove the operation, or mark the tensor with an Output",
            )

    @property
    def fed(self) -> set[str]:
        """Tensors that depend on an Input; the others are the same for every sample."""
        fed: set[str] = set()
        for op in self.ops:
            if isinstance(op, Input) or not fed.isdisjoint(op.inputs):
                fed.update(op.outputs)
        return fed

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """Input operations, in order."""
        return tuple(op for op in self.ops if isinstance(op, Input))

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        """Output operations, in order."""
        return tuple(op for op in self.ops if isinstance(op, Output))

    @cached_property
    def layers(self) -> tuple[Op, ...]:
        """Every operation that computes: all but Input and Output."""
        return tuple(op for op in self.ops if not isinstance(op, Input | Output))

    def producer(self, tensor: str) -> Op:
        """The operation that makes a tensor."""
        return next(op for op in self.ops if tensor in op.outputs)

    def consumers(self, tensor: str) -> tuple[Op, ...]:
        """The operations that read a tensor."""
        return tuple(op for op in self.ops if tensor in op.inputs)

    def input_types(self, op: Op) -> tuple[TensorType, ...]:
        """Types of an operation's inputs."""
        return tuple(self.tensors[source].type for source in op.inputs)

    def output_types(self, op: Op) -> tuple[TensorType, ...]:
        """Types of an operation's outputs."""
        return tuple(self.tensors[output].type for output in op.outputs)

    def ranges(self) -> dict[str, Range]:
        """Bounds per channel that each tensor can reach, by interval arithmetic."""
        known: dict[str, Range] = {}
        for op in self.ops:
            results = op.ranges([known[source] for source in op.inputs])
            known.update(zip(op.outputs, results, strict=True))
        return known
