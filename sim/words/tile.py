"""The innermost loop of weighted sums, in vector instructions.

A tile is ``OUTPUTS`` sums over ``columns`` vectors of :data:`LANES` lanes. All of it stays in
registers while the loop walks over the words of the window. Numba's own loops do
not become these instructions, hence the hand-written LLVM code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from hwcompress.sim.words.cpu import COLUMNS, LANES, LEVEL
from hwcompress.sim.words.vectors import (
    I16,
    I32,
    I64,
    VECTOR,
    at,
    called,
    constant,
    load,
    spread,
    store,
)

__all__ = ["OUTPUTS", "TILES", "WIDE_TILES", "sums_of"]

OUTPUTS = 4
"""Sums of one tile."""

_SHORTS = ir.VectorType(I16, 2 * LANES)

Term = Callable[[ir.IRBuilder, Any, Any, Any], Any]


def _vnni(name: str) -> Term:
    def term(builder: ir.IRBuilder, total: Any, x: Any, weight: Any) -> Any:
        return called(builder, f"llvm.x86.avx512.{name}.512", VECTOR, [total, x, weight])

    return term


def _pair_products(builder: ir.IRBuilder, x: Any, weight: Any) -> Any:
    """``x0 * w0 + x1 * w1`` of the 16-bit halves of every lane, signed."""
    x, weight = builder.bitcast(x, _SHORTS), builder.bitcast(weight, _SHORTS)
    if LEVEL in ("vnni", "avx512"):
        return called(builder, "llvm.x86.avx512.pmaddw.d.512", VECTOR, [x, weight])
    if LEVEL == "avx2":
        result = ir.VectorType(I32, LANES // 2)
        parts = []
        for start in (0, LANES):
            mask = ir.Constant(ir.VectorType(I32, LANES), list(range(start, start + LANES)))
            ends = [builder.shuffle_vector(item, item, mask) for item in (x, weight)]
            parts.append(called(builder, "llvm.x86.avx2.pmadd.wd", result, ends))
        mask = ir.Constant(ir.VectorType(I32, LANES), list(range(LANES)))
        return builder.shuffle_vector(parts[0], parts[1], mask)
    wide = ir.VectorType(I32, 2 * LANES)
    products = builder.mul(builder.sext(x, wide), builder.sext(weight, wide))
    even = ir.Constant(ir.VectorType(I32, LANES), list(range(0, 2 * LANES, 2)))
    odd = ir.Constant(ir.VectorType(I32, LANES), list(range(1, 2 * LANES, 2)))
    return builder.add(
        builder.shuffle_vector(products, products, even),
        builder.shuffle_vector(products, products, odd),
    )


def _pairs(builder: ir.IRBuilder, total: Any, x: Any, weight: Any) -> Any:
    return builder.add(total, _pair_products(builder, x, weight))


def _bytes(builder: ir.IRBuilder, total: Any, x: Any, weight: Any) -> Any:
    """Unsigned by signed bytes: the even and the odd ones as pairs of 16 bits."""
    low = constant(0x00FF00FF)
    eight = ir.Constant(_SHORTS, [8] * 2 * LANES)
    short = builder.bitcast(weight, _SHORTS)
    even = builder.ashr(builder.shl(short, eight), eight)
    odd = builder.ashr(short, eight)
    first = _pair_products(builder, builder.and_(x, low), builder.bitcast(even, VECTOR))
    high = builder.and_(builder.lshr(x, constant(8)), low)
    second = _pair_products(builder, high, builder.bitcast(odd, VECTOR))
    return builder.add(total, builder.add(first, second))


def _bits(builder: ir.IRBuilder, total: Any, x: Any, weight: Any) -> Any:
    """Positions where the bits differ."""
    differing = called(builder, f"llvm.ctpop.v{LANES}i32", VECTOR, [builder.xor(x, weight)])
    return builder.add(total, differing)


_TERMS: dict[str, Term] = {
    "bytes": _vnni("vpdpbusd") if LEVEL == "vnni" else _bytes,
    "pairs": _vnni("vpdpwssd") if LEVEL == "vnni" else _pairs,
    "bits": _bits,
}


def sums_of(builder: ir.IRBuilder, kind: str, columns: int, args: Any) -> list[list[Any]]:
    """Code for ``for k in range(steps)`` over all sums of a tile; at least one step.

    Args:
        builder: where the code goes.
        kind: of the words, a key of :data:`TILES`.
        columns: vectors side by side.
        args: the first six arguments of a tile.

    Returns:
        A vector for every sum and column.
    """
    term = _TERMS[kind]
    x, offsets, row_bytes, weight, steps, column_bytes = args
    zero = ir.Constant(I64, 0)
    entry = builder.block
    body = builder.append_basic_block("tile.body")
    done = builder.append_basic_block("tile.done")
    builder.branch(body)
    builder.position_at_end(body)
    k = builder.phi(I64)
    k.add_incoming(zero, entry)
    totals = [[builder.phi(VECTOR) for _ in range(columns)] for _ in range(OUTPUTS)]
    for row in totals:
        for total in row:
            total.add_incoming(constant(0), entry)
    place = builder.add(offsets, builder.shl(k, ir.Constant(I64, 3)))
    at = builder.add(x, builder.mul(load(builder, place, I64, 8), row_bytes))
    vectors = []
    for _ in range(columns):
        vectors.append(load(builder, at, VECTOR, 4))
        at = builder.add(at, column_bytes)
    word = builder.add(weight, builder.mul(k, ir.Constant(I64, 4 * OUTPUTS)))
    results = []
    for row in totals:
        every = spread(builder, load(builder, word, I32))
        results.append(
            [term(builder, total, one, every) for total, one in zip(row, vectors, strict=True)]
        )
        word = builder.add(word, ir.Constant(I64, 4))
    following = builder.add(k, ir.Constant(I64, 1))
    k.add_incoming(following, body)
    for row, result in zip(totals, results, strict=True):
        for total, value in zip(row, result, strict=True):
            total.add_incoming(value, body)
    builder.cbranch(builder.icmp_signed("<", following, steps), body, done)
    builder.position_at_end(done)
    return results


def _store(builder: ir.IRBuilder, results: list[list[Any]], sums: Any) -> None:
    for number, result in enumerate(results):
        for column, value in enumerate(result):
            store(builder, value, at(builder, sums, 4 * LANES * (number * COLUMNS + column)))


def _tile(kind: str, columns: int) -> Any:
    """``tile(x, offsets, row_bytes, weight, steps, column_bytes, sums)``, all int64.

    ``x``, ``offsets``, ``weight`` and ``sums`` are addresses: of the first vector of the first
    word, of int64 numbers of rows to each word, of words ``(steps, OUTPUTS)``, and of
    int32 ``(OUTPUTS, COLUMNS, LANES)``, which is written.
    """

    @intrinsic
    def tile(  # type: ignore[no-untyped-def]
        typingctx, x, offsets, row_bytes, weight, steps, column_bytes, sums
    ):
        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            *given, sums = args
            _store(builder, sums_of(builder, kind, columns, given), sums)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 7), codegen

    return tile


TILES = {name: _tile(name, 1) for name in _TERMS}
"""Tiles of one column, by the kind of the words."""
WIDE_TILES = {name: _tile(name, COLUMNS) for name in _TERMS}
"""Tiles of :data:`COLUMNS` columns."""
