"""A Cast as a scalar function: cutting towards zero, or rounding to a short float."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import TensorProto

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.onnx_model import Node

__all__ = ["CAST_RANGES", "cast_function"]

CAST_RANGES: dict[int, tuple[int, int]] = {
    TensorProto.INT8: (-(1 << 7), (1 << 7) - 1),
    TensorProto.UINT8: (0, (1 << 8) - 1),
    TensorProto.INT16: (-(1 << 15), (1 << 15) - 1),
    TensorProto.UINT16: (0, (1 << 16) - 1),
    TensorProto.INT32: (-(1 << 31), (1 << 31) - 1),
    TensorProto.UINT32: (0, (1 << 32) - 1),
    TensorProto.INT64: (-(1 << 63), (1 << 63) - 1),
    TensorProto.UINT64: (0, (1 << 64) - 1),
}
"""Integer types and what they hold. A real beyond is undefined in ONNX."""


def cast_function(node: Node, to: int) -> Callable[[np.ndarray], np.ndarray]:
    """The cast as a rising function of real numbers; what no value is defined for is NaN.

    Raises:
        UnsupportedError: to a type that is not a number's.
    """
    if to in (TensorProto.FLOAT, TensorProto.DOUBLE):
        return lambda x: x
    if to == TensorProto.FLOAT16:
        return lambda x: x.astype(np.float16).astype(np.float64)
    if to == TensorProto.BOOL:
        return lambda x: (x != 0).astype(np.float64)
    if to in CAST_RANGES:
        low, high = CAST_RANGES[to]

        def cut(x: np.ndarray) -> np.ndarray:
            whole = np.trunc(x)
            return np.where((whole >= low) & (whole <= high), whole, np.nan)

        return cut
    known = to in TensorProto.DataType.values()
    name = TensorProto.DataType.Name(to) if known else str(to)
    raise UnsupportedError(
        f"a cast to {name}",
        where=node.label,
        remedy="export the model in float32, and round with a Quant node",
    )
