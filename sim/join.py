"""Add and Mul: several tensors, element by element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir import Add as AddOp
from hwcompress.ir import Mul as MulOp
from hwcompress.ir import TensorType
from hwcompress.sim.jit import kernel
from hwcompress.sim.plan import SIM, Step, rows_of

__all__ = ["Add", "Mul", "add_step", "mul_step"]


@kernel
def _add_scaled(x, factors, first, y):  # type: ignore[no-untyped-def]
    """``y[f] += factors[f % channels] * x[f]``, from zero if ``first``."""
    lanes = x.shape[1]
    for feature in range(x.shape[0]):
        factor = factors[feature % factors.size]
        source, target = x[feature], y[feature]
        if first:
            for i in range(lanes):
                target[i] = source[i] * factor
        else:
            for i in range(lanes):
                target[i] += source[i] * factor


@kernel
def _multiply(x, gate, y):  # type: ignore[no-untyped-def]
    """``y[f] = x[f] * gate[f % rows of the gate]``."""
    lanes = x.shape[1]
    for feature in range(x.shape[0]):
        source, other, target = x[feature], gate[feature % gate.shape[0]], y[feature]
        for i in range(lanes):
            target[i] = np.int64(source[i]) * other[i]


@dataclass(frozen=True, eq=False)
class Add(Step):
    """Multipliers ``(inputs, channels or 1)`` in the dtype of the sum, in which the sum may wrap.

    It holds every final sum, so wrapping on the way is harmless.
    """

    multipliers: np.ndarray

    def run(
        self,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        scratch: Sequence[np.ndarray],
    ) -> None:
        for place, source in enumerate(inputs):
            _add_scaled(source, self.multipliers[place], place == 0, outputs[0])


@dataclass(frozen=True, eq=False)
class Mul(Step):
    """A gate per channel has as many rows as the source has channels: rows repeat."""

    def run(
        self,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        scratch: Sequence[np.ndarray],
    ) -> None:
        _multiply(inputs[0], inputs[1], outputs[0])


@SIM.register(AddOp)
def add_step(op: AddOp, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> Step:
    """Make the step."""
    result = rows_of(outputs[0])
    return Add(results=(result,), multipliers=op.multipliers.astype(result.dtype))


@SIM.register(MulOp)
def mul_step(op: MulOp, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> Step:
    """Make the step."""
    return Mul(results=(rows_of(outputs[0]),))
