"""Kernels that move whole words: borders, and the maximum over windows."""

from __future__ import annotations

from hwcompress.sim.jit import kernel
from hwcompress.sim.words.cpu import LANES
from hwcompress.sim.words.finish import copy, max_bytes, max_pairs, max_wide, or_bits

__all__ = ["copy_rows", "fill", "max_pool"]

_BYTES, _PAIRS, _BITS = 1, 2, 3


@kernel
def fill(arena, first, height, width, words, border, pixel):  # type: ignore[no-untyped-def]
    """The border of a plane: ``(top, left, bottom, right)`` pixels of ``words`` words each, which
    are those of ``pixel``."""
    top, left, bottom, right = border
    tall, wide = height + top + bottom, width + left + right
    for group in range(arena.shape[0]):
        for y in range(tall):
            inside = top <= y < top + height
            x = 0
            while x < wide:
                if inside and x == left:
                    x += width
                    if x >= wide:
                        break
                row = first + (y * wide + x) * words
                for w in range(words):
                    target = arena[group, row + w]
                    for i in range(arena.shape[2]):
                        target[i] = pixel[w]
                x += 1


@kernel
def copy_rows(arena, sources, targets):  # type: ignore[no-untyped-def]
    """Rows of words to other places."""
    for group in range(arena.shape[0]):
        for i in range(sources.size):
            arena[group, targets[i]] = arena[group, sources[i]]


@kernel
def max_pool(  # type: ignore[no-untyped-def]
    arena, kind, source, words, size, window, stride, padding, shape, target
):
    """Largest over windows, word by word; padded positions are left out.

    Args:
        source, target: row of the first pixel, rows to the next (below, to the right).
        words: of one pixel.
        size: of the input (height, width); ``shape`` of the output.
        window: (height, width); ``padding`` (top, left).
    """
    lanes = arena.shape[2]
    row_bytes = lanes * 4
    for group in range(arena.shape[0]):
        base = arena.ctypes.data + group * arena.shape[1] * row_bytes
        for oy in range(shape[0]):
            for ox in range(shape[1]):
                from_y, from_x = oy * stride[0] - padding[0], ox * stride[1] - padding[1]
                to_y, to_x = min(from_y + window[0], size[0]), min(from_x + window[1], size[1])
                from_y, from_x = max(from_y, 0), max(from_x, 0)
                into = base + (target[0] + oy * target[1] + ox * target[2]) * row_bytes
                for place in range(0, words * row_bytes, LANES * 4):
                    first = True
                    for y in range(from_y, to_y):
                        for x in range(from_x, to_x):
                            at = base + (source[0] + y * source[1] + x * source[2]) * row_bytes
                            if first:
                                copy(at + place, into + place)
                                first = False
                            elif kind == _BYTES:
                                max_bytes(at + place, into + place)
                            elif kind == _PAIRS:
                                max_pairs(at + place, into + place)
                            elif kind == _BITS:
                                or_bits(at + place, into + place)
                            else:
                                max_wide(at + place, into + place)
