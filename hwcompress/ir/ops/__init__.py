"""The operations, one concept a file."""

from hwcompress.ir.ops.conv import Conv
from hwcompress.ir.ops.dense import Dense
from hwcompress.ir.ops.io import Input, Output
from hwcompress.ir.ops.pool import MaxPool, SumPool
from hwcompress.ir.ops.scalar import Rescale, Threshold
from hwcompress.ir.ops.shape import ArgMax, Reshape

__all__ = [
    "ArgMax",
    "Conv",
    "Dense",
    "Input",
    "MaxPool",
    "Output",
    "Rescale",
    "Reshape",
    "SumPool",
    "Threshold",
]
