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

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_I32, LANES)
_LONGS = ir.VectorType(_I64, LANES)
_DOUBLES = ir.VectorType(ir.DoubleType(), LANES)


def _spread(builder: ir.IRBuilder, value: Any, kind: ir.VectorType = _VECTOR) -> Any:
    """A scalar in every lane."""
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(_VECTOR, [0] * LANES))


def _load(builder: ir.IRBuilder, address: Any, kind: ir.Type = _VECTOR) -> Any:
    value = builder.load(builder.inttoptr(address, kind.as_pointer()))
    value.align = 4
    return value


def _store(builder: ir.IRBuilder, value: Any, address: Any) -> None:
    builder.store(value, builder.inttoptr(address, _VECTOR.as_pointer())).align = 4


def _narrow(builder: ir.IRBuilder, value: Any) -> Any:
    return builder.trunc(value, _I32)


def _sums(builder: ir.IRBuilder, sums: Any, start: Any, factor: Any) -> list[Any]:
    """``start + factor * sum`` of every column; modulo 2**32, in which the result itself lies."""
    scale = _spread(builder, _narrow(builder, factor))
    first = _spread(builder, _narrow(builder, start))
    return [
        builder.add(builder.mul(_load(builder, place), scale), first)
        for place in _columns(builder, sums)
    ]


def _columns(builder: ir.IRBuilder, address: Any) -> list[Any]:
    """Addresses of the vectors of one sum."""
    return [builder.add(address, ir.Constant(_I64, 4 * LANES * i)) for i in range(COLUMNS)]


def _put(builder: ir.IRBuilder, values: list[Any], sums: Any) -> None:
    for value, place in zip(values, _columns(builder, sums), strict=True):
        _store(builder, value, place)


def _clamp(builder: ir.IRBuilder, value: Any, low: Any, high: Any) -> Any:
    value = builder.select(builder.icmp_signed("<", value, low), low, value)
    return builder.select(builder.icmp_signed(">", value, high), high, value)


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
    zero = ir.Constant(_VECTOR, [0] * LANES)
    builder.cbranch(builder.icmp_signed(">", count, ir.Constant(_I64, 0)), body, done)
    builder.position_at_end(body)
    k = builder.phi(_I64)
    totals = [builder.phi(_VECTOR) for _ in values]
    k.add_incoming(ir.Constant(_I64, 0), entry)
    place = builder.add(limits, builder.shl(k, ir.Constant(_I64, 2)))
    limit = _spread(builder, _load(builder, place, _I32))
    larger = []
    for value, total in zip(values, totals, strict=True):
        total.add_incoming(zero, entry)
        reached = builder.sext(builder.icmp_signed(">=", value, limit), _VECTOR)
        larger.append(builder.sub(total, reached))
    following = builder.add(k, ir.Constant(_I64, 1))
    k.add_incoming(following, body)
    for total, result in zip(totals, larger, strict=True):
        total.add_incoming(result, body)
    builder.cbranch(builder.icmp_signed("<", following, count), body, done)
    builder.position_at_end(done)
    results = []
    for result in larger:
        found = builder.phi(_VECTOR)
        found.add_incoming(zero, entry)
        found.add_incoming(result, body)
        results.append(found)
    rise, first = _spread(builder, _narrow(builder, gain)), _spread(builder, _narrow(builder, base))
    results = [builder.add(builder.mul(found, rise), first) for found in results]
    _put(builder, results, sums)


def _entries(builder: ir.IRBuilder, table: Any, index: Any) -> Any:
    """``table[index]`` in every lane, of int32 entries."""
    result = ir.Constant(_VECTOR, ir.Undefined)
    for lane in range(LANES):
        number = ir.Constant(_I32, lane)
        entry = builder.sext(builder.extract_element(index, number), _I64)
        place = builder.add(table, builder.shl(entry, ir.Constant(_I64, 2)))
        result = builder.insert_element(result, _load(builder, place, _I32), number)
    return result


def _near(builder: ir.IRBuilder, args: Any) -> None:
    """The count lies at most one beside the estimate: two comparisons decide."""
    sums, start, factor, limits, count, mul, add, shift, base, gain = args
    slope, offset, places = (_spread(builder, item, _LONGS) for item in (mul, add, shift))
    none, one = (ir.Constant(_VECTOR, [value] * LANES) for value in (0, 1))
    most = _spread(builder, _narrow(builder, count))
    last = builder.sub(most, one)
    rise, first = _spread(builder, _narrow(builder, gain)), _spread(builder, _narrow(builder, base))
    top = _spread(builder, count, _LONGS)
    results = []
    for value in _sums(builder, sums, start, factor):
        line = builder.add(builder.mul(builder.sext(value, _LONGS), slope), offset)
        guess = _clamp(builder, builder.ashr(line, places), ir.Constant(_LONGS, [0] * LANES), top)
        guess = builder.trunc(guess, _VECTOR)
        upper = _clamp(builder, guess, none, last)
        lower = _clamp(builder, builder.sub(guess, one), none, last)
        more = builder.and_(
            builder.icmp_signed(">=", value, _entries(builder, limits, upper)),
            builder.icmp_signed("<", guess, most),
        )
        less = builder.and_(
            builder.icmp_signed("<", value, _entries(builder, limits, lower)),
            builder.icmp_signed(">", guess, none),
        )
        found = builder.add(guess, builder.zext(more, _VECTOR))
        found = builder.sub(found, builder.zext(less, _VECTOR))
        results.append(builder.add(builder.mul(found, rise), first))
    _put(builder, results, sums)


def _rescaled(kind: ir.VectorType) -> Callable[[ir.IRBuilder, Any], None]:
    """With products of ``kind``, which must hold them."""
    wide = kind.element == _I64

    def fit(builder: ir.IRBuilder, value: Any) -> Any:
        return _spread(builder, value if wide else _narrow(builder, value), kind)

    def body(builder: ir.IRBuilder, args: Any) -> None:
        sums, start, factor, mul, add, shift, even, low, high, zero = args
        one = ir.Constant(_I64, 1)
        # For ties to even add a half less one unit, or a whole half if the result before
        # rounding is odd; nothing where nothing is shifted out.
        half = builder.lshr(builder.shl(one, shift), one)
        rounds = builder.and_(
            even, builder.zext(builder.icmp_signed(">", half, ir.Constant(_I64, 0)), _I64)
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
            value = _clamp(builder, builder.ashr(total, places), low, high)
            value = builder.sub(value, zero)
            results.append(builder.trunc(value, _VECTOR) if wide else value)
        _put(builder, results, sums)

    return body


def _in_doubles(builder: ir.IRBuilder, args: Any) -> None:
    """``rint(sum * slope + offset)``: exact where both, and the result before it is rounded, are
    integers below 2**53 times a power of two."""
    sums, start, factor, slope, offset, low, high, zero = args
    real = ir.DoubleType()
    line, shift = (_spread(builder, builder.bitcast(x, real), _DOUBLES) for x in (slope, offset))
    least, most = (_spread(builder, builder.sitofp(x, real), _DOUBLES) for x in (low, high))
    none = _spread(builder, _narrow(builder, zero))
    kind = ir.FunctionType(_DOUBLES, [_DOUBLES])
    rint = builder.module.declare_intrinsic(f"llvm.rint.v{LANES}f64", (), kind)
    results = []
    for value in _sums(builder, sums, start, factor):
        value = builder.fadd(builder.fmul(builder.sitofp(value, _DOUBLES), line), shift)
        value = builder.call(rint, [value])
        value = builder.select(builder.fcmp_ordered("<", value, least), least, value)
        value = builder.select(builder.fcmp_ordered(">", value, most), most, value)
        results.append(builder.sub(builder.fptosi(value, _VECTOR), none))
    _put(builder, results, sums)


def _packed(parts: int) -> Callable[[ir.IRBuilder, Any], None]:
    """``parts`` rows of levels into one word each lane."""
    bits = 32 // parts
    mask = ir.Constant(_VECTOR, [(1 << bits) - 1] * LANES)

    def body(builder: ir.IRBuilder, args: Any) -> None:
        levels, target = args
        word = None
        for part in range(parts):
            place = builder.add(levels, ir.Constant(_I64, part * 4 * LANES * COLUMNS))
            value = builder.and_(_load(builder, place), mask)
            value = builder.shl(value, ir.Constant(_VECTOR, [part * bits] * LANES))
            word = value if word is None else builder.or_(word, value)
        _store(builder, word, target)

    return body


def _pack_bits(builder: ir.IRBuilder, args: Any) -> None:
    """Four bits a lane into a word, at ``place``; at place 0 the others become 0."""
    levels, target, place = args
    word = None
    for part in range(4):
        at = builder.add(levels, ir.Constant(_I64, part * 4 * LANES * COLUMNS))
        value = builder.shl(_load(builder, at), ir.Constant(_VECTOR, [part] * LANES))
        word = value if word is None else builder.or_(word, value)
    word = builder.shl(word, _spread(builder, _narrow(builder, place)))
    first = builder.icmp_signed("==", place, ir.Constant(_I64, 0))
    kept = builder.sext(builder.not_(first), _I32)
    before = builder.and_(_load(builder, target), _spread(builder, kept))
    _store(builder, builder.or_(before, word), target)


def _copy(builder: ir.IRBuilder, args: Any) -> None:
    source, target = args
    _store(builder, _load(builder, source), target)


def _larger(kind: ir.VectorType, signed: bool) -> Callable[[ir.IRBuilder, Any], None]:
    """The larger of each element in place."""

    def body(builder: ir.IRBuilder, args: Any) -> None:
        source, target = args
        one = builder.bitcast(_load(builder, source), kind)
        two = builder.bitcast(_load(builder, target), kind)
        compare = builder.icmp_signed if signed else builder.icmp_unsigned
        value = builder.select(compare(">", one, two), one, two)
        _store(builder, builder.bitcast(value, _VECTOR), target)

    return body


def _or(builder: ir.IRBuilder, args: Any) -> None:
    source, target = args
    _store(builder, builder.or_(_load(builder, source), _load(builder, target)), target)


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
rescale_narrow = _made(10, _rescaled(_VECTOR))
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
max_wide = _made(2, _larger(_VECTOR, True))
"""The same of signed integers of 32 bits."""
or_bits = _made(2, _or)
"""The same of single bits."""
