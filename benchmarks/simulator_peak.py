"""What this processor can do at most: loops of one instruction, with operands close by.

A kernel of the simulator is measured against the loop of the instruction that it is built on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from benchmarks.simulator_timing import seconds
from hwcompress.sim.words.cpu import LEVEL

__all__ = ["KINDS", "Peak", "measure"]

_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_FLOAT = ir.FloatType()
_WIDE = LEVEL in ("vnni", "avx512")
_LANES = 16 if _WIDE else 8
_WORDS = ir.VectorType(_I32, _LANES)
_SHORTS = ir.VectorType(_I16, 2 * _LANES)
_BYTES = ir.VectorType(_I8, 4 * _LANES)
_FLOATS = ir.VectorType(_FLOAT, _LANES)
_WEIGHTS = 4
_INPUTS = 4 if _WIDE else 2
# Inputs of so many steps: the first-level cache holds them, and no compiler unrolls so far.
_RING = 32
_STEP_BYTES = 4 * _LANES * _INPUTS

Term = Callable[[ir.IRBuilder, Any, Any, Any], Any]


@dataclass(frozen=True)
class Peak:
    """Billions of multiplications and additions a second; of bits, of products of single bits.

    Attributes:
        kind: ``bytes``, ``pairs``, ``bits`` or ``float32``.
        instruction: that the loop is made of.
        one: one thread.
        two: two threads together; they may share a core.
    """

    kind: str
    instruction: str
    one: float
    two: float


def _call(builder: ir.IRBuilder, name: str, result: ir.Type, *args: Any) -> Any:
    kind = ir.FunctionType(result, [item.type for item in args])
    return builder.call(builder.module.declare_intrinsic(name, (), kind), args)


def _vnni(name: str) -> Term:
    def term(builder: ir.IRBuilder, total: Any, x: Any, weight: Any) -> Any:
        return _call(builder, f"llvm.x86.avx512.{name}.512", _WORDS, total, x, weight)

    return term


def _madd(builder: ir.IRBuilder, x: Any, weight: Any) -> Any:
    name = "llvm.x86.avx512.pmaddw.d.512" if _WIDE else "llvm.x86.avx2.pmadd.wd"
    return _call(builder, name, _WORDS, x, weight)


def _pairs(builder: ir.IRBuilder, total: Any, x: Any, weight: Any) -> Any:
    x, weight = builder.bitcast(x, _SHORTS), builder.bitcast(weight, _SHORTS)
    return builder.add(total, _madd(builder, x, weight))


def _maddubs(builder: ir.IRBuilder, total: Any, x: Any, weight: Any) -> Any:
    name = "llvm.x86.avx512.pmaddubs.w.512" if _WIDE else "llvm.x86.avx2.pmadd.ub.sw"
    x, weight = builder.bitcast(x, _BYTES), builder.bitcast(weight, _BYTES)
    ones = ir.Constant(_SHORTS, [1] * 2 * _LANES)
    return builder.add(total, _madd(builder, _call(builder, name, _SHORTS, x, weight), ones))


def _bits(builder: ir.IRBuilder, total: Any, x: Any, weight: Any) -> Any:
    count = _call(builder, f"llvm.ctpop.v{_LANES}i32", _WORDS, builder.xor(x, weight))
    return builder.add(total, count)


def _float(builder: ir.IRBuilder, total: Any, x: Any, weight: Any) -> Any:
    return _call(builder, f"llvm.fma.v{_LANES}f32", _FLOATS, x, weight, total)


def _plain(builder: ir.IRBuilder, total: Any, x: Any, weight: Any) -> Any:
    return builder.add(total, builder.mul(x, weight))


_X86 = LEVEL != "plain"
_VNNI = LEVEL == "vnni"
KINDS: dict[str, tuple[str, Term, int]] = {
    "bytes": (
        "vpdpbusd" if _VNNI else "maddubs, madd, add" if _X86 else "32-bit multiply-add",
        _vnni("vpdpbusd") if _VNNI else _maddubs if _X86 else _plain,
        4 if _X86 else 1,
    ),
    "pairs": (
        "vpdpwssd" if _VNNI else "madd, add" if _X86 else "32-bit multiply-add",
        _vnni("vpdpwssd") if _VNNI else _pairs if _X86 else _plain,
        2 if _X86 else 1,
    ),
    "bits": ("xor, popcount, add", _bits, 32),
    "float32": ("fused multiply-add", _float, 1),
}
"""By kind: the instruction, its term, and products in a 32-bit lane."""


def _burning(term: Term, floats: bool) -> Any:
    """``burn(address, steps, seed)``: so many steps of a tile of terms; a number of all of them.

    Inputs come from a ring of vectors at the address, so that no product is the same as in the
    step before: the compiler would take it out of the loop.
    """
    kind, zero = (_FLOATS, 0.0) if floats else (_WORDS, 0)

    def fill(builder: ir.IRBuilder, value: Any) -> Any:
        if floats:
            value = builder.sitofp(value, _FLOAT)
        one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, _I32(0))
        return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(_I32, _LANES), None))

    def code(builder: ir.IRBuilder, address: Any, steps: Any, seed: Any) -> Any:
        seed = builder.trunc(seed, _I32)
        weights = [fill(builder, builder.add(seed, _I32(i))) for i in range(_WEIGHTS)]
        entry = builder.block
        body, done = builder.append_basic_block("burn"), builder.append_basic_block("burnt")
        builder.branch(body)
        builder.position_at_end(body)
        k = builder.phi(_I64)
        k.add_incoming(_I64(0), entry)
        totals = [builder.phi(kind) for _ in range(_WEIGHTS * _INPUTS)]
        for item in totals:
            item.add_incoming(ir.Constant(kind, [zero] * _LANES), entry)
        place = builder.mul(builder.and_(k, _I64(_RING - 1)), _I64(_STEP_BYTES))
        at = builder.add(address, place)
        inputs = []
        for index in range(_INPUTS):
            here = builder.add(at, _I64(4 * _LANES * index))
            inputs.append(builder.load(builder.inttoptr(here, kind.as_pointer())))
            inputs[-1].align = 4
        for index, item in enumerate(totals):
            x, weight = inputs[index // _WEIGHTS], weights[index % _WEIGHTS]
            item.add_incoming(term(builder, item, x, weight), body)
        following = builder.add(k, _I64(1))
        k.add_incoming(following, body)
        builder.cbranch(builder.icmp_signed("<", following, steps), body, done)
        builder.position_at_end(done)
        value = totals[0].incomings[1][0]
        for item in totals[1:]:
            other = item.incomings[1][0]
            value = builder.fadd(value, other) if floats else builder.add(value, other)
        first = builder.extract_element(value, _I32(0))
        return builder.fptosi(first, _I64) if floats else builder.sext(first, _I64)

    @intrinsic
    def burn(typingctx, address, steps, seed):  # type: ignore[no-untyped-def]
        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            return code(builder, *args)

        return types.int64(types.int64, types.int64, types.int64), codegen

    return burn


def _loop(kind: str) -> Callable[[int, int], int]:
    floats = kind == "float32"
    burn = _burning(KINDS[kind][1], floats)
    rng = np.random.default_rng(0)
    shape = _RING * _STEP_BYTES // 4
    ring = rng.random(shape, np.float32) if floats else rng.integers(0, 1 << 31, shape, np.int32)

    @numba.njit("int64(int64, int64, int64)", nogil=True)
    def loop(address, steps, seed):  # type: ignore[no-untyped-def]
        return burn(address, steps, seed)

    def run(steps: int, seed: int) -> int:
        return int(loop(ring.ctypes.data, steps, seed))

    return run


def measure(repetitions: int, least: float) -> Iterator[Peak]:
    """The peak of every kind: the best of some repetitions, each ``least`` seconds long.

    The best, not the median: a peak is what the processor can do when nothing disturbs it.
    """
    for kind, (instruction, _, products) in KINDS.items():
        loop = _loop(kind)
        steps = 1 << 16
        loop(steps, 3)
        start = time.perf_counter()
        loop(steps, 3)
        steps = max(steps, int(steps * least / (time.perf_counter() - start)))
        macs = steps * _WEIGHTS * _INPUTS * _LANES * products
        one = min(_seconds(loop, steps, 1) for _ in range(repetitions))
        two = min(_seconds(loop, steps, 2) for _ in range(repetitions))
        yield Peak(kind, instruction, macs / one / 1e9, 2 * macs / two / 1e9)


def _seconds(loop: Callable[[int, int], int], steps: int, threads: int) -> float:
    if threads == 1:  # the thread's own time: a busy machine disturbs it little
        return seconds(lambda: loop(steps, 3), 1, "thread")
    workers = [threading.Thread(target=loop, args=(steps, 3 + i)) for i in range(threads)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.perf_counter() - start
