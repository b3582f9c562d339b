"""Scalar quantization for a given entropy: fewer bits after Huffman's code, not fewer values.

Choi, El-Khamy, Lee, "Towards the limit of network quantization", ICLR 2017, sections 4 and 5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np

from hwcompress.compress.sharing.codebook import Codebook, mean_of_groups
from hwcompress.compress.sharing.kmeans import kmeans
from hwcompress.errors import InputError

__all__ = ["ecsq", "ecsq_within", "information", "uniform", "uniform_within"]

_HALVINGS = 40
_BLOCK = 1 << 16

Found = TypeVar("Found")


def information(index: np.ndarray) -> float:
    """Entropy of the values of an array of integers, bits an element."""
    counts = np.unique(index, return_counts=True)[1]
    share = counts / counts.sum()
    return float(-(share * np.log2(share)).sum()) + 0.0


def ecsq(
    weights: np.ndarray,
    k: int,
    price: float,
    *,
    importance: np.ndarray | None = None,
    zeros: bool = True,
    rounds: int = 40,
) -> Codebook:
    """Entropy-constrained scalar quantization, Lloyd's algorithm with a price on bits.

    A weight takes the value with the least ``h * (w - c)**2 - price * log2(p)``, where ``p`` is
    the share of weights that have the value.

    Args:
        weights: of any shape.
        k: values to start with; those that nobody takes vanish.
        price: of a bit, in the unit of squared weights.
        importance: ``h``, of the weights' shape; 1 by default.
        zeros: weights that are zero stay so, and are counted among the shares.
        rounds: Lloyd's steps at most.

    Raises:
        InputError: a price below zero, or as of :func:`kmeans`.
    """
    if price < 0:
        raise InputError(f"a bit's price of {price}", remedy="give 0 or more")
    start = kmeans(weights, k, importance=importance, zeros=zeros)
    flat = np.asarray(weights, np.float64).reshape(-1)
    share = np.ones_like(flat) if importance is None else importance.reshape(-1).astype(np.float64)
    values, index = start.values, start.index.reshape(-1)
    pruned = np.flatnonzero(flat == 0) if zeros else np.zeros(0, np.int64)
    for _ in range(rounds):
        counts = np.bincount(index, minlength=values.size)
        used = counts > 0
        values, counts = values[used], counts[used]
        cost = -price * np.log2(counts / flat.size)
        closest = _assigned(flat, share, values, cost)
        if pruned.size:
            closest[pruned] = int(np.flatnonzero(values == 0.0)[0])
        values = mean_of_groups(flat, closest, values.size, share)
        if pruned.size:
            values[closest[pruned[0]]] = 0.0
        if np.array_equal(closest, index):
            break
        index = closest
    used, index = np.unique(index, return_inverse=True)
    return Codebook(values[used], index.reshape(weights.shape))


def _assigned(
    flat: np.ndarray, share: np.ndarray, values: np.ndarray, cost: np.ndarray
) -> np.ndarray:
    parts = []
    for start in range(0, flat.size, _BLOCK):
        rows = slice(start, start + _BLOCK)
        error = (flat[rows, None] - values) ** 2 * share[rows, None]
        parts.append((error + cost).argmin(axis=1))
    return np.concatenate(parts)


def ecsq_within(
    weights: np.ndarray,
    bits: float,
    *,
    k: int = 32,
    importance: np.ndarray | None = None,
    zeros: bool = True,
) -> Codebook:
    """:func:`ecsq` at the least price that keeps the entropy within ``bits`` a weight.

    Raises:
        InputError: not even one value for all weights is within ``bits``.
    """
    scale = float(np.mean(np.asarray(weights, np.float64) ** 2)) or 1.0
    if importance is not None:
        scale *= float(importance.mean()) or 1.0

    def at(exponent: float) -> Codebook:
        return ecsq(weights, k, scale * 2.0**exponent, importance=importance, zeros=zeros)

    return _least(at, lambda found: information(found.index) <= bits, -30.0, 10.0, 10, bits)


def uniform(weights: np.ndarray, step: float) -> Codebook:
    """Every weight the nearest multiple of a step.

    Raises:
        InputError: the step is not positive.
    """
    if not step > 0:
        raise InputError(f"a step of {step}", remedy="give a positive number")
    multiples = np.rint(np.asarray(weights, np.float64) / step).astype(np.int64)
    present, index = np.unique(multiples, return_inverse=True)
    return Codebook(present * step, index.reshape(weights.shape))


def uniform_within(
    layers: Mapping[str, np.ndarray],
    bits: float,
    *,
    length: Callable[[np.ndarray], float] = information,
) -> dict[str, Codebook]:
    """All layers together on one grid, the finest whose multiples take ``bits`` a weight.

    With an entropy code, uniform steps are the best scalar quantizer at many bits (section 4.2;
    Gish and Pierce, 1968), and one grid and one code for all layers spends the bits where the
    weights are large.

    Args:
        layers: weights by name.
        bits: a weight may take on average.
        length: bits a weight of multiples ``(n,)``: their entropy, or their mean word length.

    Raises:
        InputError: nothing fits.
    """
    flat = np.concatenate([np.asarray(item, np.float64).reshape(-1) for item in layers.values()])
    largest = float(np.abs(flat).max()) or 1.0

    def at(exponent: float) -> float:
        return largest * 2.0**exponent

    def fits(step: float) -> bool:
        return length(np.rint(flat / step).astype(np.int64)) <= bits

    step = _least(at, fits, -24.0, 2.0, _HALVINGS, bits)
    return {name: uniform(item, step) for name, item in layers.items()}


def _least(
    at: Callable[[float], Found],
    fits: Callable[[Found], bool],
    low: float,
    high: float,
    halvings: int,
    bits: float,
) -> Found:
    """What the least exponent gives that fits; entropy falls as the exponent grows."""
    best = at(high)
    if not fits(best):
        raise InputError(f"{bits} bits a weight", remedy="allow more bits")
    for _ in range(halvings):
        middle = (low + high) / 2
        found = at(middle)
        if fits(found):
            best, high = found, middle
        else:
            low = middle
    return best
