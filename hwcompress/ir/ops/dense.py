"""Matrix times vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir.op import Op, Range, TensorType
from hwcompress.ir.ops.linear import check_weights, sum_bounds, type_of_range
from hwcompress.ir.registry import operation
from hwcompress.ir.types import IntType

__all__ = ["Dense"]


@operation
@dataclass(frozen=True, eq=False)
class Dense(Op):
    """``y[m] = bias[m] + sum_k weight[m, k] * x[k]`` on a vector ``(K,)``.

    ``weight`` is int64 ``(M, K)`` of type ``wtype``, ``bias`` int64 ``(M,)``
    or ``None``. The output type is the exact interval that the weights and
    the input *type* can reach.
    """

    weight: np.ndarray
    wtype: IntType
    bias: np.ndarray | None = None

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        (source,) = inputs
        if self.weight.ndim != 2 or source.shape != self.weight.shape[1:]:
            raise self.fail(f"weight {self.weight.shape} does not fit the input {source.shape}")
        check_weights(self, self.weight, self.wtype, self.bias)
        (bounds,) = self.ranges([Range.of_type(source.dtype, source.channels)])
        return (TensorType((self.weight.shape[0],), type_of_range(bounds)),)

    def evaluate(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        total = inputs[0] @ self.weight.T
        return (total if self.bias is None else total + self.bias,)

    def ranges(self, inputs: Sequence[Range]) -> tuple[Range, ...]:
        return (sum_bounds(self, self.weight, self.bias, inputs[0].lo, inputs[0].hi),)
