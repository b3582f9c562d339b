"""A memory of constants in LUTs of four inputs."""

from __future__ import annotations

from collections import Counter

import numpy as np

from hwcompress.hls.estimate.shape import Contents

__all__ = ["small_table_features"]

_WORDS = 16  # of a LUT
_SMOOTH = 2  # changes of a piece that is little more than a comparison
_LEAST, _MOST = 5, 7  # address bits that have features of their own


def small_table_features(name: str, width: int, depth: int, contents: Contents) -> dict[str, float]:
    """Features of the logic of a table of more than 16 words.

    By bits of the address (``_5``, ``_6``, ``_7`` and more): columns that differ, what is
    missing to a power of two, and full pieces of 16 words that differ, of many changes and
    of few. Where the contents are unknown, they are taken as random ones.
    """
    address = min(max((depth - 1).bit_length(), _LEAST), _MOST)
    blocks = -(-depth // _WORDS)
    missing = (1 << (blocks - 1).bit_length()) - blocks
    bits = contents(name, width, depth) if name else None
    found: Counter[str] = Counter()
    if bits is None:
        columns, rough, smooth = width, width * depth / _WORDS, 0.0
    else:
        columns, rough, smooth = _pieces(bits, blocks)
    found[f"columns_{address}"] = columns
    found[f"missing_{address}"] = columns * missing
    found[f"pieces_{address}"] = rough
    found[f"smooth_{address}"] = smooth
    return {key: value for key, value in found.items() if value}


def _pieces(bits: np.ndarray, blocks: int) -> tuple[int, float, float]:
    """Columns that differ and are not constant, and their pieces: those of many changes, others."""
    depth = len(bits)
    columns = np.unique(bits.T, axis=0)
    columns = columns[(columns != columns[:, :1]).any(axis=1)]
    padded = np.zeros((len(columns), blocks * _WORDS), np.uint8)
    padded[:, :depth] = columns
    rough = smooth = 0.0
    for block in range(blocks):
        words = min(depth - block * _WORDS, _WORDS)
        pieces = np.unique(padded[:, block * _WORDS :][:, :words], axis=0)
        changes = (pieces[:, 1:] != pieces[:, :-1]).sum(axis=1)
        rough += float((changes > _SMOOTH).sum()) * words / _WORDS
        smooth += float(((changes > 0) & (changes <= _SMOOTH)).sum()) * words / _WORDS
    return len(columns), rough, smooth
