"""Arrays by their addresses, in compiled code.

A program of the simulator is a table of integers, addresses among them, so that one call runs
all of it, whatever it is made of.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic

__all__ = ["as_int8", "as_int32", "as_int64", "as_uint8", "load_int32", "load_int64"]


def _pointer(kind: types.Integer) -> Any:
    """``as_KIND(address)``: a pointer for ``numba.carray``."""

    @intrinsic
    def pointer(typingctx, address):  # type: ignore[no-untyped-def]
        result = types.CPointer(kind)

        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            return builder.inttoptr(args[0], context.get_value_type(result))

        return result(types.int64), codegen

    return pointer


def _load(kind: types.Integer) -> Any:
    """``load_KIND(address)``."""

    @intrinsic
    def load(typingctx, address):  # type: ignore[no-untyped-def]
        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            data = context.get_data_type(kind)
            return builder.load(builder.inttoptr(args[0], data.as_pointer()))

        return kind(types.int64), codegen

    return load


as_int8, as_uint8, as_int32, as_int64 = (
    _pointer(kind) for kind in (types.int8, types.uint8, types.int32, types.int64)
)
load_int32, load_int64 = _load(types.int32), _load(types.int64)
