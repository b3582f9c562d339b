"""Beats as lists of integers: drawing, cutting, joining, reading as numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hwcompress.hls.rtl.netlist import Literal

__all__ = [
    "FRAMES",
    "Rng",
    "by_frame",
    "draw_words",
    "hex_text",
    "joined",
    "packed",
    "parts_of",
    "value_of",
]

FRAMES = 4

Rng = np.random.Generator


def draw_words(rng: Rng, width: int, beats: int) -> list[list[int]]:
    """Random beats ``(FRAMES, beats)`` of ``width`` bits."""
    whole = [int.from_bytes(rng.bytes(16), "little") for _ in range(FRAMES * beats)]
    words = [word & ((1 << width) - 1) for word in whole]
    return [words[i * beats : (i + 1) * beats] for i in range(FRAMES)]


def parts_of(word: int, width: int, count: int) -> list[int]:
    """The elements of a beat, lowest first."""
    return [word >> (i * width) & ((1 << width) - 1) for i in range(count)]


def joined(parts: Sequence[int], width: int) -> int:
    """A beat of elements."""
    return sum((part & ((1 << width) - 1)) << (i * width) for i, part in enumerate(parts))


def value_of(raw: int, bits: int, kind: int) -> int:
    """KIND: 0 unsigned, 1 signed, 2 bipolar, 3 ternary, 4 power of two (exponents from 0)."""
    if kind == 4:
        negative, exponent = divmod(raw, 1 << (bits - 1))
        size = 0 if exponent == (1 << (bits - 1)) - 1 else 1 << exponent
        return -size if negative else size
    if kind == 2:
        return 2 * raw - 1
    return raw - (1 << bits) if kind in (1, 3) and raw >> (bits - 1) else raw


def packed(values: Sequence[int], width: int) -> Literal:
    """A vector parameter of elements."""
    return Literal.hex(width * len(values), joined(values, width))


def hex_text(words: Sequence[int], width: int) -> str:
    """The text of a hex file."""
    return "".join(f"{word & ((1 << width) - 1):0{(width + 3) // 4}x}\n" for word in words)


def by_frame(
    frames: list[list[int]], function: Callable[[list[int]], list[int]]
) -> list[list[int]]:
    """``function`` of every frame."""
    return [function(frame) for frame in frames]
