"""How the simulator compiles its kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

__all__ = ["kernel"]


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function on first use, and keep the machine code on disk.

    Kernels release the interpreter lock: the simulator runs blocks of samples
    in plain threads, so no Numba threading layer is involved (the portable one
    is neither thread-safe nor fork-safe, and a parallel kernel compiles
    several times slower). Where no folder is writable, the code is compiled
    again in every process.

    Numba notices a change of the file that holds the kernel, but not of a
    file it imports from: everything a kernel calls lives in its own file.
    """
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # "cannot cache function ...: no locator available"
        return numba.njit(nogil=True, error_model="numpy")(function)
