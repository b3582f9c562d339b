"""Data, source model and integer graph."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hwcompress.data import Dataset, adapt_samples, digits, load_dataset
from hwcompress.flow.settings import BuildSettings
from hwcompress.flow.sources import MODEL_FILE, prepare_source
from hwcompress.flow.step import Context
from hwcompress.flow.steps.arrays import TEST_FILE, load_test, real_samples, save_arrays
from hwcompress.ir import Conv, Dense, Graph, Op
from hwcompress.report.facts import DataFacts, GraphFacts, LayerFacts, SourceFacts

__all__ = ["data_files", "load_data", "run_data", "run_import", "run_train", "source_files"]


def data_files(settings: BuildSettings) -> Mapping[str, Path]:
    """The user's data files."""
    return {f"data{index}": path for index, path in enumerate(settings.data_files)}


def source_files(settings: BuildSettings) -> Mapping[str, Path]:
    """The user's model, weights and data, on which a float model is trained or calibrated."""
    file = settings.model_file
    model = {} if file is None else {"model": file}
    weights = {"weights": Path(settings.weights)} if settings.weights else {}
    return model | weights | dict(data_files(settings))


def load_data(settings: BuildSettings) -> Dataset:
    """The data set that the settings name."""
    if not settings.data:
        return digits()
    return load_dataset(
        Path(settings.data),
        labels=settings.labels or None,
        training=settings.trains,
        scale=settings.input_scale,
        seed=settings.seed,
    )


def run_data(context: Context) -> DataFacts:
    """Check the data and keep the test samples, so that the build folder needs nothing else."""
    data = load_data(context.settings)
    arrays = {"x": data.x_test}
    if data.y_test is not None:
        arrays["y"] = data.y_test
    save_arrays(context.out / TEST_FILE, **arrays)
    return DataFacts(
        data.name,
        len(data.x_train),
        len(data.x_test),
        data.sample_shape,
        str(data.x_test.dtype),
        data.scale,
        data.classes,
        data.y_test is not None,
        data.notes,
    )


def run_train(context: Context) -> SourceFacts:
    """Quantize and export a module or float model, or take the user's quantized file."""
    folder = context.out / "source"
    folder.mkdir()
    facts = prepare_source(context.settings, load_data(context.settings), folder, context.say)
    if not (folder / MODEL_FILE).is_file():
        raise RuntimeError(f"prepare_source left no {MODEL_FILE}")
    return facts


def run_import(context: Context) -> GraphFacts:
    """Express the source as an integer graph, and check that the data fit it."""
    from hwcompress.frontend import import_model
    from hwcompress.ir import format_graph, save

    source, data = context.result("train", SourceFacts), context.result("data", DataFacts)
    stored, _ = load_test(context.folder)
    imported = import_model(
        context.folder / "source" / MODEL_FILE,
        samples=_sampled(stored, data),
        input_type=context.settings.input_type or None,
        name=source.name,
    )
    graph = imported.graph
    shape = graph.inputs[0].source_shape
    _, note = adapt_samples(stored, shape, data.name)
    folder = context.out / "graph"
    folder.mkdir()
    save(graph, folder)
    (folder / "graph.txt").write_text(format_graph(graph), encoding="utf-8")
    return GraphFacts(
        graph.name,
        shape,
        str(graph.inputs[0].dtype),
        tuple(op.inputs[0] for op in graph.outputs),
        tuple(_layer(graph, op) for op in graph.layers),
        (*((note,) if note else ()), *graph.notes),
    )


def _sampled(stored: np.ndarray, data: DataFacts) -> np.ndarray:
    """Real samples to derive the input's type from; the shape does not matter for that."""
    return real_samples(stored, data, stored.shape[1:])


def _layer(graph: Graph, op: Op) -> LayerFacts:
    result = graph.tensors[op.outputs[0]]
    source = graph.tensors[op.inputs[0]] if op.inputs else result  # of a constant
    weights, weight_type, macs = 0, "", 0
    if isinstance(op, Conv | Dense):
        weights, weight_type = int(op.weight.size), str(op.wtype)
        positions = int(np.prod(result.shape[:-1], dtype=np.int64))
        macs = weights * positions
    return LayerFacts(
        op.name,
        op.kind,
        source.shape,
        str(source.dtype),
        result.shape,
        str(result.dtype),
        weights,
        weight_type,
        macs,
    )
