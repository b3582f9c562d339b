"""The integer graph, the single source of truth (docs/integer-graph.md)."""

from hwcompress.ir.fingerprint import fingerprint
from hwcompress.ir.graph import Affine, Graph, Tensor
from hwcompress.ir.op import Op, Range, TensorType
from hwcompress.ir.ops import (
    Add,
    ArgMax,
    Concat,
    Constant,
    Conv,
    ConvTranspose,
    Dense,
    Input,
    MaxPool,
    Mul,
    Output,
    Rescale,
    Reshape,
    Shuffle,
    Split,
    SumPool,
    Table,
    Threshold,
    TopK,
    Transpose,
    Upsample,
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
    "Add",
    "Affine",
    "ArgMax",
    "Concat",
    "Constant",
    "Conv",
    "ConvTranspose",
    "Dense",
    "Graph",
    "Input",
    "IntType",
    "MaxPool",
    "Mul",
    "Op",
    "Output",
    "Range",
    "Realisation",
    "Rescale",
    "Reshape",
    "Shuffle",
    "Split",
    "SumPool",
    "Table",
    "Tensor",
    "TensorType",
    "Threshold",
    "TopK",
    "Transpose",
    "Upsample",
    "evaluate",
    "fingerprint",
    "format_graph",
    "int_range",
    "load",
    "operation",
    "save",
    "trace",
]
