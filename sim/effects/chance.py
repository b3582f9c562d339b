"""Which bits a fault rate hits: a generator of its own, the same on any number of threads.

Every stream of bits (a memory, or a tensor in one sample) has a key, from which a SplitMix64
generator starts (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
The gap between two flips of independent bits is geometrically distributed, so one random
number gives the next flip, however rare flips are.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np

from hwcompress.sim.jit import kernel

__all__ = ["flip_rows", "hits", "sample_key", "stream_key"]


@kernel
def _mix(value):  # type: ignore[no-untyped-def]
    """The finalizer of SplitMix64: every bit of the result depends on every bit of the value."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@kernel
def _sample_state(key, sample):  # type: ignore[no-untyped-def]
    """Where the generator of one sample of a tensor starts."""
    return _mix(key ^ _mix(np.uint64(sample) + np.uint64(0x632BE59BD9B4E019)))


@kernel
def _gap(number, scale):  # type: ignore[no-untyped-def]
    """Bits left alone before the next flip; ``scale`` is ``log(1 - rate)``."""
    uniform = (np.float64(number >> np.uint64(11)) + 1.0) * 2.0**-53  # within (0, 1]
    return np.floor(math.log(uniform) / scale)


@kernel
def _hits(state, total, scale, found):  # type: ignore[no-untyped-def]
    """Positions below ``total`` that are hit, ascending, as many as fit; returns their number."""
    count = 0
    place = np.int64(0)
    while True:
        state = state + np.uint64(0x9E3779B97F4A7C15)
        gap = _gap(_mix(state), scale)
        if gap >= total - place:  # compared as floats: a gap may be beyond any integer
            return count
        place += np.int64(gap)
        if count < found.size:
            found[count] = place
        count += 1
        place += 1
        if place >= total:
            return count


@kernel
def _flip_rows(x, first, key, scale, patterns):  # type: ignore[no-untyped-def]
    """Flip bits of ``x (features, lanes)``; lane ``i`` is sample ``first + i``."""
    bits = patterns.size
    total = x.shape[0] * bits
    for i in range(x.shape[1]):
        state = _sample_state(key, first + i)
        place = np.int64(0)
        while place < total:
            state = state + np.uint64(0x9E3779B97F4A7C15)
            gap = _gap(_mix(state), scale)
            if gap >= total - place:
                break
            place += np.int64(gap)
            x[place // bits, i] ^= patterns[place % bits]
            place += 1


def stream_key(seed: int, part: str, name: str) -> np.uint64:
    """Key of a layer's memory, or of a tensor."""
    digest = hashlib.blake2b(f"{seed}\0{part}\0{name}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def sample_key(key: np.uint64, sample: int) -> np.uint64:
    """Key of a tensor in one sample."""
    return np.uint64(_sample_state(key, np.int64(sample)))


def hits(key: np.uint64, total: int, rate: float) -> np.ndarray:
    """Which of ``total`` bits flip, each with probability ``rate``: int64, ascending."""
    if rate == 0 or total == 0:
        return np.zeros(0, np.int64)
    found = np.empty(int(total * rate + 8 * math.sqrt(total * rate)) + 16, np.int64)
    count = _hits(key, np.int64(total), _scale(rate), found)
    if count > found.size:
        found = np.empty(count, np.int64)
        _hits(key, np.int64(total), _scale(rate), found)
    return found[:count]


def flip_rows(
    rows: np.ndarray, first: int, key: np.uint64, rate: float, patterns: np.ndarray
) -> None:
    """Flip bits of a block of samples in place.

    Args:
        rows: integers ``(features, lanes)``, one lane a sample.
        first: number of the first sample.
        key: of the tensor.
        rate: probability for each bit.
        patterns: what a flip of each bit toggles, in the dtype of ``rows``.
    """
    if rate > 0:
        _flip_rows(rows, np.int64(first), key, _scale(rate), patterns)


def _scale(rate: float) -> float:
    return math.log1p(-rate) if rate < 1 else -math.inf
