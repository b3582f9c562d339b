"""How many bytes a stored tensor takes, from its shape and type alone."""

from __future__ import annotations

import math

import onnx

from hwcompress.errors import InputError

__all__ = ["tensor_bytes", "tensor_size"]

_MOST_AXES = 16


def tensor_size(tensor: onnx.TensorProto, what: str, where: str) -> int:
    """Elements.

    Raises:
        InputError: lengths that cannot be.
    """
    dims = tuple(tensor.dims)
    if len(dims) > _MOST_AXES or any(length < 0 for length in dims):
        shown = str(dims[:_MOST_AXES])
        raise InputError(f"{what} has the shape {shown}", where=where)
    return math.prod(dims)


def tensor_bytes(tensor: onnx.TensorProto, what: str, where: str) -> int:
    """Bytes of the raw data.

    Raises:
        InputError: a type without such, or lengths that cannot be.
    """
    kind = tensor.data_type
    bits = _BITS.get(kind)
    if bits is None:
        raise InputError(f"{what} is of type {kind}, which has no fixed length", where=where)
    return -(-tensor_size(tensor, what, where) * bits // 8)


_BY_NAME = {
    "BFLOAT16": 16,
    "BOOL": 8,
    "COMPLEX128": 128,
    "COMPLEX64": 64,
    "DOUBLE": 64,
    "FLOAT": 32,
    "FLOAT16": 16,
    "FLOAT4E2M1": 4,
    "FLOAT8E4M3FN": 8,
    "FLOAT8E4M3FNUZ": 8,
    "FLOAT8E5M2": 8,
    "FLOAT8E5M2FNUZ": 8,
    "FLOAT8E8M0": 8,
    "INT16": 16,
    "INT2": 2,
    "INT32": 32,
    "INT4": 4,
    "INT64": 64,
    "INT8": 8,
    "UINT16": 16,
    "UINT2": 2,
    "UINT32": 32,
    "UINT4": 4,
    "UINT64": 64,
    "UINT8": 8,
}
_BITS = {
    number: _BY_NAME[name] for name, number in onnx.TensorProto.DataType.items() if name in _BY_NAME
}
