"""How every operation runs under effects, and which integers each tensor may then hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir import Graph, Input, IntType, Mul, Op, Table, TensorType
from hwcompress.sim.effects.accumulators import SUMS, Overflow
from hwcompress.sim.effects.layers import Exact, Layer, Narrow, Wrapped, address_table
from hwcompress.sim.effects.registers import NarrowSum, Register, partial_sums, terms_of
from hwcompress.sim.effects.stored import storage_range
from hwcompress.sim.plan import SIM, Step

__all__ = ["Planned", "make_plan"]


@dataclass(frozen=True)
class Planned:
    """The operations of a design with effects.

    Attributes:
        layers: by operation name, Input and Output left out.
        wire: the type of each tensor's stream: its type in the graph, or that of a
            narrower register and what follows from it.
        held: what each tensor may hold, flips included.
        registers: bits of the sums of each layer that adds up.
    """

    layers: Mapping[str, Layer]
    wire: Mapping[str, IntType]
    held: Mapping[str, IntType]
    registers: Mapping[str, int]


def make_plan(
    graph: Graph,
    ops: Mapping[str, Op],
    bits: Mapping[str, int],
    overflow: Overflow,
    flipped: Collection[str],
) -> Planned:
    """Plan every operation.

    Args:
        graph: the design.
        ops: its operations by name, perhaps with flipped bits in their memories.
        bits: of the registers of some layers.
        overflow: what these do.
        flipped: tensors whose bits may flip.

    Raises:
        GraphError: integers might reach 2**62.
    """
    planner = _Planner(graph, bits, overflow)
    for op in graph.ops:
        if isinstance(op, Input):
            planner.wire[op.outputs[0]] = planner.held[op.outputs[0]] = op.dtype
        elif op.outputs:
            planner.plan(op, ops[op.name])
        for tensor in op.outputs:
            if tensor in flipped:
                planner.held[tensor] = storage_range(planner.wire[tensor])
    return Planned(planner.layers, planner.wire, planner.held, planner.registers)


class _Planner:
    def __init__(self, graph: Graph, bits: Mapping[str, int], overflow: Overflow) -> None:
        self.graph, self.bits, self.overflow = graph, bits, overflow
        self.layers: dict[str, Layer] = {}
        self.wire: dict[str, IntType] = {}
        self.held: dict[str, IntType] = {}
        self.registers: dict[str, int] = {}

    def plan(self, op: Op, faulty: Op) -> None:
        """One operation; ``faulty`` is what runs instead of it."""
        wires = _infer(op, self._types(op, self.wire))
        sources = self._types(op, self.held)
        targets = _infer(faulty, sources)
        held = [target.dtype for target in targets]
        if isinstance(op, SUMS):
            wires, held[0] = self._plan_sum(op, faulty, wires[0], sources, targets[0])
        elif isinstance(op, Mul) and not _within(targets[0].dtype, wires[0].dtype):
            held[0] = storage_range(wires[0].dtype)
            self.layers[op.name] = Wrapped(_step(faulty, sources, targets), held[0])
        elif isinstance(op, Table) and not _holds(self._declared(op), sources[0].dtype):
            # Empty words of the memory are zeros.
            zero = int(op.otype.from_raw(np.array(0)))
            held[0] = op.otype.union(IntType(zero, zero)) if not op.otype.is_bipolar else op.otype
            target = TensorType(targets[0].shape, held[0])
            self.layers[op.name] = Exact(address_table(op, self._declared(op), target))
        else:
            self.layers[op.name] = Exact(_step(faulty, sources, targets))
        for name, wire, kind in zip(op.outputs, wires, held, strict=True):
            self.wire[name], self.held[name] = wire.dtype, kind

    def _plan_sum(
        self,
        op: Op,
        faulty: Op,
        result: TensorType,
        sources: Sequence[TensorType],
        target: TensorType,
    ) -> tuple[tuple[TensorType, ...], IntType]:
        """The type of the stream behind a sum, and what it may hold."""
        wire, bits = result.dtype, self.bits.get(op.name)
        self.registers[op.name] = wire.bits if bits is None else bits
        if bits is not None:
            register = IntType.signed_bits(bits)
            wire = wire if _holds(register, wire) else register
            terms = terms_of(faulty, sources, (target,))
            reach = partial_sums(terms, [source.dtype for source in sources])
            if not _holds(register, reach):
                stored = storage_range(wire)
                peak = max(max(abs(s.dtype.lo), abs(s.dtype.hi)) for s in sources)
                sums = NarrowSum.make(
                    terms, Register(register, self.overflow == "saturate", stored), reach, peak
                )
                self.layers[op.name] = Narrow(op.name, sums, target.size)
                return (TensorType(result.shape, wire),), stored
        step = _step(faulty, sources, (target,))
        if _within(target.dtype, wire):
            self.layers[op.name] = Exact(step, op.name)
            return (TensorType(result.shape, wire),), target.dtype
        stored = storage_range(wire)
        self.layers[op.name] = Wrapped(step, stored, op.name)
        return (TensorType(result.shape, wire),), stored

    def _types(self, op: Op, kinds: Mapping[str, IntType]) -> list[TensorType]:
        return [TensorType(self.graph.tensors[name].shape, kinds[name]) for name in op.inputs]

    def _declared(self, op: Op) -> IntType:
        return self.graph.tensors[op.inputs[0]].dtype


def _infer(op: Op, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
    if isinstance(op, Table):  # its input may be beyond its entries here
        return (TensorType(inputs[0].shape, op.otype),)
    return op.infer(inputs)


def _step(op: Op, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> Step:
    return SIM.handler(op)(op, inputs, outputs)


def _holds(kind: IntType, values: IntType) -> bool:
    """Whether every value of the one type belongs to the other."""
    return kind.union(values) == kind


def _within(values: IntType, wire: IntType) -> bool:
    """Whether every value fits the stored form of a stream."""
    return _holds(wire, values) or _holds(storage_range(wire), values)
