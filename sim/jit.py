"""How the simulator compiles its kernels, and keeps them."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core import caching

__all__ = ["kernel"]


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function on first use, and keep the machine code on disk.

    Kernels release the interpreter lock: the simulator runs blocks of samples
    in plain threads, so no Numba threading layer is involved (the portable one
    is neither thread-safe nor fork-safe, and a parallel kernel compiles
    several times slower). Where no folder is writable, the code is compiled
    again in every process.
    """
    try:
        compiled = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # "cannot cache function ...: no locator available"
        return numba.njit(nogil=True, error_model="numpy")(function)
    cache = compiled._cache
    # Another version of Numba may keep its files otherwise; then they stay as it makes them.
    plain: Any = getattr(cache, "_cache_file", None)
    if type(plain) is caching.IndexDataCacheFile:
        cache._cache_file = KernelFiles(
            cache._cache_path, cache._impl.filename_base, (plain._source_stamp, _sources())
        )
    return compiled


class KernelFiles(caching.IndexDataCacheFile):  # type: ignore[misc]  # Numba has no types
    """Compiled code that a killed process, or two at once, cannot leave half written.

    Numba numbers the files of code and enters a number in the index before the file is
    there: a process that is killed in between leaves an index that points to the code of an
    older source, and two processes may take one number for different types. Here a file is
    named by what it was compiled from, and entered once it is complete; what is lost in a
    race is compiled again.
    """

    def save(self, key: object, data: object) -> None:
        """Keep the code for a key."""
        origin = repr((self._source_stamp, key, self._version)).encode()
        number = int.from_bytes(hashlib.sha256(origin).digest()[:8], "big")
        name = self._data_name(number)
        self._save_data(name, data)
        overloads = self._load_index()
        overloads[key] = name
        self._save_index(overloads)


@functools.cache
def _sources() -> str:
    """Digest of all files that kernels are made of.

    Numba notices a change of the file that holds a kernel, but not of an intrinsic or a
    constant that it imports.
    """
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
