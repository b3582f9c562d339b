"""What became of each node of a source model."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from hwcompress.inspect.facts import NodeFacts, Problem
from hwcompress.inspect.header import constant_tensors, live_nodes

__all__ = ["node_table", "problems_of"]


def problems_of(lines: Sequence[str]) -> tuple[Problem, ...]:
    """The lines of a refusal, ``OP 'NAME': what. Remedy: ...``, as records."""
    found = []
    for line in lines:
        message, _, remedy = line.partition(". Remedy: ")
        found.append(Problem(_label(message), message, remedy))
    return tuple(found)


def _label(message: str) -> str:
    """``Conv 'layer: 1'`` of ``Conv 'layer: 1': reason``; empty if no node is named."""
    head, quote, rest = message.partition(" '")
    if not quote or not head.isidentifier():
        return ""
    name, closing, _ = rest.partition("': ")
    return f"{head} '{name}'" if closing else ""


def node_table(graph: onnx.GraphProto, problems: Sequence[Problem]) -> tuple[NodeFacts, ...]:
    """A record for every node of the file, in its order."""
    constant, alive = constant_tensors(graph), live_nodes(graph)
    refused = {item.node: item for item in problems if item.node}
    poisoned: set[str] = set()
    table = []
    for node, wanted in zip(graph.node, alive, strict=True):
        label = f"{node.op_type} {node.name or next(iter(node.output), '')!r}"
        message = ""
        if not wanted:
            status = "removed"
        elif label in refused:
            problem = refused[label]
            status, message = "refused", _reason(problem)
            poisoned.update(node.output)
        elif poisoned & set(node.input) - {""}:
            status = "behind"
            poisoned.update(node.output)
        else:
            status = "constant" if set(node.output) - {""} <= constant else "ok"
        table.append(
            NodeFacts(
                node.name or next(iter(node.output), ""),
                node.op_type,
                "" if node.domain == "ai.onnx" else node.domain,
                tuple(node.input),
                tuple(node.output),
                status,
                message,
            )
        )
    return tuple(table)


def _reason(problem: Problem) -> str:
    """The message without the name of its node."""
    return problem.message.removeprefix(f"{problem.node}: ")
