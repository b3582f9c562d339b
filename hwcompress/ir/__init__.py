"""The integer graph, the single source of truth (docs/integer-graph.md)."""

from hwcompress.ir.graph import Affine, Graph, Tensor
from hwcompress.ir.op import Op, Range, TensorType
from hwcompress.ir.ops import (
    ArgMax,
    Conv,
    Dense,
    Input,
    MaxPool,
    Output,
    Rescale,
    Reshape,
    SumPool,
    Threshold,
)
from hwcompress.ir.reference import evaluate, trace
from hwcompress.ir.registry import OPERATIONS, REALISATIONS, Realisation, operation
from hwcompress.ir.serialize import load, save
from hwcompress.ir.text import format_graph
from hwcompress.ir.types import BIPOLAR, TERNARY, IntType, int_range

__all__ = [
    "BIPOLAR",
    "OPERATIONS",
    "REALISATIONS",
    "TERNARY",
    "Affine",
    "ArgMax",
    "Conv",
    "Dense",
    "Graph",
    "Input",
    "IntType",
    "MaxPool",
    "Op",
    "Output",
    "Range",
    "Realisation",
    "Rescale",
    "Reshape",
    "SumPool",
    "Tensor",
    "TensorType",
    "Threshold",
    "evaluate",
    "format_graph",
    "int_range",
    "load",
    "operation",
    "save",
    "trace",
]
