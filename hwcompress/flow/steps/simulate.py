"""The simulator on every test sample, against the definition and against the source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hwcompress.errors import CheckFailed
from hwcompress.flow.packed import input_names, is_packed
from hwcompress.flow.sources import MODEL_FILE, OUTPUTS_FILE, output_key
from hwcompress.flow.step import Context
from hwcompress.flow.steps.accuracy import (
    accuracy,
    class_count,
    confusion,
    decide,
    single_boundary,
    usable_labels,
)
from hwcompress.flow.steps.arrays import Vectors, fitted, load_arrays, load_test, real_samples
from hwcompress.flow.steps.tally import Tally
from hwcompress.flow.versions import named
from hwcompress.frontend import Imported, import_model
from hwcompress.frontend.check import check_float64, check_values, encoded, source_samples
from hwcompress.frontend.runtimes import runtime_of
from hwcompress.ir import Graph, format_graph, load, trace
from hwcompress.report.facts import (
    Accuracy,
    Confusion,
    DataFacts,
    SimulateFacts,
    SourceFacts,
)
from hwcompress.samples import Samples, sample_count, sample_rows
from hwcompress.sim import Simulator
from hwcompress.sim.diff import compare_traces

__all__ = ["run_simulate"]

_BLOCK_BYTES = 1 << 27
_MAX_BLOCK = 1000


@dataclass(frozen=True, eq=False)
class _Source:
    """Real outputs of one way to run the source model, by graph tensor, the first one first."""

    who: str
    by: str
    real: dict[str, np.ndarray]

    @property
    def first(self) -> np.ndarray:
        return next(iter(self.real.values()))


def run_simulate(context: Context) -> SimulateFacts:
    """Compare PyTorch, the exported file, its float64 reading, the definition and the simulator."""
    graph = load(context.folder / "graph")
    data = context.result("data", DataFacts)
    stored, labels = load_test(context.folder, data)
    real = real_samples(stored, data)
    samples, _ = fitted(real, graph, data)
    if labels is not None:
        labels = usable_labels(labels, graph, data.name)
    tally, sources = Tally(), list[_Source]()
    if is_packed(context.folder / "source"):
        names = input_names(graph)
        inputs = {
            op.outputs[0]: op.encode(
                np.asarray(
                    samples[names[op.outputs[0]]] if isinstance(samples, Mapping) else samples
                )
            )
            for op in graph.inputs
        }
        integers, blocks = _by_blocks(graph, inputs, None, context)
    else:
        imported = _import_again(context, graph, real)
        # The source must see what the graph sees, down to the input's rounding.
        fed = source_samples(imported, samples)
        integers, blocks = _by_blocks(graph, encoded(imported, samples), (imported, fed), context)
        sources = _run_sources(context, imported, fed)
        for source in sources:
            context.say(f"{source.who} against the integer graph")
            results = check_values(imported, source.who, source.real, fed, integers.outputs)
            tally.add("integer graph", source.who, "outputs", source.by, results)
    integers.save(context.out, graph)
    accuracies, matrix = _accuracies(graph, sources, integers, labels, context.tools)
    notes: tuple[str, ...] = ()
    if accuracies and graph.tensors[_first(graph)].type.size == 1 and class_count(graph) == 2:
        notes = (f"a single output: class 1 above {single_boundary(graph):g}",)
    return SimulateFacts(tally.checks() + blocks.checks(), accuracies, matrix, notes)


def _first(graph: Graph) -> str:
    return graph.outputs[0].inputs[0]


def _import_again(context: Context, graph: Graph, samples: Samples) -> Imported:
    imported = import_model(
        context.folder / "source" / MODEL_FILE,
        samples=samples,
        input_type=context.settings.input_type or None,
        name=graph.name,
    )
    if format_graph(imported.graph) != format_graph(graph):
        raise CheckFailed("importing the model again gave another graph", where=graph.name)
    return imported


def _by_blocks(
    graph: Graph,
    inputs: dict[str, np.ndarray],
    source: tuple[Imported, Samples] | None,
    context: Context,
) -> tuple[Vectors, Tally]:
    """Every tensor of every sample; only inputs and outputs are kept.

    ``source`` is what the graph was made of, with what it is fed; a packed graph has none.
    """
    tally = Tally()
    simulator = Simulator(graph)
    count = sample_count(inputs)
    bytes_per_sample = 8 * sum(tensor.type.size for tensor in graph.tensors.values())
    block = max(1, min(_MAX_BLOCK, _BLOCK_BYTES // bytes_per_sample))
    kept: dict[str, list[np.ndarray]] = {op.inputs[0]: [] for op in graph.outputs}
    by = f"hwcompress with {named('numba', context.tools)}"
    for start in range(0, count, block):
        context.say(f"sample {start:,} of {count:,}")
        rows = slice(start, start + block)
        part = {name: values[rows] for name, values in inputs.items()}
        definition, fast = trace(graph, part), simulator.trace(part)
        if source is not None:
            imported, fed = source
            tally.add(
                "integer graph",
                "source in float64",
                "every quantized tensor",
                named("numpy", context.tools),
                check_float64(imported, sample_rows(fed, rows), definition),
                start,
            )
        tally.add(
            "Numba simulator",
            "integer graph",
            "every layer",
            by,
            [compare_traces(graph, "Numba simulator", fast, "NumPy reference", definition)],
            start,
        )
        for tensor, parts in kept.items():
            parts.append(fast[tensor])
    outputs = {tensor: np.concatenate(parts) for tensor, parts in kept.items()}
    return Vectors(inputs, outputs), tally


def _run_sources(context: Context, imported: Imported, fed: Samples) -> list[_Source]:
    """The source as its framework ran it, if it did, and as qonnx runs the exported file."""
    found = []
    outputs, facts = context.folder / "source" / OUTPUTS_FILE, context.result("train", SourceFacts)
    if facts.framework:
        arrays = load_arrays(outputs)
        real: dict[str, np.ndarray] = {}
        for index, op in enumerate(imported.graph.outputs):
            if output_key(index) in arrays:
                real.setdefault(op.inputs[0], arrays[output_key(index)])
        found.append(_Source("PyTorch", facts.framework, real))
    kind = runtime_of(imported.model.path)
    context.say(kind.who)
    tensors = [op.inputs[0] for op in imported.graph.outputs]
    names = tuple(imported.origin[tensor][0] for tensor in tensors)
    runtime = kind(imported.model.path, names)
    real = dict(zip(tensors, runtime.run(fed), strict=True))
    who = "QONNX executor" if kind.package == "qonnx" else "onnxruntime"
    found.append(_Source(who, f"{named(kind.package, context.tools)}, {runtime.arithmetic}", real))
    return found


def _accuracies(
    graph: Graph,
    sources: list[_Source],
    integers: Vectors,
    labels: np.ndarray | None,
    tools: Mapping[str, str],
) -> tuple[tuple[Accuracy, ...], Confusion | None]:
    if labels is None:
        return (), None
    rows = [
        accuracy(source.who, source.by, decide(graph, source.first), labels) for source in sources
    ]
    tensor = _first(graph)
    given = decide(graph, graph.tensors[tensor].affine.apply(integers.outputs[tensor]))
    rows.append(accuracy("Simulator", f"hwcompress with {named('numba', tools)}", given, labels))
    return tuple(rows), confusion(given, labels, class_count(graph))
