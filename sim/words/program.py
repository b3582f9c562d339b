"""What a plan does on words, as a table that one compiled function runs from end to end.

A call of a compiled function from Python takes some microseconds, most of them for its
arguments; a network of ten layers with one sample needs not much more for its arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numba import carray

from hwcompress.sim.jit import kernel
from hwcompress.sim.words.codec import DECODE_FACTS, ENCODE_FACTS, decode, encode
from hwcompress.sim.words.dot_kernel import DOT_FACTS, dot
from hwcompress.sim.words.move_kernel import (
    COPY_FACTS,
    FILL_FACTS,
    POOL_FACTS,
    copy_rows,
    fill,
    max_pool,
)
from hwcompress.sim.words.pointers import as_int8, as_int32, as_int64, as_uint8

__all__ = ["FEEDABLE", "Instruction", "Program", "address"]

_DOT, _ENCODE, _DECODE, _FILL, _COPY, _POOL = 0, 1, 2, 3, 4, 5
_FACTS = {
    "dot": (_DOT, DOT_FACTS),
    "encode": (_ENCODE, ENCODE_FACTS),
    "decode": (_DECODE, DECODE_FACTS),
    "fill": (_FILL, FILL_FACTS),
    "copy": (_COPY, COPY_FACTS),
    "pool": (_POOL, POOL_FACTS),
}
_WIDTH = max(len(names) for _, names in _FACTS.values())

_INT8, _UINT8, _INT32, _INT64 = 0, 1, 2, 3
FEEDABLE = {
    np.dtype(np.int8): _INT8,
    np.dtype(np.uint8): _UINT8,
    np.dtype(np.int32): _INT32,
    np.dtype(np.int64): _INT64,
}
"""Numbers of the dtypes that samples may have."""


@kernel
def address(array):  # type: ignore[no-untyped-def]
    """Of the first element; NumPy itself takes several times longer to tell it."""
    return array.ctypes.data


@dataclass(frozen=True, eq=False)
class Instruction:
    """One line of a program.

    Attributes:
        code: ``dot``, ``encode``, ``decode``, ``fill``, ``copy`` or ``pool``.
        facts: by the names that the code's kernel lists; arrays stand for their addresses.
    """

    code: str
    facts: Mapping[str, int | np.ndarray]


class Program:
    """Instructions as a table.

    Args:
        instructions: in order.

    Attributes:
        instructions: the same.
    """

    def __init__(self, instructions: Sequence[Instruction]) -> None:
        self.instructions = tuple(instructions)
        self._table = np.zeros((len(instructions), _WIDTH), np.int64)
        self._kept: list[np.ndarray] = []  # what the addresses point to
        for row, item in zip(self._table, instructions, strict=True):
            code, names = _FACTS[item.code]
            row[0] = code
            if set(item.facts) != set(names[1:]):
                raise ValueError(f"facts {sorted(item.facts)} of {item.code}")
            for place, name in enumerate(names[1:], 1):
                row[place] = self._number(item.facts[name])

    def _number(self, fact: int | np.ndarray) -> int:
        if not isinstance(fact, np.ndarray):
            return int(fact)
        array = np.ascontiguousarray(fact)
        self._kept.append(array)
        return int(array.__array_interface__["data"][0])  # of any dtype, compiled for none

    def run(self, arena: np.ndarray, places: np.ndarray, count: int) -> int:
        """Take samples through.

        Args:
            arena: uint32 ``(groups, rows, lanes)``.
            places: int64 ``(inputs + results, 2)``: address of the samples ``(n, features)``, C
                order, and for inputs the number of their dtype (:data:`FEEDABLE`); results
                are int64.
            count: samples, at least one.

        Returns:
            -1, or the number of the input that holds an integer which is not of its type;
            then the rest is not run.
        """
        return int(_execute(self._table, arena, places, count))


@kernel
def _execute(table, arena, places, count):  # type: ignore[no-untyped-def]
    lanes = arena.shape[2]
    used = arena[: (count + lanes - 1) // lanes]
    for line in range(table.shape[0]):
        facts = table[line]
        code = facts[0]
        if code == _DOT:
            dot(used, facts)
        elif code == _ENCODE:
            address, dtype = places[facts[1], 0], places[facts[1], 1]
            shape = (count, facts[3] * facts[4])
            if dtype == _INT8:
                fits = encode(used, facts, carray(as_int8(address), shape))
            elif dtype == _UINT8:
                fits = encode(used, facts, carray(as_uint8(address), shape))
            elif dtype == _INT32:
                fits = encode(used, facts, carray(as_int32(address), shape))
            else:
                fits = encode(used, facts, carray(as_int64(address), shape))
            if not fits:
                return facts[1]
        elif code == _DECODE:
            address = places[facts[1], 0]
            decode(used, facts, carray(as_int64(address), (count, facts[4])))
        elif code == _FILL:
            fill(used, facts)
        elif code == _COPY:
            copy_rows(used, facts)
        else:
            max_pool(used, facts)
    return -1
