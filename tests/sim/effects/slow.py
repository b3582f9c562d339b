"""What effects mean, written as directly as can be: one sum, one addition at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hwcompress.ir import (
    Add,
    Conv,
    ConvTranspose,
    Dense,
    Graph,
    Input,
    IntType,
    Mul,
    Op,
    Output,
    SumPool,
    Table,
    TensorType,
    Threshold,
)
from hwcompress.sim.effects import Flip

__all__ = ["Counts", "decode", "encode", "slow_run"]


@dataclass
class Counts:
    """Sums, overflowed ones, not exact ones, and which samples have any."""

    sums: int = 0
    overflowed: int = 0
    changed: int = 0
    touched: set[int] = field(default_factory=set)
    wrong: set[int] = field(default_factory=set)


def encode(value: int, kind: IntType) -> list[int]:
    """Bits of the stored form, the lowest one first."""
    if kind.is_bipolar:
        return [int(value > 0)]
    return [(value >> place) & 1 for place in range(kind.bits)]


def decode(bits: Sequence[int], kind: IntType) -> int:
    """The integer that such bits stand for."""
    if kind.is_bipolar:
        return 1 if bits[0] else -1
    value = sum(bit << place for place, bit in enumerate(bits))
    return value - (1 << len(bits)) if kind.lo < 0 and bits[-1] else value


def _flipped(value: int, bit: int, kind: IntType) -> int:
    bits = encode(value, kind)
    bits[bit] ^= 1
    return decode(bits, kind)


def _wrapped(value: int, bits: int, signed: bool) -> int:
    value %= 1 << bits
    return value - (1 << bits) if signed and value >> (bits - 1) else value


def slow_run(
    graph: Graph,
    feeds: Mapping[str, np.ndarray],
    bits: Mapping[str, int] | None = None,
    overflow: str = "wrap",
    flips: Sequence[Flip] = (),
    start: int = 0,
) -> tuple[dict[str, np.ndarray], dict[str, Counts]]:
    """Every tensor's integers, and the counts of every layer that adds up.

    Flips have tuples as indices.
    """
    bits = bits or {}
    wire: dict[str, IntType] = {}
    values: dict[str, np.ndarray] = {}
    counts: dict[str, Counts] = {}
    samples = len(next(iter(feeds.values())))
    for op in graph.ops:
        if isinstance(op, Output):
            continue
        if isinstance(op, Input):
            name = op.outputs[0]
            wire[name], values[name] = op.dtype, np.array(feeds[name], np.int64)
        else:
            types = [TensorType(graph.tensors[name].shape, wire[name]) for name in op.inputs]
            inputs = [values[name] for name in op.inputs]
            results, kinds = _run(graph, op, types, inputs, bits, overflow, flips, counts, samples)
            for name, result, kind in zip(op.outputs, results, kinds, strict=True):
                wire[name], values[name] = kind, result
        for name in op.outputs:
            values[name] = np.array(values[name])
            for flip in flips:
                if flip.where != name or flip.sample is None:
                    continue
                chosen = range(samples) if flip.sample == "every" else [flip.sample - start]
                for sample in chosen:
                    if 0 <= sample < samples:
                        place = (sample, *flip.index)
                        values[name][place] = _flipped(
                            int(values[name][place]), flip.bit, wire[name]
                        )
    return values, counts


def _run(
    graph: Graph,
    op: Op,
    types: Sequence[TensorType],
    inputs: Sequence[np.ndarray],
    bits: Mapping[str, int],
    overflow: str,
    flips: Sequence[Flip],
    counts: dict[str, Counts],
    samples: int,
) -> tuple[list[np.ndarray], list[IntType]]:
    """Results of an operation, and the types of their streams."""
    memory = [flip for flip in flips if flip.where == op.name and flip.sample is None]
    declared = graph.tensors[op.inputs[0]].dtype if op.inputs else None
    if isinstance(op, Table):
        assert declared is not None
        return [_look_up(op, declared, inputs[0])], [op.otype]
    kinds = [kind.dtype for kind in op.infer(types)]
    if isinstance(op, Threshold):
        return [_count(op, types[0].dtype, inputs[0], memory)], kinds
    if isinstance(op, Dense | Conv | ConvTranspose | SumPool | Add):
        shape = op.infer(types)[0].shape
        kind, register = kinds[0], None
        if op.name in bits:
            register = IntType.signed_bits(bits[op.name])
            if kind.lo < register.lo or kind.hi > register.hi:
                kind = register
        if memory:
            op = replace(op, weight=_flip_weights(op, memory))
        result = np.zeros((samples, *shape), np.int64)
        count = counts.setdefault(op.name, Counts())
        for place, bias, terms in _sums(op, inputs, shape):
            for sample in range(samples):
                _add_up(
                    result, (sample, *place), bias, [int(term[sample]) for term in terms],
                    register, overflow, kind, count,
                )  # fmt: skip
        return [result], [kind]
    results = list(op.evaluate(list(inputs)))
    if not op.inputs:
        results = [np.broadcast_to(each, (samples, *each.shape[1:])) for each in results]
    if isinstance(op, Mul) and not kinds[0].is_bipolar:
        wrap = np.vectorize(lambda value: _wrapped(int(value), kinds[0].bits, kinds[0].signed))
        results = [wrap(results[0])]
    return results, kinds


def _add_up(
    result: np.ndarray,
    place: tuple[int, ...],
    bias: int,
    terms: list[int],
    register: IntType | None,
    overflow: str,
    kind: IntType,
    count: Counts,
) -> None:
    exact = bias + sum(terms)
    held, over = bias, False
    for term in [0, *terms]:  # the bias is loaded, then terms are added
        held += term
        if register is not None and not register.lo <= held <= register.hi:
            over = True
            if overflow == "saturate":
                held = min(max(held, register.lo), register.hi)
            else:
                held = _wrapped(held, register.bits, True)
    # The stream behind has the width of its type.
    value = _wrapped(held, kind.bits, kind.signed)
    result[place] = value
    count.sums += 1
    count.overflowed += over or value != exact
    count.changed += value != exact
    if over or value != exact:
        count.touched.add(place[0])
    if value != exact:
        count.wrong.add(place[0])


def _sums(
    op: Op, inputs: Sequence[np.ndarray], shape: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], int, list[np.ndarray]]]:
    """Place, bias and terms ``(samples,)``, in order, of every element of the result."""
    x = inputs[0]
    for place in np.ndindex(shape):
        m = place[-1]
        bias = int(op.bias[m]) if getattr(op, "bias", None) is not None else 0
        terms = []
        if isinstance(op, Dense):
            terms = [x[:, k] * op.weight[m, k] for k in range(x.shape[1])]
        elif isinstance(op, Add):
            factors = op.rows(shape[-1])
            terms = [each[(slice(None), *place)] * factors[i, m] for i, each in enumerate(inputs)]
        else:
            oy, ox, _ = place
            for ky, kx in np.ndindex(op.kernel):
                if isinstance(op, ConvTranspose):
                    y, rest_y = divmod(oy + op.padding[0] - ky * op.dilation[0], op.stride[0])
                    x_, rest_x = divmod(ox + op.padding[1] - kx * op.dilation[1], op.stride[1])
                    if rest_y or rest_x:
                        continue
                else:
                    dilation = op.dilation if isinstance(op, Conv) else (1, 1)
                    y = oy * op.stride[0] - op.padding[0] + ky * dilation[0]
                    x_ = ox * op.stride[1] - op.padding[1] + kx * dilation[1]
                inside = 0 <= y < x.shape[1] and 0 <= x_ < x.shape[2]
                if not inside and isinstance(op, ConvTranspose):
                    continue
                padded = np.full(len(x), getattr(op, "pad_value", 0))
                if isinstance(op, SumPool):
                    terms.append(x[:, y, x_, m] if inside else padded)
                    continue
                depth = op.weight.shape[3]
                first = m // (op.weight.shape[0] // op.groups) * depth
                for c in range(depth):
                    source = x[:, y, x_, first + c] if inside else padded
                    terms.append(source * op.weight[m, ky, kx, c])
        yield place, bias, terms


def _flip_weights(op: Op, memory: Sequence[Flip]) -> np.ndarray:
    weight = op.weight.copy()
    bits = {index: encode(int(weight[index]), op.wtype) for index in {f.index for f in memory}}
    for flip in memory:
        bits[flip.index][flip.bit] ^= 1
    for index, pattern in bits.items():
        empty = op.wtype.is_ternary and pattern == [0, 1]  # 10, read as zero
        weight[index] = 0 if empty else decode(pattern, op.wtype)
    return weight


def _count(op: Threshold, source: IntType, x: np.ndarray, memory: Sequence[Flip]) -> np.ndarray:
    """Comparators of hardware, channel by channel; rising ones with t, falling ones with 1 - t."""
    channels, levels = x.shape[-1], op.thresholds.shape[1]
    width = IntType.signed_bits(1)
    while not (width.lo <= source.lo and source.hi + 1 <= width.hi):
        width = IntType.signed_bits(width.bits + 1)
    shared = len(op.thresholds) == 1 and len(set(op.sign.tolist())) == 1
    thresholds, sign = op.rows(channels)
    result = np.zeros(x.shape, np.int64)
    for c in range(channels):
        row = 0 if shared else c
        for k in range(levels):
            t = int(thresholds[c, k])
            t = 1 - t if sign[c] < 0 else t
            t = min(max(t, source.lo), source.hi + 1)
            for flip in memory:
                if flip.index == (row, k):
                    t = _flipped(t, flip.bit, width)
            t = 1 - t if sign[c] < 0 else t
            result[..., c] += sign[c] * x[..., c] >= t
    return op.otype.lo + op.otype.step * result


def _look_up(op: Table, source: IntType, x: np.ndarray) -> np.ndarray:
    """Addresses are the lowest bits; what no value of the type addresses holds zeros."""
    if source.is_bipolar:
        return op.evaluate([x])[0]
    bits = max(1, (source.count - 1).bit_length())
    memory = np.full((x.shape[-1], 1 << bits), -1 if op.otype.is_bipolar else 0)
    for value in range(source.lo, source.hi + 1):
        memory[:, value % (1 << bits)] = op.rows(x.shape[-1])[:, value - op.itype.lo]
    return memory[np.arange(x.shape[-1]), x % (1 << bits)]
