"""Types of the streams between operations, where some sums have narrower registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwcompress.ir import Graph, IntType, Op, Table, TensorType
from hwcompress.sim.effects.accumulators import SUMS

__all__ = ["holds", "inferred", "stream_types"]


def stream_types(graph: Graph, bits: Mapping[str, int]) -> dict[str, IntType]:
    """Type of each tensor's stream, by name.

    It is the tensor's type in the graph, or that of a narrower register and what follows from it.

    Args:
        graph: the graph.
        bits: of the registers of some layers that add up.
    """
    types: dict[str, IntType] = {}
    for op in graph.ops:
        sources = [TensorType(graph.tensors[name].shape, types[name]) for name in op.inputs]
        for name, result in zip(op.outputs, inferred(op, sources), strict=True):
            types[name] = result.dtype
        if isinstance(op, SUMS) and op.name in bits:
            register = IntType.signed_bits(bits[op.name])
            if not holds(register, types[op.outputs[0]]):
                types[op.outputs[0]] = register
    return types


def inferred(op: Op, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
    """Output types of an operation; a Table's input may be beyond its entries here."""
    if isinstance(op, Table):
        return (TensorType(inputs[0].shape, op.otype),)
    return op.infer(inputs)


def holds(kind: IntType, values: IntType) -> bool:
    """Whether every value of the one type belongs to the other."""
    return kind.union(values) == kind
