"""Table: one look-up per element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir import Table as TableOp
from hwcompress.ir import TensorType
from hwcompress.sim.jit import kernel
from hwcompress.sim.plan import SIM, Step, rows_of

__all__ = ["Table", "table_step"]


@kernel
def _look_up(x, values, lo, half, y):  # type: ignore[no-untyped-def]
    """Row ``f`` belongs to channel ``f % channels``; entry ``(x - lo) >> half``."""
    lanes = x.shape[1]
    for feature in range(x.shape[0]):
        row = values[feature % values.shape[0]]
        source, target = x[feature], y[feature]
        for i in range(lanes):
            target[i] = row[(np.int64(source[i]) - lo) >> half]


@dataclass(frozen=True, eq=False)
class Table(Step):
    """Entries in the dtype of the result; ``half`` is 1 where the domain's step is 2."""

    values: np.ndarray
    lo: int
    half: int

    def run(
        self,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        scratch: Sequence[np.ndarray],
    ) -> None:
        _look_up(inputs[0], self.values, self.lo, self.half, outputs[0])


@SIM.register(TableOp)
def table_step(op: TableOp, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> Step:
    """Make the step; one row for all channels stays one."""
    result = rows_of(outputs[0])
    return Table(
        results=(result,),
        values=np.ascontiguousarray(op.values, result.dtype),
        lo=op.itype.lo,
        half=op.itype.step - 1,
    )
