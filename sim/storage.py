"""The integer arrays that hold a tensor inside the simulator."""

from __future__ import annotations

import numpy as np

from hwcompress.ir import IntType

__all__ = ["storage_dtype"]

_SIGNED = (np.int8, np.int16, np.int32, np.int64)


def storage_dtype(kind: IntType) -> np.dtype:
    """Narrowest signed dtype that holds a type (bipolar as -1 and +1)."""
    for candidate in _SIGNED:
        info = np.iinfo(candidate)
        if info.min <= kind.lo and kind.hi <= info.max:
            return np.dtype(candidate)
    raise AssertionError(f"{kind} is bounded by 2**62")
