"""Who runs the source model: its own runtime, block by block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from hwcompress.frontend import Imported
from hwcompress.frontend.float64 import Samples
from hwcompress.frontend.runtimes import runtime_of

__all__ = ["SourceRuntime", "source_runtime"]

_BATCH = 250

Run = Callable[[Samples], list[np.ndarray]]


@dataclass(frozen=True, eq=False)
class SourceRuntime:
    """Somebody else's code that runs the source.

    Attributes:
        who: name for tables.
        by: package and version.
        run: real samples ``(n, *shape)`` to real values of the tensors asked for.
    """

    who: str
    by: str
    run: Run


def source_runtime(imported: Imported, tensors: tuple[str, ...], batch: int) -> SourceRuntime:
    """The runtime of the model's file, for the named source tensors.

    Args:
        imported: the model.
        tensors: names of the source's tensors.
        batch: samples to be run at once, at most.
    """
    path = imported.model.path
    kind = runtime_of(path)
    runtime = kind(path, tensors, batch=max(1, min(batch, _BATCH)))
    by = f"{kind.package} {version(kind.package)}, {runtime.arithmetic}"
    return SourceRuntime(kind.who.removeprefix("the "), by, runtime.run)
