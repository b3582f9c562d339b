"""Real samples to the integers of an input, as ``Input.encode`` does, in one pass."""

from __future__ import annotations

import numpy as np

from hwcompress.ir import Input
from hwcompress.sim.jit import kernel

__all__ = ["encode_real", "feed_dtype"]

_EXACT = 1 << 31  # bounds that float64 and the narrow dtypes hold
_DTYPES = (np.int8, np.uint8, np.int32, np.int64)  # those that the simulator takes as they are


def feed_dtype(op: Input) -> np.dtype:
    """The smallest dtype for an input's integers that the simulator takes without a copy."""
    for kind in _DTYPES:
        info = np.iinfo(kind)
        if info.min <= op.dtype.lo and op.dtype.hi <= info.max:
            return np.dtype(kind)
    raise AssertionError(f"{op.dtype} is bounded by 2**62")


def encode_real(op: Input, real: np.ndarray, integers: np.ndarray) -> None:
    """Encode samples.

    Args:
        op: the input.
        real: samples ``(n, *source_shape)``, of any real dtype.
        integers: takes the integers ``(n, *shape)``; of a dtype that holds the input's type.

    Raises:
        InputError: as of ``Input.encode``.
    """
    if (
        op.boundaries is None
        and not op.dtype.is_bipolar
        and op.dtype.lo >= -_EXACT
        and op.dtype.hi < _EXACT
        and real.dtype in (np.float32, np.float64)
        and real.shape[1:] == op.source_shape
        and integers.dtype in _DTYPES
        and integers.flags.c_contiguous
    ):
        moved = real.transpose(0, *(axis + 1 for axis in op.axes))
        flat = np.ascontiguousarray(moved).reshape(-1)
        bounds = float(op.dtype.lo), float(op.dtype.hi)
        if _encode(flat, op.scale, op.zero, *bounds, integers.reshape(-1)):
            return
    # Everything else, and the message about what is not a number.
    integers[:] = op.encode(real)


@kernel
def _encode(real, scale, zero, low, high, integers):  # type: ignore[no-untyped-def]
    """``clip(round_half_even(real / scale + zero), low, high)``; whether all were numbers."""
    wrong = 0
    for i in range(real.size):
        x = np.float64(real[i])
        wrong |= x != x
        # What is not a number becomes ``low``: its conversion to an integer is not defined.
        step = np.rint(x / scale + zero)
        step = step if step > low else low
        integers[i] = np.int32(step if step < high else high)
    return wrong == 0
