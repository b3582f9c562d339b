"""A packed integer graph (``.hwc``) as the source of a build: nothing is trained or imported."""

from __future__ import annotations

import shutil
from pathlib import Path

from hwcompress.errors import InputError
from hwcompress.flow.settings import BuildSettings
from hwcompress.ir import Graph
from hwcompress.packing import read_packed
from hwcompress.report.facts import SourceFacts

__all__ = ["PACKED_FILE", "copy_packed", "input_names", "is_packed", "packed_graph"]

PACKED_FILE = "model.hwc"
"""In a source folder, in place of the model as QONNX; and in result folders of `compress` and
`requantize`."""


def copy_packed(settings: BuildSettings, folder: Path) -> SourceFacts:
    """Fill a source folder with the user's packed file.

    Raises:
        InputError: the file cannot be read, or an option would change what it holds.
    """
    file = settings.model_file
    assert file is not None
    if settings.input_type:
        raise InputError(
            f"--input-type {settings.input_type} for a packed graph",
            where=str(file),
            why="the type of its input is part of it",
            remedy="leave --input-type out",
        )
    graph = read_packed(file)
    shutil.copyfile(file, folder / PACKED_FILE)
    return SourceFacts("packed integer graph", graph.name, "", ())


def is_packed(source: Path) -> bool:
    """Whether a source folder holds a packed graph."""
    return (source / PACKED_FILE).is_file()


def packed_graph(source: Path) -> Graph:
    """The graph of such a folder."""
    return read_packed(source / PACKED_FILE)


def input_names(graph: Graph) -> dict[str, str]:
    """The name that samples of each input tensor have in a file with several inputs."""
    return {op.outputs[0]: op.name for op in graph.inputs}
