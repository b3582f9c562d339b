"""One operation of a design with effects, made ready to run on blocks of samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hwcompress.ir import IntType, TensorType
from hwcompress.ir import Table as TableOp
from hwcompress.sim.effects.accumulators import Tally
from hwcompress.sim.effects.registers import NarrowSum, wrap_rows
from hwcompress.sim.plan import Step, rows_of
from hwcompress.sim.storage import storage_dtype
from hwcompress.sim.table import Table

__all__ = ["Exact", "Layer", "Narrow", "Watch", "Wrapped", "address_table"]


@dataclass(slots=True)
class Watch:
    """What one thread has counted, by layer."""

    tallies: dict[str, Tally] = field(default_factory=dict)

    def add(
        self,
        layer: str,
        shape: tuple[int, ...],
        counts: tuple[int, int] = (0, 0),
        touched: np.ndarray | None = None,
        wrong: np.ndarray | None = None,
    ) -> None:
        """Count the sums ``(features, lanes)`` of a block."""
        tally = self.tallies.setdefault(layer, Tally())
        tally.sums += shape[0] * shape[1]
        tally.overflowed += counts[0]
        tally.changed += counts[1]
        tally.samples += shape[1]
        tally.touched += 0 if touched is None else int(touched.sum())
        tally.wrong += 0 if wrong is None else int(wrong.sum())


class Layer:
    """What is done for one operation."""

    def run(self, inputs: Sequence[np.ndarray], lanes: int, watch: Watch) -> list[np.ndarray]:
        """Outputs ``(features, lanes)`` of such inputs, for so many samples."""
        raise NotImplementedError


def _run_step(step: Step, inputs: Sequence[np.ndarray], lanes: int) -> list[np.ndarray]:
    if step.in_place:
        return [inputs[0]]
    outputs = [np.empty((rows.features, lanes), rows.dtype) for rows in step.results]
    scratch = [np.empty((rows.features, lanes), rows.dtype) for rows in step.scratch]
    step.run(inputs, outputs, scratch)
    return outputs


@dataclass(frozen=True, eq=False)
class Exact(Layer):
    """As the graph says. ``counted`` is the name of a layer that adds up."""

    step: Step
    counted: str | None = None

    def run(self, inputs: Sequence[np.ndarray], lanes: int, watch: Watch) -> list[np.ndarray]:
        outputs = _run_step(self.step, inputs, lanes)
        if self.counted is not None:
            watch.add(self.counted, outputs[0].shape)
        return outputs


@dataclass(frozen=True, eq=False)
class Wrapped(Layer):
    """Exact, then modulo the width of the stream behind it: ``wire`` is all that it can carry."""

    step: Step
    wire: IntType
    counted: str | None = None

    def run(self, inputs: Sequence[np.ndarray], lanes: int, watch: Watch) -> list[np.ndarray]:
        (exact,) = _run_step(self.step, inputs, lanes)
        result, differs = wrap_rows(exact, self.wire)
        if self.counted is not None:
            changed, wrong = int(differs.sum()), np.any(differs, axis=0)
            watch.add(self.counted, exact.shape, (changed, changed), wrong, wrong)
        return [result.astype(storage_dtype(self.wire))]


@dataclass(frozen=True, eq=False)
class Narrow(Layer):
    """Sums in a register that some of them do not fit."""

    name: str
    sums: NarrowSum
    features: int

    def run(self, inputs: Sequence[np.ndarray], lanes: int, watch: Watch) -> list[np.ndarray]:
        touched, wrong = np.zeros(lanes, np.bool_), np.zeros(lanes, np.bool_)
        result = np.empty((self.features, lanes), self.sums.dtype)
        counts = self.sums.run(inputs, result, touched, wrong)
        watch.add(self.name, result.shape, counts, touched, wrong)
        return [result.astype(storage_dtype(self.sums.register.wire), copy=False)]


@dataclass(frozen=True, eq=False)
class _Addressed(Step):
    """A table whose address is the lowest bits of the input, as in hardware."""

    table: Table
    mask: int

    def run(
        self,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        scratch: Sequence[np.ndarray],
    ) -> None:
        address = np.bitwise_and(inputs[0].astype(np.int64), self.mask)
        self.table.run([address], outputs, scratch)


def address_table(op: TableOp, source: IntType, target: TensorType) -> Step:
    """A table for inputs beyond its input's type: what the hardware's memory holds there.

    Args:
        op: the table.
        source: type of its input in the design; values of that type share no address.
        target: type of the result.
    """
    bits = max(1, (source.count - 1).bit_length())
    inputs = source.lo + source.step * np.arange(source.count, dtype=np.int64)
    empty = int(op.otype.from_raw(np.array(0)))
    words = np.full((op.values.shape[0], 1 << bits), empty, np.int64)
    words[:, source.to_raw(inputs) & ((1 << bits) - 1)] = op.values[:, op.index(inputs)]
    rows = Table(
        results=(rows_of(target),),
        values=words.astype(storage_dtype(target.dtype)),
        lo=0,
        half=0,
    )
    return _Addressed(results=(rows_of(target),), table=rows, mask=(1 << bits) - 1)
