"""The steps of a compression, besides those that it shares with a build."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hwcompress import __version__, boards
from hwcompress.compress.recipe import load_recipe, run_recipe
from hwcompress.compress.train import results
from hwcompress.errors import UnsupportedError
from hwcompress.flow.compressing.facts import (
    BeforeFacts,
    FloatFacts,
    HardwareFacts,
    ResultFacts,
)
from hwcompress.flow.compressing.floats import (
    TORCH,
    Start,
    export_made,
    integer_graph,
    load_start,
    recipe_data,
)
from hwcompress.flow.compressing.graphs import graph_size
from hwcompress.flow.compressing.hardware import hardware_of
from hwcompress.flow.compressing.settings import CompressSettings, settings_of
from hwcompress.flow.compressing.table import result_text
from hwcompress.flow.fitting import shaped
from hwcompress.flow.packed import PACKED_FILE
from hwcompress.flow.parallelism import wanted_cycles
from hwcompress.flow.settings import BuildSettings
from hwcompress.flow.sources import MODEL_FILE, few_threads
from hwcompress.flow.step import Context
from hwcompress.flow.steps.accuracy import accuracy, decide, usable_labels
from hwcompress.flow.steps.arrays import save_result
from hwcompress.flow.steps.prepare import source_files
from hwcompress.frontend import Imported
from hwcompress.frontend.check import encoded
from hwcompress.frontend.reading import copy_model
from hwcompress.ir import Graph, load
from hwcompress.packing import pack_graph
from hwcompress.report.facts import Accuracy, SimulateFacts, SourceFacts
from hwcompress.samples import Samples
from hwcompress.sim import Simulator

__all__ = [
    "RESULT",
    "TABLE",
    "recipe_files",
    "run_after",
    "run_before",
    "run_result",
    "run_train",
]

RESULT, TABLE = "result.json", "result.txt"

_TWIN = "w8a8-ptq"


def recipe_files(settings: BuildSettings) -> Mapping[str, Path]:
    """The user's own files, and the recipe's."""
    assert isinstance(settings, CompressSettings)
    own = {} if settings.recipe_file is None else {"recipe": settings.recipe_file}
    return own | dict(source_files(settings))


def run_train(context: Context) -> SourceFacts:
    """Run the recipe on the float model, and export what it makes."""
    with TORCH:
        return _run_train(context)


def _run_train(context: Context) -> SourceFacts:
    settings = settings_of(context)
    start = load_start(context)
    recipe = load_recipe(settings.recipe)
    with few_threads(start.data):
        made = run_recipe(
            start.module,
            recipe_data(start),
            recipe,
            seed=settings.seed,
            folder=context.work / "checkpoints",
            say=context.say,
        )
        folder = context.out / "source"
        folder.mkdir()
        found = export_made(made, start, settings, folder, context.say)
    kind = f"{start.source.kind}, compressed by {recipe.name}"
    return dataclasses.replace(found, kind=kind, notes=(*made.notes, *found.notes))


def run_before(context: Context) -> BeforeFacts:
    """The float model's accuracy, and its 8-bit twin: the nearest thing that hardware has."""
    with TORCH:
        found, graph = _before(context)
    if graph is None:
        return found
    settings = settings_of(context)
    board = boards.load(settings.board)
    target = wanted_cycles(settings, board)
    counted = settings.synthesize
    hardware = hardware_of(graph, board, context, target=target, counted=counted)
    return dataclasses.replace(found, hardware=hardware)


def _before(context: Context) -> tuple[BeforeFacts, Graph | None]:
    """Everything but the hardware, and the twin's graph."""
    settings = settings_of(context)
    start = load_start(context)
    labels = start.data.y_test
    test = shaped(start.data.real_test(), start.shapes)
    try:
        context.say("8-bit twin")
        imported, notes = _twin(start, settings, context)
    except UnsupportedError as error:
        problem = f"the float model has no 8-bit twin: {error}"
        found = _plain_accuracy(start, test, labels)
        return BeforeFacts(found, None, None, HardwareFacts(problem=problem), ()), None
    graph = imported.graph
    original = twin = None
    if labels is not None:
        labels = usable_labels(labels, graph, start.data.name)
        context.say("accuracy on the test samples")
        real = results(start.module, test, {0: len(graph.outputs[0].host)})[0]
        original = accuracy("float model", "PyTorch, float32", decide(graph, real), labels)
        twin = _simulated("8-bit twin", imported, test, labels)
    said = tuple(f"8-bit twin: {note}" for note in notes)
    return BeforeFacts(original, twin, graph_size(graph), HardwareFacts(), said), graph


def _twin(
    start: Start, settings: BuildSettings, context: Context
) -> tuple[Imported, tuple[str, ...]]:
    """The float model, calibrated to 8 bits, as an integer graph."""
    folder = context.work / "twin"
    folder.mkdir(exist_ok=True)
    made, imported = integer_graph(start, load_recipe(_TWIN), settings, folder)
    return imported, made.notes


def _simulated(who: str, imported: Imported, samples: Samples, labels: np.ndarray) -> Accuracy:
    """Accuracy of an integer graph in the simulator."""
    graph: Graph = imported.graph
    tensor = graph.outputs[0].inputs[0]
    integers = Simulator(graph)(encoded(imported, samples))
    values = integers[tensor] if isinstance(integers, Mapping) else integers
    given = decide(graph, graph.tensors[tensor].affine.apply(values))
    return accuracy(who, f"hwcompress {__version__}, simulator", given, labels)


def _plain_accuracy(start: Start, test: Samples, labels: np.ndarray | None) -> Accuracy | None:
    """Accuracy of a classifier with an output for each class; of others we know no boundary."""
    if labels is None:
        return None
    rows = results(start.module, test, {0: 0})[0]
    rows = rows.reshape(len(rows), -1)
    if rows.shape[1] < 2:
        return None
    return accuracy("float model", "PyTorch, float32", rows.argmax(1), labels)


def run_after(context: Context) -> HardwareFacts:
    """A design of the compressed model, at the speed of the twin's."""
    settings = settings_of(context)
    board = boards.load(settings.board)
    before = context.result("before", BeforeFacts)
    target = wanted_cycles(settings, board) or before.hardware.target
    graph = load(context.folder / "graph")
    return hardware_of(graph, board, context, target=target, counted=settings.synthesize)


def run_result(context: Context) -> ResultFacts:
    """Put the files together, and the table."""
    settings = settings_of(context)
    recipe = load_recipe(settings.recipe)
    source = context.result("train", SourceFacts)
    simulated = context.result("simulate", SimulateFacts)
    graph = load(context.folder / "graph")
    copy_model(context.folder / "source" / MODEL_FILE, context.out / MODEL_FILE)
    packed = pack_graph(graph)
    (context.out / PACKED_FILE).write_bytes(packed.data)
    facts = ResultFacts(
        source.name,
        recipe.name,
        recipe.described(),
        boards.load(settings.board).title,
        context.result("float", FloatFacts),
        context.result("before", BeforeFacts),
        simulated.accuracy[-1] if simulated.accuracy else None,
        graph_size(graph),
        context.result("after", HardwareFacts),
        source.notes,
    )
    save_result(context.out / RESULT, facts)
    (context.out / TABLE).write_text(result_text(facts), encoding="utf-8")
    return facts
