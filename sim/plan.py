"""What the simulator does for each operation: a step, chosen when it is constructed.

Inside, a block of samples is held feature by feature: a tensor is an array
``(features, lanes)`` with one lane a sample, features in the graph's element
order. Every kernel's innermost loop then runs over the lanes of a row, with
the weight, threshold or multiplier of that row a scalar: it vectorises for
any channel count, kernel size or stride, and a convolution needs no copy of
its windows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwcompress.ir import Realisation, TensorType
from hwcompress.sim.storage import storage_dtype

__all__ = ["SIM", "Handler", "Rows", "Step", "rows_of"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Size and dtype of one ``(features, lanes)`` array."""

    features: int
    dtype: np.dtype

    def bytes(self, lanes: int) -> int:
        """Memory it takes for that many samples."""
        return self.features * self.dtype.itemsize * lanes


@dataclass(frozen=True, eq=False)
class Step:
    """One operation made ready: parameters in the dtypes of its kernel.

    ``results`` says how each output is stored, ``scratch`` what further
    arrays :meth:`run` needs.
    """

    results: tuple[Rows, ...]

    @property
    def kernel(self) -> str:
        """Name of the kernel, for a print of the plan."""
        return type(self).__name__

    @property
    def in_place(self) -> bool:
        """Whether the output is the input's array under another name; :meth:`run` is not called."""
        return False

    @property
    def scratch(self) -> tuple[Rows, ...]:
        """Further arrays, contents undefined at the start."""
        return ()

    def run(
        self,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        scratch: Sequence[np.ndarray],
    ) -> None:
        """Fill ``outputs``; every array is ``(features, lanes)`` and C-contiguous."""
        raise NotImplementedError


# A handler takes the one operation class it is registered for, with the types
# of its inputs and outputs.
Handler = Callable[[Any, Sequence[TensorType], Sequence[TensorType]], Step]

SIM: Realisation[Handler] = Realisation("sim", "the Numba simulator")


def rows_of(tensor: TensorType) -> Rows:
    """How the simulator stores a tensor."""
    return Rows(tensor.size, storage_dtype(tensor.dtype))
