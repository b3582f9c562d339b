"""Constant: rows that every block of samples gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir import Constant as ConstantOp
from hwcompress.ir import TensorType
from hwcompress.sim.plan import SIM, Step, rows_of

__all__ = ["Constant", "constant_step"]


@dataclass(frozen=True, eq=False)
class Constant(Step):
    """``values`` is ``(features, 1)`` in the dtype of the result.

    Its slot is used again by other tensors, so it is filled for every block.
    """

    values: np.ndarray

    def run(
        self,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        scratch: Sequence[np.ndarray],
    ) -> None:
        outputs[0][...] = self.values


@SIM.register(ConstantOp)
def constant_step(
    op: ConstantOp, inputs: Sequence[TensorType], outputs: Sequence[TensorType]
) -> Step:
    """Make the step."""
    result = rows_of(outputs[0])
    return Constant(results=(result,), values=op.values.reshape(-1, 1).astype(result.dtype))
