"""From what the user names to a graph, samples, and what else levels need."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from hwcompress.data import FileStream, open_stream
from hwcompress.errors import InputError
from hwcompress.flow.build import open_build
from hwcompress.flow.manifest import Manifest
from hwcompress.flow.model_inputs import onnx_inputs
from hwcompress.flow.packed import is_packed
from hwcompress.flow.runner import WORK
from hwcompress.flow.sources import MODEL_FILE, OUTPUTS_FILE, output_number
from hwcompress.flow.steps.arrays import (
    VECTORS_FILE,
    Vectors,
    fitted,
    load_arrays,
    load_test,
    real_samples,
)
from hwcompress.frontend import Imported, import_model
from hwcompress.inspect.assume import attempt_import
from hwcompress.inspect.draw import Drawn
from hwcompress.inspect.header import parse_onnx, source_format
from hwcompress.inspect.inputs import GivenData
from hwcompress.inspect.opening import ModelRequest, open_model
from hwcompress.ir import Graph, format_graph, load
from hwcompress.levels.feeds import Feeds, IntegerFeeds, RealFeeds, StreamFeeds
from hwcompress.levels.integers import as_integers, sample_shape
from hwcompress.levels.subject import Recorded, Subject
from hwcompress.npz import read_npz
from hwcompress.report.convert import from_json
from hwcompress.report.facts import DataFacts, SourceFacts
from hwcompress.running.models import import_for

__all__ = ["Wanted", "open_build_folder", "open_model_file"]

Say = Callable[[str], None]
Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Wanted:
    """Which samples, and for whom.

    Attributes:
        runs: whether a level runs at all, so that samples are needed.
        real: whether one of them is the source in floating point.
        random: number of random samples, or ``None``.
        integers: ``.npz`` with the integers of the graph's inputs, or ``None``.
        seed: of random samples.
    """

    runs: bool
    real: bool
    random: int | None
    integers: Path | None
    seed: int


def open_model_file(request: ModelRequest, wanted: Wanted, work: Path, say: Say) -> Subject:
    """A model, exported and imported.

    Args:
        request: what the user typed.
        wanted: which samples.
        work: an empty folder.
        say: tells how it goes.

    Raises:
        InputError: a file or option is wrong, or samples are missing.
        UnsupportedError: the model cannot be expressed.
    """
    source = work / "source"
    source.mkdir()
    opened = open_model(request, source, say, random=wanted.random or 1)
    say("import the model")
    stated = request.input_type or None
    unknown: frozenset[str] = frozenset()
    notes = opened.notes
    feeds: Feeds | None = None
    if opened.samples is not None:
        data = GivenData(request.data or "random", opened.samples, opened.labels, ())
        imported = import_model(opened.path, samples=data.samples, input_type=stated)
        feeds = RealFeeds(imported, data, data.count)
    elif request.data:
        stream = _stream(request.data, opened.path, request.input_scale)
        imported = import_for(opened.path, stream, stated, say)
        feeds = StreamFeeds(imported, stream)
        notes = (*notes, *stream.notes)
    else:
        ports = source_format(parse_onnx(opened.path)).inputs
        attempt = attempt_import(opened.path, ports, samples=None, input_type=stated)
        imported, unknown = attempt.imported, attempt.unknown
        notes = (*notes, *attempt.assumptions)
    subject = Subject(request.model, imported.graph, work, imported=imported, notes=notes)
    if not wanted.runs:
        return subject
    if wanted.integers is not None:
        read = _integers(wanted.integers, imported.graph)
        why = "its results are those of --data or --random, and --integers is given"
        feeds = IntegerFeeds(imported.graph, read, imported if wanted.real else None)
        return replace(subject, feeds=feeds, unrecorded=why)
    if feeds is None and wanted.random is not None:
        feeds = _drawn(imported, wanted, unknown)
    if feeds is None:
        raise InputError(
            "no samples to compare on",
            where=request.model,
            remedy="give --data FILE, --random N, or --integers FILE",
        )
    recorded = Recorded(opened.framework, opened.real) if opened.framework else None
    why = "an ONNX file is run by its runtime"
    return replace(subject, feeds=feeds, recorded=recorded, unrecorded=why)


def _stream(data: str, model: Path, scale: float | None) -> FileStream:
    inputs = onnx_inputs(model)
    return open_stream(data, inputs=inputs.shapes, unused=inputs.unused, scale=scale)


def _drawn(imported: Imported, wanted: Wanted, unknown: frozenset[str] = frozenset()) -> RealFeeds:
    ports = source_format(parse_onnx(imported.model.path)).inputs
    integral = frozenset(port.name for port in ports if "int" in port.element)
    drawn = Drawn(imported, wanted.seed, normal=unknown, integral=integral)
    assert wanted.random is not None
    return RealFeeds(imported, drawn, wanted.random)


def _integers(path: Path, graph: Graph) -> dict[str, np.ndarray]:
    """The integers of the graph's inputs, whole."""
    if not path.is_file():
        raise InputError(f"there is no file {str(path)!r}", remedy="correct --integers")
    names = [op.outputs[0] for op in graph.inputs]
    arrays = read_npz(path, names)
    counts = set()
    for name in names:
        if name not in arrays:
            raise InputError(
                f"there is no array {name!r}",
                where=str(path),
                why=f"the inputs of the graph are {', '.join(map(repr, names))}",
            )
        values = as_integers(arrays[name], f"{path}, tensor {name!r}")
        shape = sample_shape(values.shape, name, graph, str(path))
        arrays[name] = values.reshape(len(values), *shape)
        counts.add(len(values))
    if len(counts) != 1 or 0 in counts:
        raise InputError(
            f"inputs of {' and '.join(map(str, sorted(counts)))} samples", where=str(path)
        )
    return arrays


def open_build_folder(folder: Path, data: str, wanted: Wanted, work: Path, say: Say) -> Subject:
    """A build folder, as it is: nothing is run or made up to date in it.

    Args:
        folder: made by ``hwcompress build``.
        data: data file instead of the folder's test samples, or empty.
        wanted: which samples.
        work: for what is compiled, if the folder cannot hold it.
        say: tells how it goes.

    Raises:
        InputError: no build folder, or it lacks something that the levels need.
    """
    manifest = open_build(folder)
    graph = load(_made(folder, "graph"))
    kept = folder.absolute() / WORK
    writable = kept.is_dir() and os.access(kept, os.W_OK)
    subject = Subject(
        str(folder), graph, kept / "diff" if writable else work, folder=folder.absolute()
    )
    if not wanted.runs:
        return subject
    own = not data and wanted.random is None and wanted.integers is None
    imported, given = None, None
    if wanted.real or data or wanted.random is not None:
        say("import the model again")
        imported, given = _source(folder, manifest, graph)
        subject = replace(subject, imported=imported)
    if wanted.integers is not None:
        read = _integers(wanted.integers, graph)
        feeds: Feeds = IntegerFeeds(graph, read, imported)
    elif wanted.random is not None:
        assert imported is not None
        feeds = _drawn(imported, wanted)
    elif data:
        assert imported is not None
        stream = _stream(data, imported.model.path, manifest.settings.input_scale)
        feeds = StreamFeeds(imported, stream)
        subject = replace(subject, notes=stream.notes)
    elif imported is not None:
        assert given is not None
        feeds = RealFeeds(imported, given, given.count)
    else:
        _made(folder, VECTORS_FILE)
        feeds = IntegerFeeds(graph, Vectors.load(folder, graph).inputs)
    recorded = _recorded(folder, manifest) if own and wanted.real else None
    why = (
        "the model is no module, and its file is run by its runtime"
        if own
        else "PyTorch ran when the folder was built, on the folder's own test samples"
    )
    return replace(subject, feeds=feeds, recorded=recorded, unrecorded=why)


def _made(folder: Path, name: str) -> Path:
    """Something that a step of the build makes."""
    if not (folder / name).exists():
        raise InputError(
            f"there is no {name!r} in the build folder yet",
            where=str(folder),
            remedy="let `hwcompress build` come that far",
        )
    return folder / name


def _source(folder: Path, manifest: Manifest, graph: Graph) -> tuple[Imported, GivenData]:
    """The source in the folder, and its test samples."""
    if is_packed(folder / "source"):
        raise InputError(
            "this build has no source model",
            where=str(folder),
            why="it was made of a packed graph",
            remedy="compare graph, simulator, hls4ml or rtl",
        )
    path = _made(folder, f"source/{MODEL_FILE}")
    facts = _facts(manifest, "data", DataFacts)
    stored, labels = load_test(folder, facts)
    samples, _ = fitted(real_samples(stored, facts), graph, facts)
    imported = import_model(
        path,
        samples=samples,
        input_type=manifest.settings.input_type or None,
        name=graph.name,
    )
    if format_graph(imported.graph) != format_graph(graph):
        raise InputError(
            "the model in the folder gives another graph than the one beside it",
            where=str(folder),
            remedy="run hwcompress build again",
        )
    return imported, GivenData(facts.name, samples, labels, ())


def _recorded(folder: Path, manifest: Manifest) -> Recorded | None:
    facts = _facts(manifest, "train", SourceFacts)
    if not facts.framework:
        return None
    arrays: Mapping[str, np.ndarray] = load_arrays(_made(folder, f"source/{OUTPUTS_FILE}"))
    return Recorded(facts.framework, {output_number(key): item for key, item in arrays.items()})


def _facts(manifest: Manifest, step: str, kind: type[Kind]) -> Kind:
    try:
        return from_json(kind, manifest.records[step].result)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"the build folder has no result of its step {step!r}",
            where=str(manifest.path.parent),
            remedy="run hwcompress build again",
        ) from error
