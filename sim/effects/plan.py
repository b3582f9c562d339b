"""How every operation runs under effects, and which integers each tensor may then hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir import Graph, Input, IntType, Mul, Op, Table, TensorType, Threshold
from hwcompress.sim.effects.accumulators import SUMS, Overflow
from hwcompress.sim.effects.layers import Exact, Layer, Narrow, Wrapped, address_table
from hwcompress.sim.effects.registers import NarrowSum, Register, partial_sums, terms_of
from hwcompress.sim.effects.stored import storage_range, store_thresholds
from hwcompress.sim.effects.streams import holds, inferred
from hwcompress.sim.plan import SIM, Step

__all__ = ["Planned", "make_plan"]


@dataclass(frozen=True)
class Planned:
    """The operations of a design with effects.

    Attributes:
        layers: by operation name, Input and Output left out.
        held: what each tensor may hold, flips included.
    """

    layers: Mapping[str, Layer]
    held: Mapping[str, IntType]


def make_plan(
    graph: Graph,
    ops: Mapping[str, Op],
    wires: Mapping[str, IntType],
    bits: Mapping[str, int],
    overflow: Overflow,
    flipped: Collection[str],
) -> Planned:
    """Plan every operation.

    Args:
        graph: the design.
        ops: its operations by name, perhaps with flipped bits in their memories.
        wires: types of the streams.
        bits: of the registers of some layers.
        overflow: what these do.
        flipped: tensors whose bits may flip.

    Raises:
        GraphError: integers might reach 2**62.
    """
    planner = _Planner(graph, wires, bits, overflow)
    for op in graph.ops:
        if isinstance(op, Input):
            planner.held[op.outputs[0]] = op.dtype
        elif op.outputs:
            planner.plan(op, ops[op.name])
        for tensor in op.outputs:
            if tensor in flipped:
                planner.held[tensor] = storage_range(wires[tensor])
    return Planned(planner.layers, planner.held)


class _Planner:
    def __init__(
        self,
        graph: Graph,
        wires: Mapping[str, IntType],
        bits: Mapping[str, int],
        overflow: Overflow,
    ) -> None:
        self.graph, self.wires, self.bits, self.overflow = graph, wires, bits, overflow
        self.layers: dict[str, Layer] = {}
        self.held: dict[str, IntType] = {}

    def plan(self, op: Op, faulty: Op) -> None:
        """One operation; ``faulty`` is what runs instead of it."""
        sources = [TensorType(self.graph.tensors[n].shape, self.held[n]) for n in op.inputs]
        if isinstance(op, Threshold) and faulty is op:
            # Those beyond the range of the design are stored at its edge.
            wire = self.wires[op.inputs[0]]
            faulty = op if holds(wire, sources[0].dtype) else store_thresholds(op, wire)
        targets = inferred(faulty, sources)
        held = [target.dtype for target in targets]
        wire = self.wires[op.outputs[0]]
        if isinstance(op, SUMS):
            held[0] = self._plan_sum(op, faulty, wire, sources, targets[0])
        elif isinstance(op, Mul) and not _within(held[0], wire):
            held[0] = storage_range(wire)
            self.layers[op.name] = Wrapped(_step(faulty, sources, targets), held[0])
        elif isinstance(op, Table) and not holds(self._declared(op), sources[0].dtype):
            # Empty words of the memory are zeros.
            zero = int(op.otype.from_raw(np.array(0)))
            held[0] = op.otype if op.otype.is_bipolar else op.otype.union(IntType(zero, zero))
            target = TensorType(targets[0].shape, held[0])
            self.layers[op.name] = Exact(address_table(op, self._declared(op), target))
        else:
            self.layers[op.name] = Exact(_step(faulty, sources, targets))
        self.held.update(zip(op.outputs, held, strict=True))

    def _plan_sum(
        self,
        op: Op,
        faulty: Op,
        wire: IntType,
        sources: Sequence[TensorType],
        target: TensorType,
    ) -> IntType:
        """Returns what the result may hold; ``wire`` is the type of its stream."""
        if op.name in self.bits:
            register = IntType.signed_bits(self.bits[op.name])
            terms = terms_of(faulty, sources, (target,))
            reach = partial_sums(terms, [source.dtype for source in sources])
            if not holds(register, reach):
                stored = storage_range(wire)
                peak = max(max(abs(s.dtype.lo), abs(s.dtype.hi)) for s in sources)
                sums = NarrowSum.make(
                    terms, Register(register, self.overflow == "saturate", stored), reach, peak
                )
                self.layers[op.name] = Narrow(op.name, sums, target.size)
                return stored
        step = _step(faulty, sources, (target,))
        if _within(target.dtype, wire):
            self.layers[op.name] = Exact(step, op.name)
            return target.dtype
        stored = storage_range(wire)
        self.layers[op.name] = Wrapped(step, stored, op.name)
        return stored

    def _declared(self, op: Op) -> IntType:
        return self.graph.tensors[op.inputs[0]].dtype


def _step(op: Op, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> Step:
    return SIM.handler(op)(op, inputs, outputs)


def _within(values: IntType, wire: IntType) -> bool:
    """Whether every value fits the stored form of a stream."""
    return holds(wire, values) or holds(storage_range(wire), values)
