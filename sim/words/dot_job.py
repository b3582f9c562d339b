"""Weighted sums over words, made ready: operations as calls of one kernel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwcompress.ir import IntType, Rescale, Threshold
from hwcompress.sim.words.bytes_ending import (
    IntegerLine,
    guesses,
    in_doubles,
    in_floats,
    largest,
    shifted_limits,
)
from hwcompress.sim.words.dot_kernel import (
    BITS,
    BYTES,
    COMPARE,
    COMPARE_BYTES,
    DOUBLE,
    DOUBLE_BYTES,
    FLOAT_BYTES,
    NARROW,
    NEAR,
    NEAR_BYTES,
    PAIRS,
    RAW,
    RESCALE,
    SEARCH,
)
from hwcompress.sim.words.plane import CAPACITY, Plane, View
from hwcompress.sim.words.program import Instruction
from hwcompress.sim.words.steps_line import line_of, near_line
from hwcompress.sim.words.sums import Sum, Sums
from hwcompress.sim.words.tile import OUTPUTS

__all__ = ["Ending", "Reach", "dot_jobs", "ending_of", "weights_fit"]

# Comparing with every threshold beats a search up to here.
_MOST_COMPARED = 48
# A multiplication takes as long as so many comparisons (measured).
_WORTH = {NARROW: 6, DOUBLE: 12, RESCALE: 24}
_INT16, _INT32 = 1 << 15, 1 << 31
# How often a word may be read for one sum, if its weight is larger than a byte.
_MOST_COPIES = 8
# In float64, bytes take as long as so many comparisons (measured).
_WORTH_BYTES = 4
# With fewer thresholds nothing is gained by a line.
_LEAST_LINE = 2
# Integers below this and their halves are float64 numbers.
_EXACT = 2.0**52


@dataclass(frozen=True, eq=False)
class Reach:
    """Least and greatest sum of every channel: int64 ``(C,)``."""

    lo: np.ndarray
    hi: np.ndarray

    @classmethod
    def of_type(cls, kind: IntType, channels: int) -> Reach:
        """All that a type holds."""
        return cls(np.full(channels, kind.lo), np.full(channels, kind.hi))


@dataclass(frozen=True, eq=False)
class Ending:
    """What follows a sum: a mode of the kernel with its parameters for every channel.

    ``source`` is what the sum may be; ``line`` is the same ending as a multiplication, if it is
    known as one.
    """

    mode: int
    limits: np.ndarray
    terms: np.ndarray
    bounds: tuple[int, int, int, int]
    source: Reach
    line: IntegerLine | None = None


def ending_of(
    op: Threshold | Rescale | None, channels: int, source: Reach, result: Plane
) -> Ending:
    """The step that follows a sum within ``source``, into a plane.

    A threshold outside the range of the sum decides the same at its edge.
    """
    none = np.zeros((channels, 0), np.int32)
    terms = np.zeros((channels, 3), np.int64)
    if op is None:
        return Ending(RAW, none, terms, (0, 0, 0, 0), source)
    if isinstance(op, Threshold):
        return _thresholds(op, channels, source, result)
    for column, values in enumerate((op.mul, op.add, op.shift)):
        terms[:, column] = np.broadcast_to(values, (channels,))
    return _rescaling(terms, op.otype, op.rounding == "half_even", source, result)


def _rescaling(
    terms: np.ndarray, otype: IntType, half_even: bool, source: Reach, result: Plane
) -> Ending:
    """With products of 32 bits where they suffice, else in float64 where that is exact."""
    mul, add, shift = (np.ascontiguousarray(item) for item in terms.T)
    line = IntegerLine(mul, add, shift, half_even, otype.lo, otype.hi, source.lo, source.hi)
    reach = largest(source.lo, source.hi)
    peak = np.abs(mul.astype(np.float64)) * reach + np.abs(add.astype(np.float64))
    half = 2.0 ** np.maximum(shift - 1, 0)
    bounds = (otype.lo, otype.hi, result.zero, int(half_even))
    none = np.zeros((len(terms), 0), np.int32)
    small = max(abs(otype.lo), abs(otype.hi), abs(result.zero)) < _INT32 // 2
    if small and bool(np.all(peak + half + 1 < _INT32) and shift.max() < 32):
        return Ending(NARROW, none, terms, bounds, source, line)
    if not small or not np.all(peak + half + 1 < _EXACT):
        return Ending(RESCALE, none, terms, bounds, source, line)
    # Rounding down is rounding to the nearest of what lies half a step lower: with a numerator
    # of one more bit that is odd, there is no tie.
    lower = 0.0 if half_even else (np.ldexp(1.0, shift.astype(np.int32)) - 1) / 2
    places = -shift.astype(np.int32)
    slope, offset = np.ldexp(mul.astype(np.float64), places), np.ldexp(add - lower, places)
    bits = np.stack([slope, offset], axis=1).view(np.int64)
    return Ending(DOUBLE, none, bits, bounds, source, line)


def _thresholds(op: Threshold, channels: int, source: Reach, result: Plane) -> Ending:
    """With sign -1, ``-x >= t`` is ``not x >= 1 - t``: the count of the others, subtracted."""
    thresholds, sign = op.rows(channels)
    falling = (sign < 0)[:, None]
    lo, hi = source.lo[:, None], source.hi[:, None]
    top = np.minimum(hi + 1, _INT32 - 1)  # a sum never reaches 2**31
    oriented = np.clip(thresholds, np.where(falling, -hi, lo), np.where(falling, 1 - lo, top))
    rising = np.where(falling, 1 - oriented[:, ::-1], oriented)
    line = None
    if rising.shape[1] >= _LEAST_LINE and op.otype.step == 1 and result.kind != BITS:
        ending = _on_a_line(op, rising, sign, source, result)
        if ending is not None and rising.shape[1] > _WORTH[ending.mode]:
            return ending
        line = ending.line if ending is not None else None
    limits = np.clip(rising, -_INT32, _INT32 - 1).astype(np.int32)
    count = limits.shape[1]
    step, start = (1, 0) if result.kind == BITS else (op.otype.step, op.otype.lo - result.zero)
    terms = np.zeros((channels, 3), np.int64)
    terms[:, 0] = np.where(sign < 0, start + step * count, start)
    terms[:, 1] = np.where(sign < 0, -step, step)
    limits = np.ascontiguousarray(limits)
    if count <= _MOST_COMPARED:
        return Ending(COMPARE, limits, terms, (0, 0, 0, 0), source, line)
    guess = near_line(rising, source.lo, source.hi)
    if guess is None:
        return Ending(SEARCH, limits, terms, (0, 0, 0, 0), source)
    terms = np.stack([terms[:, 0], terms[:, 1], guess.mul, guess.add, guess.shift], axis=1)
    return Ending(NEAR, limits, terms, (0, 0, 0, 0), source)


def _on_a_line(
    op: Threshold, rising: np.ndarray, sign: np.ndarray, source: Reach, result: Plane
) -> Ending | None:
    """A multiplication that counts as the comparisons do."""
    line = line_of(rising, source.lo, source.hi)
    if line is None:
        return None
    lowest, unit = op.otype.lo, np.int64(1) << line.shift
    # The count of thresholds, added to the lowest level or subtracted from the highest one.
    up = (line.mul, line.add + lowest * unit)
    down = (-line.mul, -line.add + unit - 1 + (lowest + rising.shape[1]) * unit)
    rises = np.broadcast_to(sign > 0, line.mul.shape)
    mul, add = (np.where(rises, one, other) for one, other in zip(up, down, strict=True))
    top = IntType(lowest, lowest + rising.shape[1])
    return _rescaling(np.stack([mul, add, line.shift], axis=1), top, False, source, result)


def _in_bytes(ending: Ending, start: np.ndarray, zero: int) -> Ending | None:
    """The ending as one of those that make words of bytes at once, of sums that ``start`` has not
    been added to; ``None`` if it is none of them."""
    line, source, none = ending.line, ending.source, np.zeros((start.size, 0), np.int32)
    fits = line is not None and line.low >= zero and line.high - zero < 256
    if line is not None and fits and abs(zero) < _INT16:
        bounds = (line.low - zero, line.high - zero, zero, 0)
        floats = in_floats(line, start)
        if floats is not None:
            return Ending(FLOAT_BYTES, none, floats, bounds, source, line)
        doubles = in_doubles(line, start)
        if doubles is not None and (
            ending.mode != COMPARE or ending.limits.shape[1] > _WORTH_BYTES
        ):
            return Ending(DOUBLE_BYTES, none, doubles, bounds, source, line)
    if ending.mode not in (COMPARE, NEAR):
        return None
    limits = shifted_limits(ending.limits, start, source.lo, source.hi)
    if limits is None:
        return None
    terms, bounds = ending.terms[:, :2].astype(np.int32), (0, 255, 0, 0)
    if ending.mode == NEAR:
        near = guesses(ending.limits.astype(np.int64), source.lo, source.hi, start)
        if near is None:
            return None
        terms = np.concatenate([near.view(np.int32), terms], axis=1)
        return Ending(NEAR_BYTES, limits, terms, bounds, source)
    return Ending(COMPARE_BYTES, limits, terms, bounds, source)


def weights_fit(kind: int, weight: np.ndarray, *, apart: bool = False) -> bool:
    """Whether integers fit the weights' places in words.

    Args:
        kind: of the words.
        weight: of all sums.
        apart: each sum reads few words. It may read them several times then, each time with a
            part of the weight.
    """
    if kind == BITS:
        return bool(np.all(np.abs(weight) == 1))
    if kind not in (BYTES, PAIRS):
        return False
    top = 127 if kind == BYTES else 32767
    top *= _MOST_COPIES if apart else 1
    return bool(weight.min() >= -top - 1 and weight.max() <= top)


def dot_jobs(view: View, sums: Sums, ending: Ending, target: Plane) -> tuple[Instruction, ...]:
    """What makes all sums on an arena; every plane has its place."""
    return tuple(_instruction(view, part, sums, ending, target) for part in sums.parts)


def _instruction(view: View, part: Sum, sums: Sums, ending: Ending, target: Plane) -> Instruction:
    """For the kernel."""
    kind, capacity = view.kind, CAPACITY[view.kind]
    rows = part.weight.shape[0]
    blocks = -(-rows // OUTPUTS)
    row, place = view.places(part.tap_y, part.tap_x, part.tap_c)
    weight = _filled(part.weight, blocks).reshape(blocks, OUTPUTS, -1)
    gather = _gathered_apart if sums.apart else _gathered
    offsets, words = gather(row, place, weight, capacity)
    offsets, words = _in_parts(offsets, words, kind)
    start, factor = sums.bias.astype(np.int64), 1
    if kind == BITS:
        words = words > 0
        start = start + np.count_nonzero(part.weight, axis=1)
        factor = -2
    else:
        start = start + part.weight.sum(axis=1) * view.zero
    if ending.mode == RAW:
        start = start - target.zero
    if target.kind == BYTES and factor == 1:
        ending = _in_bytes(ending, start, target.zero) or ending
    # Sums are made modulo 2**32, in which the result itself lies.
    wrapped = ((start + _INT32) % (1 << 32) - _INT32).astype(np.int32)
    step_y, step_x = view.steps
    first = target.base + target.first
    first += part.origin[0] * target.step_y + part.origin[1] * target.words
    terms = np.ascontiguousarray(_filled(ending.terms, blocks))
    low, high, zero, even = ending.bounds
    return Instruction(
        "dot",
        {
            "kind": kind,
            "offsets": offsets,
            "steps": offsets.shape[1],
            "weights": _words(kind, words).transpose(0, 2, 1),
            "blocks": blocks,
            "groups": offsets.shape[0],
            "below": part.stride[0] * step_y,
            "right": part.stride[1] * step_x,
            "height": part.size[0],
            "width": part.size[1],
            "starts": _filled(wrapped, blocks),
            "factor": factor,
            "mode": ending.mode,
            "limits": _filled(ending.limits, blocks),
            "count": ending.limits.shape[1],
            "terms": terms,
            "wide": terms.strides[0],
            "low": low,
            "high": high,
            "zero": zero,
            "even": even,
            "result": target.kind,
            "first": first,
            "pitch_y": part.pitch[0] * target.step_y,
            "pitch_x": part.pitch[1] * target.words,
            "rows": rows,
        },
    )


def _gathered(
    row: np.ndarray, place: np.ndarray, weight: np.ndarray, capacity: int
) -> tuple[np.ndarray, np.ndarray]:
    """Words that all sums read, ``(1, steps)``, and their weights ``(blocks, OUTPUTS, steps,
    capacity)``, for elements in parts ``place`` of the words in rows ``row``."""
    offsets, index = np.unique(row, return_inverse=True)
    words = np.zeros((*weight.shape[:2], offsets.size, capacity), np.int64)
    _add_at(words, index, place, weight)
    return offsets[None], words


def _gathered_apart(
    row: np.ndarray, place: np.ndarray, weight: np.ndarray, capacity: int
) -> tuple[np.ndarray, np.ndarray]:
    """The same, every block of sums with the words that it needs itself: ``(blocks, steps)``."""
    found = []
    for block in weight:
        used = np.flatnonzero(np.any(block, axis=0))
        used = used if used.size else np.zeros(1, np.int64)
        found.append((used, *np.unique(row[used], return_inverse=True)))
    steps = max(places.size for _, places, _ in found)
    words = np.zeros((*weight.shape[:2], steps, capacity), np.int64)
    offsets = np.zeros((weight.shape[0], steps), np.int64)
    for block, (used, places, index) in enumerate(found):
        offsets[block] = places[0]
        offsets[block, : places.size] = places
        _add_at(words[block], index, place[used], weight[block][:, used])
    return offsets, words


def _in_parts(offsets: np.ndarray, words: np.ndarray, kind: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights that a byte or a pair does not hold as several smaller ones, each with its step."""
    if kind == BITS:
        return offsets, words
    top = 127 if kind == BYTES else 32767
    low, high = int(words.min()), int(words.max())
    copies = max(-(-high // top), -(low // (top + 1)), 1)
    if copies == 1:
        return offsets, words
    parts = []
    left = words
    for _ in range(copies):
        parts.append(np.clip(left, -top - 1, top))
        left = left - parts[-1]
    return np.concatenate([offsets] * copies, axis=1), np.concatenate(parts, axis=2)


def _add_at(words: np.ndarray, step: np.ndarray, place: np.ndarray, weight: np.ndarray) -> None:
    """``words[..., step[e], place[e]] += weight[..., e]``: an element may be read twice."""
    flat = words.reshape(*words.shape[:-2], -1)
    for e, at in enumerate(step.reshape(-1) * words.shape[-1] + place):
        flat[..., at] += weight[..., e]


def _words(kind: int, weight: np.ndarray) -> np.ndarray:
    """Integers ``(..., capacity)`` as words ``(...)``."""
    bits = 32 // CAPACITY[kind]
    places = (np.arange(CAPACITY[kind]) * bits).astype(np.uint64)
    values = (weight.astype(np.int64) & ((1 << bits) - 1)).astype(np.uint64)
    return (values << places).sum(axis=-1, dtype=np.uint64).astype(np.uint32)


def _filled(values: np.ndarray, blocks: int) -> np.ndarray:
    """Rows of zeros behind, up to whole blocks."""
    rows = blocks * OUTPUTS - values.shape[0]
    return np.concatenate([values, np.zeros((rows, *values.shape[1:]), values.dtype)])
