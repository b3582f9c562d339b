"""Inputs and outputs of an integer graph in words."""

from __future__ import annotations

from hwcompress.inspect.facts import InputFacts, OutputFacts
from hwcompress.inspect.layers import scale_text
from hwcompress.ir import Graph, Input, Output

__all__ = ["input_facts", "output_facts"]


def input_facts(op: Input, source: str, own: bool | None) -> InputFacts:
    """The record of one input.

    Args:
        op: the graph's input.
        source: the source model's name for it.
        own: whether a quantizer of the model decides its type; ``None``: not known.
    """
    why = {True: "the model's own quantizer", False: "stated, derived or assumed", None: ""}[own]
    return InputFacts(op.name, source, op.source_shape, op.shape, str(op.dtype), _encoding(op), why)


def _encoding(op: Input) -> str:
    if op.boundaries is not None:
        return f"{op.boundaries.size} boundaries between real values"
    if op.dtype.is_bipolar:
        return "-1 below zero, else +1"
    zero = f" + {op.zero:g}" if op.zero else ""
    return f"round(x / {op.scale:.9g}{zero}), clipped"


def output_facts(graph: Graph, op: Output) -> OutputFacts:
    """The record of one output."""
    tensor = graph.tensors[op.inputs[0]]
    shape = op.source_shape or tensor.shape
    return OutputFacts(op.name, shape, str(tensor.dtype), scale_text(tensor.affine), op.host)
