"""Reshape, which costs nothing, ArgMax and TopK."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir import ArgMax as ArgMaxOp
from hwcompress.ir import Reshape as ReshapeOp
from hwcompress.ir import TensorType
from hwcompress.ir import TopK as TopKOp
from hwcompress.sim.jit import kernel
from hwcompress.sim.plan import SIM, Rows, Step, rows_of

__all__ = ["ArgMax", "Reshape", "TopK", "arg_max_step", "reshape_step", "top_k_step"]


@kernel
def _arg_max(x, best, y):  # type: ignore[no-untyped-def]
    """A later row wins only if it is larger: the first one on a tie."""
    lanes = x.shape[1]
    largest, index = best[0], y[0]
    for i in range(lanes):
        largest[i] = x[0, i]
        index[i] = 0
    for row in range(1, x.shape[0]):
        source = x[row]
        for i in range(lanes):
            if source[i] > largest[i]:
                largest[i] = source[i]
                index[i] = row


@kernel
def _top_k(x, best, y):  # type: ignore[no-untyped-def]
    """Insert row after row into the ``k`` best of each lane; equal ones stay before it."""
    most = y.shape[0]
    for row in range(x.shape[0]):
        source = x[row]
        for i in range(x.shape[1]):
            value = source[i]
            place = min(row, most)
            while place > 0 and best[place - 1, i] < value:
                if place < most:
                    best[place, i] = best[place - 1, i]
                    y[place, i] = y[place - 1, i]
                place -= 1
            if place < most:
                best[place, i] = value
                y[place, i] = row


@dataclass(frozen=True, eq=False)
class ArgMax(Step):
    """Index of the largest row."""

    source: Rows

    @property
    def scratch(self) -> tuple[Rows, ...]:
        return (Rows(1, self.source.dtype),)

    def run(
        self,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        scratch: Sequence[np.ndarray],
    ) -> None:
        _arg_max(inputs[0], scratch[0], outputs[0])


@dataclass(frozen=True, eq=False)
class TopK(Step):
    """Indices of the largest rows, largest first."""

    source: Rows

    @property
    def scratch(self) -> tuple[Rows, ...]:
        return (Rows(self.results[0].features, self.source.dtype),)

    def run(
        self,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        scratch: Sequence[np.ndarray],
    ) -> None:
        _top_k(inputs[0], scratch[0], outputs[0])


@dataclass(frozen=True, eq=False)
class Reshape(Step):
    """Features keep their order, so the array stays as it is."""

    @property
    def in_place(self) -> bool:
        return True


@SIM.register(ArgMaxOp)
def arg_max_step(op: ArgMaxOp, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> Step:
    """Make the step."""
    return ArgMax(results=(rows_of(outputs[0]),), source=rows_of(inputs[0]))


@SIM.register(ReshapeOp)
def reshape_step(
    op: ReshapeOp, inputs: Sequence[TensorType], outputs: Sequence[TensorType]
) -> Step:
    """Make the step."""
    return Reshape(results=(rows_of(outputs[0]),))


@SIM.register(TopKOp)
def top_k_step(op: TopKOp, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> Step:
    """Make the step."""
    return TopK(results=(rows_of(outputs[0]),), source=rows_of(inputs[0]))
