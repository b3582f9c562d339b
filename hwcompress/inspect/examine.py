"""The inspection of a model: every fact that the integer graph and the file give."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.check import quantized_by_model
from hwcompress.frontend.float64 import Samples
from hwcompress.frontend.onnx_model import read_onnx
from hwcompress.inspect.assume import attempt_import
from hwcompress.inspect.ends import input_facts, output_facts
from hwcompress.inspect.facts import InputFacts, Inspection, NodeFacts
from hwcompress.inspect.gaps import find_gaps
from hwcompress.inspect.header import parse_onnx, source_format
from hwcompress.inspect.layers import layer_facts, sum_up
from hwcompress.inspect.nodes import node_table, problems_of
from hwcompress.ir import Graph, load

__all__ = ["inspect_graph", "inspect_onnx"]


def inspect_onnx(
    path: Path,
    *,
    samples: Samples | None = None,
    input_type: str | None = None,
    label: str = "",
    kind: str = "",
    notes: tuple[str, ...] = (),
) -> Inspection:
    """Inspect an ONNX file.

    Args:
        path: the file.
        samples: real samples ``(n, *input shape)``, by name for several inputs.
        input_type: the inputs' type, as in :func:`hwcompress.frontend.import_model`.
        label: how the user names the model.
        kind: what it was before it became this file, for instance a module.
        notes: how it became this file.

    Raises:
        InputError: the file cannot be read at all. A model that is read but
            cannot be expressed gives an inspection that is not ``accepted``.
    """
    read_onnx(path)  # checks sizes and structure, with the messages for it
    proto = parse_onnx(path)
    source = source_format(proto)
    if kind:
        source = replace(source, kind=kind)
    try:
        attempt = attempt_import(path, source.inputs, samples=samples, input_type=input_type)
    except UnsupportedError as error:
        problems = problems_of(error.problems or [str(error)])
        return Inspection(
            label or str(path),
            False,
            source,
            notes=notes,
            problems=problems,
            remedy=error.remedy if error.problems else "",
            nodes=node_table(proto.graph, problems),
        )
    imported = attempt.imported
    inputs = tuple(
        input_facts(op, imported.inputs[op.outputs[0]], quantized_by_model(imported, op))
        for op in imported.graph.inputs
    )
    nodes = node_table(proto.graph, ())
    why: set[str] = set()
    if attempt.assumptions:
        for op in imported.graph.inputs:
            name = imported.inputs[op.outputs[0]]
            why |= {f"input {op.dtype} with", f"input {name!r}, {op.dtype} with"}
    facts = _of_graph(imported.graph, label or str(path), inputs)
    return replace(
        facts,
        source=source,
        assumptions=attempt.assumptions,
        notes=(
            *notes,
            # How an assumed type was derived is no news: it was made up here.
            *(line for line in facts.notes if not line.startswith(tuple(why))),
            *_removed(nodes),
        ),
        nodes=nodes,
    )


def inspect_graph(folder: Path) -> Inspection:
    """Inspect an integer graph that a build has stored: a build folder, or its ``graph``.

    Raises:
        InputError: no graph lies there, or it is damaged.
    """
    inner = folder / "graph"
    graph = load(inner if inner.is_dir() else folder)
    inputs = tuple(input_facts(op, op.name, None) for op in graph.inputs)
    return _of_graph(graph, str(folder), inputs)


def _of_graph(graph: Graph, label: str, inputs: tuple[InputFacts, ...]) -> Inspection:
    layers = tuple(layer_facts(graph, op) for op in graph.layers)
    return Inspection(
        label,
        True,
        None,
        inputs=inputs,
        outputs=tuple(output_facts(graph, op) for op in graph.outputs),
        layers=layers,
        totals=sum_up(layers),
        notes=graph.notes,
        gaps=find_gaps(graph),
    )


def _removed(nodes: tuple[NodeFacts, ...]) -> tuple[str, ...]:
    """A note on nodes that nothing needs."""
    names = [node.name for node in nodes if node.status == "removed"]
    if not names:
        return ()
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return (f"{len(names)} node(s) that no output depends on are left out: {shown}",)
