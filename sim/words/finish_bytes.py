"""What follows four sums whose results share words of bytes: all in registers, down to the words.

A vector of lanes is read of each of the four sums, brought to its level, and the four are
packed and clamped together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from hwcompress.sim.words.cpu import COLUMNS, LANES
from hwcompress.sim.words.tile import OUTPUTS, sums_of
from hwcompress.sim.words.vectors import (
    I8,
    I16,
    I32,
    I64,
    VECTOR,
    WIDE_REGISTERS,
    at,
    called,
    clamp,
    constant,
    entries,
    load,
    spread,
    store,
)

__all__ = [
    "compare_bytes",
    "double_bytes",
    "float_bytes",
    "near_bytes",
    "wide_double_bytes",
    "wide_float_bytes",
    "wide_sums_to_float_bytes",
]

_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_HALF = ir.VectorType(I32, LANES // 2)
_DOUBLES = ir.VectorType(ir.DoubleType(), LANES // 2)
_SHORTS = ir.VectorType(I16, 2 * LANES)
_BYTES = ir.VectorType(I8, 4 * LANES)

# A float64 number below 2**31, with this added, has its nearest integer in the low half.
_MAGIC = 1.5 * 2.0**52
_TO_NEXT = 4 * LANES * COLUMNS


def _line(builder: ir.IRBuilder, x: Any, slope: Any, offset: Any, name: str) -> Any:
    """``x * slope + offset``, rounded once or twice: what is chosen is right either way."""
    if WIDE_REGISTERS:
        return called(builder, f"llvm.fma.{name}", x.type, [x, slope, offset])
    return builder.fadd(builder.fmul(x, slope), offset)


def _float_params(builder: ir.IRBuilder, params: Any) -> list[Any]:
    """Slope and offset in every lane."""
    return [
        spread(builder, load(builder, at(builder, params, 4 * i), ir.FloatType()), LANES)
        for i in (0, 1)
    ]


def _float_level(builder: ir.IRBuilder, place: Any, line: list[Any]) -> Any:
    """``rint(sum * slope + offset)`` in float32, of a sum in memory."""
    return _float_level_of(builder, load(builder, place), line)


def _float_level_of(builder: ir.IRBuilder, total: Any, line: list[Any]) -> Any:
    slope, offset = line
    value = builder.sitofp(total, _FLOATS)
    value = _line(builder, value, slope, offset, f"v{LANES}f32")
    if WIDE_REGISTERS:
        none, current = constant(0), ir.Constant(I32, 4)
        every = ir.Constant(I16, -1)
        name = "llvm.x86.avx512.mask.cvtps2dq.512"
        return called(builder, name, VECTOR, [value, none, every, current])
    value = called(builder, f"llvm.rint.v{LANES}f32", _FLOATS, [value])
    return builder.fptosi(value, VECTOR)


def _double_params(builder: ir.IRBuilder, params: Any) -> list[Any]:
    """Slope and offset in every lane of a half."""
    return [
        spread(builder, load(builder, at(builder, params, 8 * i), ir.DoubleType()), LANES // 2)
        for i in (0, 1)
    ]


def _double_level(builder: ir.IRBuilder, place: Any, line: list[Any]) -> Any:
    """``rint(sum * slope + offset)`` in float64; below 2**31."""
    slope, offset = line
    magic = ir.Constant(_DOUBLES, [_MAGIC] * (LANES // 2))
    halves = []
    for half in (0, 1):
        value = builder.sitofp(load(builder, at(builder, place, 2 * LANES * half), _HALF), _DOUBLES)
        value = _line(builder, value, slope, offset, f"v{LANES // 2}f64")
        halves.append(builder.bitcast(builder.fadd(value, magic), VECTOR))
    low = ir.Constant(VECTOR, list(range(0, 2 * LANES, 2)))
    return builder.shuffle_vector(halves[0], halves[1], low)


def _pack(
    builder: ir.IRBuilder, levels: list[Any], zero: Any, low: Any, high: Any, target: Any
) -> None:
    """``clamp(level - zero, low, high)`` of four vectors as the bytes of one vector of words."""
    if not WIDE_REGISTERS:
        least, most = (spread(builder, item, LANES) for item in (low, high))
        word = None
        for part, level in enumerate(levels):
            level = builder.sub(level, spread(builder, zero, LANES))
            value = clamp(builder, level, least, most)
            value = builder.shl(value, ir.Constant(VECTOR, [8 * part] * LANES))
            word = value if word is None else builder.or_(word, value)
        store(builder, word, target)
        return
    none = spread(builder, builder.trunc(zero, I16), 2 * LANES)
    pairs = []
    for a, b in ((0, 1), (2, 3)):
        name = "llvm.x86.avx512.packssdw.512"
        pair = called(builder, name, _SHORTS, [levels[a], levels[b]])
        name = f"llvm.ssub.sat.v{2 * LANES}i16"
        pairs.append(called(builder, name, _SHORTS, [pair, none]))
    packed = called(builder, "llvm.x86.avx512.packuswb.512", _BYTES, pairs)
    # In each 16 bytes stand four lanes of the first sum, then of the second, and so on.
    order = [16 * (i // 16) + 4 * (i % 4) + i % 16 // 4 for i in range(4 * LANES)]
    mask = ir.Constant(ir.VectorType(I32, 4 * LANES), order)
    packed = builder.shuffle_vector(packed, packed, mask)
    least, most = (spread(builder, builder.trunc(item, I8), 4 * LANES) for item in (low, high))
    packed = builder.select(builder.icmp_unsigned(">", packed, least), packed, least)
    packed = builder.select(builder.icmp_unsigned("<", packed, most), packed, most)
    store(builder, packed, target)


def _line_body(
    spread: Callable[[ir.IRBuilder, Any], list[Any]],
    level: Callable[[ir.IRBuilder, Any, list[Any]], Any],
    stride: int,
    columns: int,
) -> Any:
    """An intrinsic for levels on a line; ``stride`` bytes of parameters a sum."""

    @intrinsic
    def finish(  # type: ignore[no-untyped-def]
        typingctx, sums, params, zero, low, high, target, step
    ):
        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            sums, params, zero, low, high, target, step = args
            lines = [spread(builder, at(builder, params, o * stride)) for o in range(OUTPUTS)]
            zero, low, high = (builder.trunc(item, I32) for item in (zero, low, high))
            for column in range(columns):
                levels = [
                    level(builder, at(builder, sums, o * _TO_NEXT + column * 4 * LANES), line)
                    for o, line in enumerate(lines)
                ]
                _pack(builder, levels, zero, low, high, target)
                target = builder.add(target, step)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 7), codegen

    return finish


@intrinsic
def wide_sums_to_float_bytes(  # type: ignore[no-untyped-def]
    typingctx,
    x, offsets, row_bytes, weight, steps, column_bytes,
    params, zero, low, high, target, step,
):  # fmt: skip
    """A wide tile of bytes and ``wide_float_bytes`` in one: sums never leave the registers."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        params, zero, low, high, target, step = args[6:]
        totals = sums_of(builder, "bytes", COLUMNS, args[:6])
        lines = [_float_params(builder, at(builder, params, o * 8)) for o in range(OUTPUTS)]
        zero, low, high = (builder.trunc(item, I32) for item in (zero, low, high))
        for column in range(COLUMNS):
            levels = [
                _float_level_of(builder, row[column], line)
                for row, line in zip(totals, lines, strict=True)
            ]
            _pack(builder, levels, zero, low, high, target)
            target = builder.add(target, step)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 12), codegen


def _counts(builder: ir.IRBuilder, sums: Any, limits: Any, count: Any) -> list[Any]:
    """How many limits each sum reaches; at least one limit."""
    values = [load(builder, at(builder, sums, o * _TO_NEXT), VECTOR) for o in range(OUTPUTS)]
    entry = builder.block
    body = builder.append_basic_block("count.body")
    done = builder.append_basic_block("count.done")
    builder.branch(body)
    builder.position_at_end(body)
    k = builder.phi(I64)
    k.add_incoming(ir.Constant(I64, 0), entry)
    totals = [builder.phi(VECTOR) for _ in values]
    place = builder.add(limits, builder.shl(k, ir.Constant(I64, 2)))
    row = builder.shl(count, ir.Constant(I64, 2))
    found = []
    for value, total in zip(values, totals, strict=True):
        total.add_incoming(constant(0), entry)
        limit = spread(builder, load(builder, place, I32), LANES)
        reached = builder.sext(builder.icmp_signed(">=", value, limit), VECTOR)
        found.append(builder.sub(total, reached))
        place = builder.add(place, row)
    following = builder.add(k, ir.Constant(I64, 1))
    k.add_incoming(following, body)
    for total, result in zip(totals, found, strict=True):
        total.add_incoming(result, body)
    builder.cbranch(builder.icmp_signed("<", following, count), body, done)
    builder.position_at_end(done)
    return found


@intrinsic
def compare_bytes(  # type: ignore[no-untyped-def]
    typingctx, sums, limits, count, terms, high, target
):
    """``compare_bytes(sums, limits, count, terms, high, target)``, all int64.

    ``limits`` is the address of int32 ``(4, count)``, ``terms`` of int32 ``(4, 2)``: base and
    gain. A word's byte is ``base + gain * #{k: sum >= limits[k]}``, which lies in 0 to ``high``.
    """

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        sums, limits, count, terms, high, target = args
        levels = []
        for o, found in enumerate(_counts(builder, sums, limits, count)):
            base, gain = (
                spread(builder, load(builder, at(builder, terms, 8 * o + 4 * i), I32), LANES)
                for i in (0, 1)
            )
            levels.append(builder.add(builder.mul(found, gain), base))
        none = ir.Constant(I32, 0)
        _pack(builder, levels, none, none, builder.trunc(high, I32), target)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 6), codegen


@intrinsic
def near_bytes(  # type: ignore[no-untyped-def]
    typingctx, sums, limits, count, terms, high, target
):
    """As ``compare_bytes``, where ``rint(sum * slope + offset)`` in float32, clamped to 0 to
    ``count - 1``, is the count or one less: one comparison decides.

    ``terms`` is the address of 16 bytes a sum: slope and offset as float32, base and gain as
    int32.
    """

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        sums, limits, count, terms, high, target = args
        first = constant(0)
        last = builder.sub(builder.trunc(count, I32), ir.Constant(I32, 1))
        row = builder.shl(count, ir.Constant(I64, 2))
        levels = []
        for o in range(OUTPUTS):
            place, params = at(builder, sums, o * _TO_NEXT), at(builder, terms, o * 16)
            guess = _float_level(builder, place, _float_params(builder, params))
            guess = clamp(builder, guess, first, spread(builder, last, LANES))
            limit = entries(builder, limits, guess)
            more = builder.icmp_signed(">=", load(builder, place), limit)
            found = builder.add(guess, builder.zext(more, VECTOR))
            base, gain = (
                spread(builder, load(builder, at(builder, params, 8 + 4 * i), I32), LANES)
                for i in (0, 1)
            )
            levels.append(builder.add(builder.mul(found, gain), base))
            limits = builder.add(limits, row)
        none = ir.Constant(I32, 0)
        _pack(builder, levels, none, none, builder.trunc(high, I32), target)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 6), codegen


float_bytes = _line_body(_float_params, _float_level, 8, 1)
"""``float_bytes(sums, params, zero, low, high, target, step)``, all int64: the bytes of a vector of
words are ``clamp(rint(sum * slope + offset) - zero, low, high)``, computed in float32. ``params``
is the address of float32 ``(4, 2)``: slope and offset."""
wide_float_bytes = _line_body(_float_params, _float_level, 8, COLUMNS)
"""The same for :data:`COLUMNS` vectors; ``step`` is the way from a target to the next."""
double_bytes = _line_body(_double_params, _double_level, 16, 1)
"""As ``float_bytes`` in float64; ``params`` are float64."""
wide_double_bytes = _line_body(_double_params, _double_level, 16, COLUMNS)
"""The same for :data:`COLUMNS` vectors."""
