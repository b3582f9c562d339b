"""Whatever the user calls a model, as a graph that can be simulated, with its samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hwcompress.data import Dataset, FileStream, NoTrainingSet, SampleStream, Shapes, open_stream
from hwcompress.errors import InputError, UnsupportedError
from hwcompress.flow.compressing.settings import CompressSettings
from hwcompress.flow.manifest import MANIFEST, Json, Manifest
from hwcompress.flow.model_inputs import ModelInputs, model_inputs, onnx_inputs
from hwcompress.flow.settings import BuildSettings
from hwcompress.flow.steps.arrays import TEST_FILE
from hwcompress.frontend import Imported, import_model
from hwcompress.frontend.check import quantized_by_model
from hwcompress.frontend.integer_inputs import integer_inputs
from hwcompress.inspect.assume import attempt_import
from hwcompress.inspect.header import parse_onnx, source_format
from hwcompress.inspect.inputs import shaped
from hwcompress.inspect.opening import (
    ModelRequest,
    is_quantized_onnx,
    open_model,
    request_settings,
)
from hwcompress.ir import Graph, load
from hwcompress.packing import read_packed
from hwcompress.running.summary import Summary
from hwcompress.samples import Samples, named, sample_rows, stacked

__all__ = [
    "Runnable",
    "calibration",
    "from_folder",
    "import_for",
    "open_runnable",
    "own_samples",
    "runnable",
]

Say = Callable[[str], None]

_CALIBRATION = 1000  # as many as a build takes
_PASS = 1 << 17  # numbers that are looked at at once, in a few megabytes


@dataclass(frozen=True, eq=False)
class Runnable:
    """A graph and the names that its inputs and outputs have for the user.

    Attributes:
        graph: the graph.
        inputs: tensor of each input -> its name in the source, in the source's order.
        outputs: names of the outputs, in the graph's order.
        label: how the user names the model.
        kind: what it is.
        notes: how it came to be.
    """

    graph: Graph
    inputs: dict[str, str]
    outputs: tuple[str, ...]
    label: str
    kind: str
    notes: tuple[str, ...] = ()


def open_runnable(
    request: ModelRequest, labels: str, place: Path, say: Say
) -> tuple[Runnable, SampleStream | None]:
    """The model, and its samples if the request names data.

    Args:
        request: what the user typed; a folder is a build folder, or one that holds a graph;
            FILE.hwc is a packed one.
        labels: file of labels, or empty.
        place: an empty folder for what has to be made.
        say: tells how it goes.

    Raises:
        InputError: a file or option is wrong.
        UnsupportedError: the model cannot be expressed.
    """
    if Path(request.model).is_dir() or _is_packed(Path(request.model)):
        model = from_folder(request)
        return model, _folder_data(request, labels, model) if request.data else None
    settings = request_settings(request)
    ready = is_quantized_onnx(settings)
    if not request.data:
        opened = open_model(request, place, say)
        return _assumed(opened.path, request, opened.label, opened.kind, opened.notes), None
    wanted = model_inputs(settings)
    stream = _stream(request, labels, wanted.shapes, wanted)
    notes: tuple[str, ...] = ()
    if ready:
        assert settings.model_file is not None
        path, kind = settings.model_file, ""
    else:
        say("look at the data")
        opened = open_model(request, place, say, data=_calibration(request, stream, wanted))
        path, kind, notes = opened.path, opened.kind, opened.notes
        wanted = onnx_inputs(path)
        stream = _stream(request, labels, wanted.shapes, wanted)
    imported = import_for(path, stream, request.input_type or None, say)
    kind = kind or source_format(parse_onnx(path)).kind
    return runnable(imported, request.model, kind, notes), stream


def import_for(
    path: Path, stream: SampleStream, input_type: str | None, say: Say = lambda text: None
) -> Imported:
    """Import an ONNX file for the samples of a stream.

    An input that the model does not quantize gets the type that
    :func:`hwcompress.frontend.import_model` derives from all samples together; they are gone
    through once for that.

    Raises:
        InputError: as of ``import_model``; or the type follows from samples that can be gone
            through only once.
    """
    first = stream.real(stream.first(1).samples)
    try:
        imported = import_model(
            path, samples=_shaped(path, first, stream.name), input_type=input_type
        )
    except UnsupportedError:
        # Other samples may give a type that can be expressed.
        if input_type is not None or not stream.again:
            raise
    else:
        if input_type is not None or not _types_from_samples(imported):
            return imported
    if not stream.again:
        raise InputError(
            "the model does not quantize its input",
            where=stream.name,
            why="its type follows from all samples, which can be gone through only once",
            remedy="state the input's type, or give samples that can be gone through again",
        )
    summaries = {name: Summary() for name in stream.shapes}
    size = sum(int(np.prod(shape)) for shape in stream.shapes.values())
    for chunk in stream.chunks(max(1, _PASS // size)):
        say(f"look at the data: sample {chunk.start:,}")
        for name, values in named(stream.real(chunk.samples), ("",)).items():
            summaries[name].add(values)
    few = {name: summaries[name].samples(shape) for name, shape in stream.shapes.items()}
    count = max(len(item) for item in few.values())
    alike = {name: np.resize(item, (count, *item.shape[1:])) for name, item in few.items()}
    samples: Samples = alike.get("", alike)
    return import_model(path, samples=_shaped(path, samples, stream.name), input_type=None)


def _types_from_samples(imported: Imported) -> bool:
    """Whether samples decide the type of an input."""
    whole = integer_inputs(imported.model)
    return any(
        not quantized_by_model(imported, op) or imported.inputs[op.outputs[0]] in whole
        for op in imported.graph.inputs
    )


def _shaped(path: Path, samples: Samples, where: str) -> Samples:
    """Samples in the shape that the file states for its only input."""
    return shaped(samples, onnx_inputs(path).shapes, where)[0]


def _stream(request: ModelRequest, labels: str, shapes: Shapes, wanted: ModelInputs) -> FileStream:
    return open_stream(
        request.data,
        labels=labels or None,
        inputs=shapes or None,
        unused=wanted.unused,
        scale=request.input_scale,
    )


def _calibration(request: ModelRequest, stream: FileStream, wanted: ModelInputs) -> Dataset:
    """What a float model is quantized for: the first samples, and one that shows whether any
    is negative."""
    test = calibration(stream)
    train: Samples = sample_rows(test, slice(0))
    try:
        other = open_stream(
            request.data,
            inputs=wanted.shapes or None,
            unused=wanted.unused,
            scale=request.input_scale,
            role="train",
        )
    except NoTrainingSet:
        pass
    else:
        train = calibration(other)
    scales = stream.scales.get("", stream.scales)
    return Dataset(stream.name, train, None, test, None, scales, stream.notes)


def calibration(stream: SampleStream) -> Samples:
    """The first samples as stored, and a sample with the least number of each input."""
    first = stream.first(_CALIBRATION).samples
    if not stream.again:
        return first
    size = sum(int(np.prod(shape)) for shape in stream.shapes.values())
    least: dict[str, np.ndarray] = {}
    for chunk in stream.chunks(max(1, _PASS // size)):
        for name, values in named(chunk.samples, ("",)).items():
            row = values[[int(values.reshape(len(values), -1).min(axis=1).argmin())]]
            if name not in least or row.min() < least[name].min():
                least[name] = row
    extreme: Samples = least.get("", least)
    return stacked([first, extreme])


def from_folder(request: ModelRequest) -> Runnable:
    """The graph of a build folder, of a folder that holds one, or of a packed file.

    Raises:
        InputError: no graph lies there, it is damaged, or options are given for it.
    """
    folder = Path(request.model)
    inner = folder / "graph"
    packed = _is_packed(folder)
    graph = read_packed(folder) if packed else load(inner if inner.is_dir() else folder)
    if request.input_type or request.weights or request.weight_bits or request.act_bits:
        raise InputError(
            "a stored graph is taken as it is",
            where=request.model,
            remedy="leave the input's type, weights and numbers of bits out",
        )
    names = _made(folder).names
    inputs = {op.outputs[0]: names.get(op.outputs[0], op.name) for op in graph.inputs}
    outputs = _distinct([op.name for op in graph.outputs])
    kind = "packed integer graph" if packed else "stored integer graph"
    return Runnable(graph, inputs, outputs, request.model, kind, graph.notes)


def _is_packed(path: Path) -> bool:
    return path.suffix == ".hwc"


def _folder_data(request: ModelRequest, labels: str, model: Runnable) -> SampleStream:
    """Data for a folder that a command made, scaled as those that it was made with."""
    shapes: Shapes = {model.inputs[op.outputs[0]]: op.source_shape for op in model.graph.inputs}
    wanted = ModelInputs(shapes)
    stream = _stream(request, labels, shapes, wanted)
    scale = _made(Path(request.model)).scale
    whole = any(dtype.kind != "f" for dtype in stream.dtypes.values())
    if request.input_scale is None and scale is not None and whole:
        return _stream(replace(request, input_scale=scale), labels, shapes, wanted)
    return stream


@dataclass(frozen=True)
class _Made:
    """What a folder's manifest says.

    Attributes:
        names: of the source's inputs, by tensor.
        scale: of integer data of the only input.
        samples: whether the folder holds test samples that `simulate` takes.
    """

    names: dict[str, str]
    scale: float | None = None
    samples: bool = False


def own_samples(folder: Path) -> str:
    """The file of test samples of a folder that `build` or `compress` made; empty if there is
    none that may be given as data."""
    return str(folder / TEST_FILE) if _made(folder).samples else ""


def _made(folder: Path) -> _Made:
    if not (folder / MANIFEST).is_file():
        return _Made({})
    manifest = Manifest.of_any(folder / MANIFEST, (BuildSettings, CompressSettings))
    names = {
        str(item.get("tensor")): str(item.get("source")) for item in _inputs(manifest, "import")
    }
    given = _inputs(manifest, "data")
    scale = manifest.settings.input_scale
    alone = len(given) == 1
    if alone and scale is None and not str(given[0].get("dtype")).startswith("float"):
        found = given[0].get("scale")
        scale = found if isinstance(found, float) else None
    return _Made(names, scale, alone and (folder / TEST_FILE).is_file())


def _inputs(manifest: Manifest, step: str) -> list[dict[str, Json]]:
    """What a step's record says of the inputs."""
    record = manifest.records.get(step)
    facts = None if record is None else record.result
    found = facts.get("inputs") if isinstance(facts, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _assumed(
    path: Path, request: ModelRequest, label: str, kind: str, notes: tuple[str, ...]
) -> Runnable:
    """Without data: inputs of the type that is given, or of an assumed one."""
    source = source_format(parse_onnx(path))
    attempt = attempt_import(
        path, source.inputs, samples=None, input_type=request.input_type or None
    )
    said = (*notes, *attempt.assumptions)
    return runnable(attempt.imported, label, kind or source.kind, said)


def runnable(imported: Imported, label: str, kind: str, notes: tuple[str, ...] = ()) -> Runnable:
    """An imported model under the user's name for it."""
    graph = imported.graph
    order = list(imported.model.inputs)
    inputs = dict(sorted(imported.inputs.items(), key=lambda item: order.index(item[1])))
    outputs = _distinct(list(imported.model.outputs))
    return Runnable(graph, inputs, outputs, label, kind, (*notes, *graph.notes))


def _distinct(names: list[str]) -> tuple[str, ...]:
    """Names of which none is there twice."""
    found: dict[str, None] = {}
    for name in names:
        number = 1
        chosen = name
        while chosen in found:
            number += 1
            chosen = f"{name}_{number}"
        found[chosen] = None
    return tuple(found)
