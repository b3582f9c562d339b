"""What follows a sum, on one vector of lanes, and words put together, in vector instructions.

Numba does not vectorize these short loops by itself, as it cannot see that the arrays
do not overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from hwcompress.sim.words.cpu import COLUMNS, LANES
from hwcompress.sim.words.vectors import (
    I32,
    I64,
    VECTOR,
    called,
    clamp,
    constant,
    entries,
    load,
    spread,
    store,
)

__all__ = [
    "compare",
    "copy",
    "max_bytes",
    "max_pairs",
    "max_wide",
    "near",
    "or_bits",
    "pack_bits",
    "pack_bytes",
    "pack_pairs",
    "raw",
    "rescale",
    "rescale_in_doubles",
    "rescale_narrow",
]

_LONGS = ir.VectorType(I64, LANES)
_DOUBLES = ir.VectorType(ir.DoubleType(), LANES)


def _narrow(builder: ir.IRBuilder, value: Any) -> Any:
    return builder.trunc(value, I32)


def _sums(builder: ir.IRBuilder, sums: Any, start: Any, factor: Any) -> list[Any]:
    """``start + factor * sum`` of every column; modulo 2**32, in which the result itself lies."""
    scale = spread(builder, _narrow(builder, factor))
    first = spread(builder, _narrow(builder, start))
    return [
        builder.add(builder.mul(load(builder, place), scale), first)
        for place in _columns(builder, sums)
    ]


def _columns(builder: ir.IRBuilder, address: Any) -> list[Any]:
    """Addresses of the vectors of one sum."""
    return [builder.add(address, ir.Constant(I64, 4 * LANES * i)) for i in range(COLUMNS)]


def _put(builder: ir.IRBuilder, values: list[Any], sums: Any) -> None:
    for value, place in zip(values, _columns(builder, sums), strict=True):
        store(builder, value, place)


def _made(count: int, body: Callable[[ir.IRBuilder, Any], None]) -> Any:
    """An intrinsic of ``count`` int64 arguments without a result."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        body(builder, args)
        return context.get_dummy_value()

    made = types.void(*[types.int64] * count), codegen

    # An intrinsic's parameters must be there by number.
    def two(typingctx, a, b):  # type: ignore[no-untyped-def]
        return made

    def three(typingctx, a, b, c):  # type: ignore[no-untyped-def]
        return made

    def eight(typingctx, a, b, c, d, e, f, g, h):  # type: ignore[no-untyped-def]
        return made

    def seven(typingctx, a, b, c, d, e, f, g):  # type: ignore[no-untyped-def]
        return made

    def ten(typingctx, a, b, c, d, e, f, g, h, i, j):  # type: ignore[no-untyped-def]
        return made

    return intrinsic({2: two, 3: three, 7: seven, 8: eight, 10: ten}[count])


def _raw(builder: ir.IRBuilder, args: Any) -> None:
    sums, start, factor = args
    _put(builder, _sums(builder, sums, start, factor), sums)


def _compare(builder: ir.IRBuilder, args: Any) -> None:
    sums, start, factor, limits, count, base, gain = args
    values = _sums(builder, sums, start, factor)
    entry = builder.block
    body = builder.append_basic_block("compare.body")
    done = builder.append_basic_block("compare.done")
    zero = constant(0)
    builder.cbranch(builder.icmp_signed(">", count, ir.Constant(I64, 0)), body, done)
    builder.position_at_end(body)
    k = builder.phi(I64)
    totals = [builder.phi(VECTOR) for _ in values]
    k.add_incoming(ir.Constant(I64, 0), entry)
    place = builder.add(limits, builder.shl(k, ir.Constant(I64, 2)))
    limit = spread(builder, load(builder, place, I32))
    larger = []
    for value, total in zip(values, totals, strict=True):
        total.add_incoming(zero, entry)
        reached = builder.sext(builder.icmp_signed(">=", value, limit), VECTOR)
        larger.append(builder.sub(total, reached))
    following = builder.add(k, ir.Constant(I64, 1))
    k.add_incoming(following, body)
    for total, result in zip(totals, larger, strict=True):
        total.add_incoming(result, body)
    builder.cbranch(builder.icmp_signed("<", following, count), body, done)
    builder.position_at_end(done)
    results = []
    for result in larger:
        found = builder.phi(VECTOR)
        found.add_incoming(zero, entry)
        found.add_incoming(result, body)
        results.append(found)
    rise, first = spread(builder, _narrow(builder, gain)), spread(builder, _narrow(builder, base))
    results = [builder.add(builder.mul(found, rise), first) for found in results]
    _put(builder, results, sums)


def _near(builder: ir.IRBuilder, args: Any) -> None:
    """The count lies at most one beside the estimate: two comparisons decide."""
    sums, start, factor, limits, count, mul, add, shift, base, gain = args
    slope, offset, places = (spread(builder, item) for item in (mul, add, shift))
    none, one = (ir.Constant(VECTOR, [value] * LANES) for value in (0, 1))
    most = spread(builder, _narrow(builder, count))
    last = builder.sub(most, one)
    rise, first = spread(builder, _narrow(builder, gain)), spread(builder, _narrow(builder, base))
    top = spread(builder, count)
    results = []
    for value in _sums(builder, sums, start, factor):
        line = builder.add(builder.mul(builder.sext(value, _LONGS), slope), offset)
        guess = clamp(builder, builder.ashr(line, places), ir.Constant(_LONGS, [0] * LANES), top)
        guess = builder.trunc(guess, VECTOR)
        upper = clamp(builder, guess, none, last)
        lower = clamp(builder, builder.sub(guess, one), none, last)
        more = builder.and_(
            builder.icmp_signed(">=", value, entries(builder, limits, upper)),
            builder.icmp_signed("<", guess, most),
        )
        less = builder.and_(
            builder.icmp_signed("<", value, entries(builder, limits, lower)),
            builder.icmp_signed(">", guess, none),
        )
        found = builder.add(guess, builder.zext(more, VECTOR))
        found = builder.sub(found, builder.zext(less, VECTOR))
        results.append(builder.add(builder.mul(found, rise), first))
    _put(builder, results, sums)


def _rescaled(kind: ir.VectorType) -> Callable[[ir.IRBuilder, Any], None]:
    """With products of ``kind``, which must hold them."""
    wide = kind.element == I64

    def fit(builder: ir.IRBuilder, value: Any) -> Any:
        return spread(builder, value if wide else _narrow(builder, value))

    def body(builder: ir.IRBuilder, args: Any) -> None:
        sums, start, factor, mul, add, shift, even, low, high, zero = args
        one = ir.Constant(I64, 1)
        # For ties to even add a half less one unit, or a whole half if the result before
        # rounding is odd; nothing where nothing is shifted out.
        half = builder.lshr(builder.shl(one, shift), one)
        rounds = builder.and_(
            even, builder.zext(builder.icmp_signed(">", half, ir.Constant(I64, 0)), I64)
        )
        below = fit(builder, builder.mul(rounds, builder.sub(half, one)))
        rounds, mul, add, places, low, high, zero = (
            fit(builder, item) for item in (rounds, mul, add, shift, low, high, zero)
        )
        results = []
        for value in _sums(builder, sums, start, factor):
            value = builder.sext(value, kind) if wide else value
            product = builder.add(builder.mul(value, mul), add)
            odd = builder.and_(builder.ashr(product, places), rounds)
            total = builder.add(builder.add(product, below), odd)
            value = clamp(builder, builder.ashr(total, places), low, high)
            value = builder.sub(value, zero)
            results.append(builder.trunc(value, VECTOR) if wide else value)
        _put(builder, results, sums)

    return body


def _in_doubles(builder: ir.IRBuilder, args: Any) -> None:
    """``rint(sum * slope + offset)``: exact where both, and the result before it is rounded, are
    integers below 2**53 times a power of two."""
    sums, start, factor, slope, offset, low, high, zero = args
    real = ir.DoubleType()
    line, shift = (spread(builder, builder.bitcast(x, real)) for x in (slope, offset))
    least, most = (spread(builder, builder.sitofp(x, real)) for x in (low, high))
    none = spread(builder, _narrow(builder, zero))
    results = []
    for value in _sums(builder, sums, start, factor):
        value = builder.fadd(builder.fmul(builder.sitofp(value, _DOUBLES), line), shift)
        value = called(builder, f"llvm.rint.v{LANES}f64", _DOUBLES, [value])
        value = builder.select(builder.fcmp_ordered("<", value, least), least, value)
        value = builder.select(builder.fcmp_ordered(">", value, most), most, value)
        results.append(builder.sub(builder.fptosi(value, VECTOR), none))
    _put(builder, results, sums)


def _packed(parts: int) -> Callable[[ir.IRBuilder, Any], None]:
    """``parts`` rows of levels into one word each lane."""
    bits = 32 // parts
    mask = ir.Constant(VECTOR, [(1 << bits) - 1] * LANES)

    def body(builder: ir.IRBuilder, args: Any) -> None:
        levels, target = args
        word = None
        for part in range(parts):
            place = builder.add(levels, ir.Constant(I64, part * 4 * LANES * COLUMNS))
            value = builder.and_(load(builder, place), mask)
            value = builder.shl(value, ir.Constant(VECTOR, [part * bits] * LANES))
            word = value if word is None else builder.or_(word, value)
        store(builder, word, target)

    return body


def _pack_bits(builder: ir.IRBuilder, args: Any) -> None:
    """Four bits a lane into a word, at ``place``; at place 0 the others become 0."""
    levels, target, place = args
    word = None
    for part in range(4):
        at = builder.add(levels, ir.Constant(I64, part * 4 * LANES * COLUMNS))
        value = builder.shl(load(builder, at), ir.Constant(VECTOR, [part] * LANES))
        word = value if word is None else builder.or_(word, value)
    word = builder.shl(word, spread(builder, _narrow(builder, place)))
    first = builder.icmp_signed("==", place, ir.Constant(I64, 0))
    kept = builder.sext(builder.not_(first), I32)
    before = builder.and_(load(builder, target), spread(builder, kept))
    store(builder, builder.or_(before, word), target)


def _copy(builder: ir.IRBuilder, args: Any) -> None:
    source, target = args
    store(builder, load(builder, source), target)


def _larger(kind: ir.VectorType, signed: bool) -> Callable[[ir.IRBuilder, Any], None]:
    """The larger of each element in place."""

    def body(builder: ir.IRBuilder, args: Any) -> None:
        source, target = args
        one = builder.bitcast(load(builder, source), kind)
        two = builder.bitcast(load(builder, target), kind)
        compare = builder.icmp_signed if signed else builder.icmp_unsigned
        value = builder.select(compare(">", one, two), one, two)
        store(builder, builder.bitcast(value, VECTOR), target)

    return body


def _or(builder: ir.IRBuilder, args: Any) -> None:
    source, target = args
    store(builder, builder.or_(load(builder, source), load(builder, target)), target)


raw = _made(3, _raw)
"""``raw(sums, start, factor)``: the sums themselves, in place. All arguments are int64."""
compare = _made(7, _compare)
"""``compare(sums, start, factor, limits, count, base, gain)``: ``base + gain * #{k: sum >=
limits[k]}``, in place."""
near = _made(10, _near)
"""``near(sums, start, factor, limits, count, mul, add, shift, base, gain)``: as ``compare``, where
``(sum * mul + add) >> shift`` is at most one beside the count."""
rescale = _made(10, _rescaled(_LONGS))
"""``rescale(sums, start, factor, mul, add, shift, even, low, high, zero)``, in place."""
rescale_narrow = _made(10, _rescaled(VECTOR))
"""The same where products and their rounding fit 32 bits."""
rescale_in_doubles = _made(8, _in_doubles)
"""``rescale_in_doubles(sums, start, factor, slope, offset, low, high, zero)``: slope and offset are
the bits of float64 numbers."""
pack_bytes = _made(2, _packed(4))
"""``pack_bytes(levels, target)``: one column of four sums' levels into words."""
pack_pairs = _made(2, _packed(2))
"""``pack_pairs(levels, target)``."""
pack_bits = _made(3, _pack_bits)
"""``pack_bits(levels, target, place)``."""
copy = _made(2, _copy)
"""``copy(source, target)``: one vector."""
max_bytes = _made(2, _larger(ir.VectorType(ir.IntType(8), 4 * LANES), False))
"""``max_bytes(source, target)``: ``target = max(source, target)``, of unsigned bytes."""
max_pairs = _made(2, _larger(ir.VectorType(ir.IntType(16), 2 * LANES), True))
"""The same of signed integers of 16 bits."""
max_wide = _made(2, _larger(VECTOR, True))
"""The same of signed integers of 32 bits."""
or_bits = _made(2, _or)
"""The same of single bits."""
