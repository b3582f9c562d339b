"""Data, source model and integer graph."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hwcompress.data import Dataset, digits, load_dataset
from hwcompress.flow.model_inputs import model_inputs
from hwcompress.flow.packed import input_names, is_packed, packed_graph
from hwcompress.flow.settings import BuildSettings
from hwcompress.flow.sources import MODEL_FILE, prepare_source
from hwcompress.flow.step import Context
from hwcompress.flow.steps.arrays import fitted, load_test, real_samples, save_test
from hwcompress.ir import Conv, Dense, Graph, Op
from hwcompress.report.facts import (
    DataFacts,
    DataInput,
    GraphFacts,
    GraphInput,
    LayerFacts,
    SourceFacts,
)
from hwcompress.samples import Samples, named

__all__ = ["data_files", "load_data", "run_data", "run_import", "run_train", "source_files"]


def data_files(settings: BuildSettings) -> Mapping[str, Path]:
    """The user's data files, and the model, whose inputs say what they must hold."""
    file = settings.model_file
    model = {} if file is None else {"model": file}
    return model | {f"data{index}": path for index, path in enumerate(settings.data_files)}


def source_files(settings: BuildSettings) -> Mapping[str, Path]:
    """The user's model, weights and data, on which a float model is trained or calibrated."""
    weights = {"weights": Path(settings.weights)} if settings.weights else {}
    return weights | dict(data_files(settings))


def load_data(settings: BuildSettings) -> Dataset:
    """The data set that the settings name."""
    if not settings.data:
        return digits()
    wanted = model_inputs(settings)
    return load_dataset(
        Path(settings.data),
        labels=settings.labels or None,
        inputs=wanted.shapes,
        unused=wanted.unused,
        training=settings.trains,
        scale=settings.input_scale,
        seed=settings.seed,
    )


def run_data(context: Context) -> DataFacts:
    """Check the data and keep the test samples, so that the build folder needs nothing else."""
    data = load_data(context.settings)
    save_test(context.out, data)
    scales = data.scale if isinstance(data.scale, Mapping) else {"": data.scale}
    return DataFacts(
        data.name,
        data.train_count,
        data.test_count,
        tuple(
            DataInput(name, item.shape[1:], str(item.dtype), scales[name])
            for name, item in named(data.x_test, ("",)).items()
        ),
        data.classes,
        data.y_test is not None,
        data.notes,
    )


def run_train(context: Context) -> SourceFacts:
    """Quantize and export a module or float model, or take the user's quantized file."""
    folder = context.out / "source"
    folder.mkdir()
    facts = prepare_source(context.settings, load_data(context.settings), folder, context.say)
    if not (folder / MODEL_FILE).is_file() and not is_packed(folder):
        raise RuntimeError(f"prepare_source left no {MODEL_FILE}")
    return facts


def run_import(context: Context) -> GraphFacts:
    """Express the source as an integer graph, and check that the data fit it."""
    from hwcompress.ir import format_graph, save

    data = context.result("data", DataFacts)
    samples = real_samples(load_test(context.folder, data)[0], data)
    graph, names = _graph(context, samples)
    _, note = fitted(samples, graph, data)
    folder = context.out / "graph"
    folder.mkdir()
    save(graph, folder)
    (folder / "graph.txt").write_text(format_graph(graph), encoding="utf-8")
    return GraphFacts(
        graph.name,
        tuple(
            GraphInput(
                op.outputs[0],
                names[op.outputs[0]],
                op.source_shape,
                str(op.dtype),
            )
            for op in graph.inputs
        ),
        tuple(op.inputs[0] for op in graph.outputs),
        tuple(_layer(graph, op) for op in graph.layers),
        (*((note,) if note else ()), *graph.notes),
    )


def _graph(context: Context, samples: Samples) -> tuple[Graph, dict[str, str]]:
    """The graph, and the source's name for each of its input tensors."""
    folder = context.folder / "source"
    if is_packed(folder):
        graph = packed_graph(folder)
        return graph, input_names(graph)
    from hwcompress.frontend import import_model

    imported = import_model(
        folder / MODEL_FILE,
        samples=samples,
        input_type=context.settings.input_type or None,
        name=context.result("train", SourceFacts).name,
    )
    return imported.graph, imported.inputs


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
