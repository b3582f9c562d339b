"""Reading a file whole, without waiting for what never comes, up to the limit on models."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hwcompress.errors import InputError
from hwcompress.limits import MB, Limits, current_limits, limit_remedy

__all__ = ["read_regular"]


def read_regular(path: Path, what: str, limits: Limits | None = None) -> bytes:
    """The bytes of a regular file.

    Args:
        path: the file.
        what: how messages name it: ``the model``.
        limits: of which ``model_mb`` is checked; those of the process by default.

    Raises:
        InputError: missing, a folder, a pipe or a device, or larger than the limit.
    """
    where, limits = str(path), limits or current_limits()
    try:
        # Without waiting: opening a FIFO would hang before it is known to be one.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as stream:
            facts = os.fstat(stream.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise InputError(f"{what} is no regular file", where=where)
            if facts.st_size > limits.model_bytes:
                raise InputError(
                    f"{what} has {facts.st_size / MB:,.0f} MB",
                    where=where,
                    why=f"the limit is {limits.model_mb} MB",
                    remedy=limit_remedy("model_mb"),
                )
            return stream.read(facts.st_size)
    except OSError as error:
        raise InputError(f"cannot read {what}: {error.strerror}", where=where) from error
    except ValueError as error:  # a NUL in the path
        raise InputError(f"cannot read {what}: {error}", where=where) from error
