"""Rescale: multiply, add, shift, round, clamp in int64."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcompress.ir import Rescale as RescaleOp
from hwcompress.ir import TensorType
from hwcompress.sim.jit import kernel
from hwcompress.sim.plan import SIM, Step, rows_of

__all__ = ["Rescale", "rescale_step"]


@kernel
def _rescale(x, mul, add, shift, half_even, lo, hi, y):  # type: ignore[no-untyped-def]
    """Row ``f`` belongs to channel ``f % channels``.

    To nearest with ties to even is a floor after adding a half less one unit,
    or a whole half when the result before rounding is odd.
    """
    lanes = x.shape[1]
    for feature in range(x.shape[0]):
        channel = feature % mul.size
        source, target = x[feature], y[feature]
        factor, bits = mul[channel], shift[channel]
        addend = add[channel]
        if half_even and bits > 0:
            below_half = (np.int64(1) << (bits - 1)) - 1
            for i in range(lanes):
                product = np.int64(source[i]) * factor + addend
                rounded = (product + below_half + ((product >> bits) & 1)) >> bits
                target[i] = min(max(rounded, lo), hi)
        else:
            for i in range(lanes):
                rounded = (np.int64(source[i]) * factor + addend) >> bits
                target[i] = min(max(rounded, lo), hi)


@dataclass(frozen=True, eq=False)
class Rescale(Step):
    """One multiplier, addend and shift per channel, all int64."""

    mul: np.ndarray
    add: np.ndarray
    shift: np.ndarray
    half_even: bool
    lo: int
    hi: int

    def run(
        self,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        scratch: Sequence[np.ndarray],
    ) -> None:
        _rescale(
            inputs[0], self.mul, self.add, self.shift, self.half_even, self.lo, self.hi, outputs[0]
        )


@SIM.register(RescaleOp)
def rescale_step(
    op: RescaleOp, inputs: Sequence[TensorType], outputs: Sequence[TensorType]
) -> Step:
    """Write the parameters out for every channel."""
    channels = (inputs[0].channels,)
    mul, add, shift = (
        np.array(np.broadcast_to(values, channels)) for values in (op.mul, op.add, op.shift)
    )
    return Rescale(
        results=(rows_of(outputs[0]),),
        mul=mul,
        add=add,
        shift=shift,
        half_even=op.rounding == "half_even",
        lo=op.otype.lo,
        hi=op.otype.hi,
    )
