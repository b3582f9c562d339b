"""What levels are run on: a model, or a build folder, and samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hwcompress.frontend import Imported
from hwcompress.ir import Graph
from hwcompress.levels.feeds import Feeds

__all__ = ["Recorded", "Subject"]


@dataclass(frozen=True, eq=False)
class Recorded:
    """What PyTorch gave for all samples when the model was exported.

    Attributes:
        by: version.
        real: ``(samples, ...)`` by the number of the graph's output.
    """

    by: str
    real: Mapping[int, np.ndarray]


@dataclass(frozen=True, eq=False)
class Subject:
    """A model or a build, opened.

    Attributes:
        label: how the user names it.
        graph: its integer graph.
        work: a folder for what is compiled.
        feeds: its samples; ``None`` where no level runs.
        imported: the source, where it was read.
        folder: the build folder, or ``None``.
        recorded: PyTorch's outputs for the samples, if there are any.
        unrecorded: why there are none.
        notes: how it came to be.
    """

    label: str
    graph: Graph
    work: Path
    feeds: Feeds | None = None
    imported: Imported | None = None
    folder: Path | None = None
    recorded: Recorded | None = None
    unrecorded: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def origin(self) -> dict[str, str]:
        """The source's tensor by tensor of the graph, as far as it is known."""
        if self.imported is None:
            return {}
        return {name: source for name, (source, _) in self.imported.origin.items()}
