"""The operations, one concept a file."""

from hwcompress.ir.ops.channels import Concat, Shuffle, Split
from hwcompress.ir.ops.constant import Constant
from hwcompress.ir.ops.conv import Conv
from hwcompress.ir.ops.conv_transpose import ConvTranspose
from hwcompress.ir.ops.dense import Dense
from hwcompress.ir.ops.io import Input, Output
from hwcompress.ir.ops.join import Add, Mul
from hwcompress.ir.ops.layout import Transpose, Upsample
from hwcompress.ir.ops.pool import MaxPool, SumPool
from hwcompress.ir.ops.scalar import Rescale, Threshold
from hwcompress.ir.ops.shape import ArgMax, Reshape, TopK
from hwcompress.ir.ops.table import Table

__all__ = [
    "Add",
    "ArgMax",
    "Concat",
    "Constant",
    "Conv",
    "ConvTranspose",
    "Dense",
    "Input",
    "MaxPool",
    "Mul",
    "Output",
    "Rescale",
    "Reshape",
    "Shuffle",
    "Split",
    "SumPool",
    "Table",
    "Threshold",
    "TopK",
    "Transpose",
    "Upsample",
]
