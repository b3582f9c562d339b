"""A graph as text, for people."""

from __future__ import annotations

from hwcompress.ir.graph import Graph

__all__ = ["format_graph"]


def format_graph(graph: Graph) -> str:
    """One line an operation: result, type and shape, operation, inputs, facts."""
    lines = [f"graph {graph.name}"]
    for op in graph.ops:
        made = ", ".join(
            f"{output}: {graph.tensors[output].dtype}"
            f"[{','.join(map(str, graph.tensors[output].shape))}]"
            for output in op.outputs
        )
        call = f"{op.kind}({', '.join(op.inputs)})"
        facts = op.summary()
        lines.append("  " + (f"{made} = " if made else "") + call + (f"  {facts}" if facts else ""))
    return "\n".join([*lines, *(f"  # {note}" for note in graph.notes)]) + "\n"
