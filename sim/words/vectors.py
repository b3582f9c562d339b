"""LLVM code on vectors of lanes that the kernels' intrinsics share."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from hwcompress.sim.words.cpu import LANES, LEVEL

__all__ = [
    "I8",
    "I16",
    "I32",
    "I64",
    "VECTOR",
    "WIDE_REGISTERS",
    "at",
    "called",
    "clamp",
    "constant",
    "entries",
    "load",
    "spread",
    "store",
]

I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
VECTOR = ir.VectorType(I32, LANES)
"""One word of every lane."""

WIDE_REGISTERS = LEVEL in ("vnni", "avx512")
"""Whether a vector is one register, with instructions of AVX-512."""


def constant(value: int) -> ir.Constant:
    """A number in every lane."""
    return ir.Constant(VECTOR, [value] * LANES)


def spread(builder: ir.IRBuilder, value: Any, count: int = LANES) -> Any:
    """A scalar in every element of a vector."""
    undefined = ir.Constant(ir.VectorType(value.type, count), ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(I32, 0))
    mask = ir.Constant(ir.VectorType(I32, count), [0] * count)
    return builder.shuffle_vector(first, undefined, mask)


def at(builder: ir.IRBuilder, address: Any, offset: int) -> Any:
    """An address some bytes further."""
    return builder.add(address, ir.Constant(I64, offset))


def load(builder: ir.IRBuilder, address: Any, kind: ir.Type = VECTOR, align: int = 4) -> Any:
    """What stands at an address."""
    value = builder.load(builder.inttoptr(address, kind.as_pointer()))
    value.align = align
    return value


def store(builder: ir.IRBuilder, value: Any, address: Any) -> None:
    """Write a vector of words, of any elements."""
    builder.store(value, builder.inttoptr(address, value.type.as_pointer())).align = 4


def called(builder: ir.IRBuilder, name: str, result: ir.Type, args: list[Any]) -> Any:
    """A call of one of LLVM's own functions."""
    kind = ir.FunctionType(result, [item.type for item in args])
    return builder.call(builder.module.declare_intrinsic(name, (), kind), args)


def clamp(builder: ir.IRBuilder, value: Any, low: Any, high: Any) -> Any:
    """Signed integers brought between two others."""
    value = builder.select(builder.icmp_signed("<", value, low), low, value)
    return builder.select(builder.icmp_signed(">", value, high), high, value)


def entries(builder: ir.IRBuilder, table: Any, index: Any) -> Any:
    """``table[index]`` in every lane, of int32 entries at an address."""
    if WIDE_REGISTERS:
        every = ir.Constant(ir.VectorType(ir.IntType(1), LANES), [1] * LANES)
        place = builder.inttoptr(table, I8.as_pointer())
        given = [constant(0), place, index, every, ir.Constant(I32, 4)]
        return called(builder, "llvm.x86.avx512.mask.gather.dpi.512", VECTOR, given)
    result = ir.Constant(VECTOR, ir.Undefined)
    for lane in range(LANES):
        number = ir.Constant(I32, lane)
        entry = builder.sext(builder.extract_element(index, number), I64)
        place = builder.add(table, builder.shl(entry, ir.Constant(I64, 2)))
        result = builder.insert_element(result, load(builder, place, I32), number)
    return result
