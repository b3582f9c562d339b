"""A memory of constants in LUTs of four inputs."""

from __future__ import annotations

from collections import Counter
from math import log2

import numpy as np

from hwcompress.hls.estimate.shape import Contents
from hwcompress.hls.estimate.tables import peel

__all__ = ["small_table_features"]

_INPUTS = 4  # of a LUT
_MOST = 8  # address bits that have features of their own; more are several of these


def small_table_features(name: str, width: int, depth: int, contents: Contents) -> dict[str, float]:
    """Features of the logic of a table of more than 16 words.

    A column's constant halves become a set or reset of its register, see
    :func:`~hwcompress.hls.estimate.tables.peel`. ``small``: columns that are left with up to
    four bits of the address; ``controls``: of the sets and resets; ``columns_5`` and so on:
    columns with that many bits; ``entropy_5`` and so on: what their words tell, as a share
    of what as many random bits would. Unknown contents are taken as random.
    """
    address = (depth - 1).bit_length()
    found: Counter[str] = Counter()
    bits = contents(name, width, depth) if name else None
    if bits is None:
        _count(found, address, width, depth / (1 << address))
        return dict(found)
    columns = np.unique(np.packbits(bits, axis=0, bitorder="little").T, axis=0)
    whole = (1 << depth) - 1
    tables, controls = set(), set()
    for column in columns:
        word = int.from_bytes(column.tobytes(), "little")
        if word in (0, whole):
            continue
        size, table, control = peel(word, depth, address, address)
        if size:
            tables.add((size, table))
        if control:
            controls.add(control)
    for size, table in tables:
        words = depth if size == address else 1 << size
        _count(found, size, 1, _told(table, words) * words / (1 << size))
    found["controls"] = len(controls)
    return {key: value for key, value in found.items() if value}


def _count(found: Counter[str], size: int, columns: int, share: float) -> None:
    """Add columns with ``size`` address bits."""
    if size <= _INPUTS:
        found["small"] += columns
        return
    times = columns << max(size - _MOST, 0)
    size = min(size, _MOST)
    found[f"columns_{size}"] += times
    found[f"entropy_{size}"] += times * share  # type: ignore[assignment]  # floats are welcome


def _told(table: int, words: int) -> float:
    """Entropy of a column's bits, or of where they change, in bits a word: what is less."""
    changes = (table ^ (table >> 1)) & ((1 << (words - 1)) - 1)
    return min(
        _entropy(table.bit_count() / words), _entropy(changes.bit_count() / max(words - 1, 1))
    )


def _entropy(share: float) -> float:
    if share in (0.0, 1.0):
        return 0.0
    return -share * log2(share) - (1 - share) * log2(1 - share)
