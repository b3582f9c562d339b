"""Kernels that move whole words: borders, and the maximum over windows."""

from __future__ import annotations

from numba import carray

from hwcompress.sim.jit import kernel
from hwcompress.sim.words.cpu import LANES
from hwcompress.sim.words.finish import copy, max_bytes, max_pairs, max_wide, or_bits
from hwcompress.sim.words.pointers import as_int32, as_int64

__all__ = ["COPY_FACTS", "FILL_FACTS", "POOL_FACTS", "copy_rows", "fill", "max_pool"]

_BYTES, _PAIRS, _BITS = 1, 2, 3


FILL_FACTS = (
    "code",
    "first",  # row of the plane
    "height",  # of the image inside the border
    "width",
    "words",  # of a pixel
    "top",  # pixels of the border
    "left",
    "bottom",
    "right",
    "pixel",  # address of uint32 (words,), which the border is filled with
)
COPY_FACTS = (
    "code",
    "sources",  # address of int64 (count,): rows
    "targets",  # the same
    "count",
)
POOL_FACTS = (
    "code",
    "kind",
    "source",  # row of the first pixel
    "source_y",  # rows to the next one below
    "source_x",
    "words",  # of a pixel
    "height",  # of the input
    "width",
    "kernel_y",
    "kernel_x",
    "stride_y",
    "stride_x",
    "top",  # padding
    "left",
    "out_height",
    "out_width",
    "target",  # row of the first pixel
    "target_y",
    "target_x",
)


@kernel
def fill(arena, facts):  # type: ignore[no-untyped-def]
    """The border of a plane; ``facts`` as :data:`FILL_FACTS` lists them."""
    first, height, width, words = facts[1], facts[2], facts[3], facts[4]
    top, left, bottom, right = facts[5], facts[6], facts[7], facts[8]
    pixel = carray(as_int32(facts[9]), (words,))
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
def copy_rows(arena, facts):  # type: ignore[no-untyped-def]
    """Rows of words to other places; ``facts`` as :data:`COPY_FACTS` lists them."""
    sources = carray(as_int64(facts[1]), (facts[3],))
    targets = carray(as_int64(facts[2]), (facts[3],))
    for group in range(arena.shape[0]):
        for i in range(sources.size):
            arena[group, targets[i]] = arena[group, sources[i]]


@kernel
def max_pool(arena, facts):  # type: ignore[no-untyped-def]
    """Largest over windows, word by word; padded positions are left out.

    ``facts`` as :data:`POOL_FACTS` lists them.
    """
    kind, source, source_y, source_x, words = facts[1], facts[2], facts[3], facts[4], facts[5]
    height, width, kernel_y, kernel_x = facts[6], facts[7], facts[8], facts[9]
    stride_y, stride_x, top, left = facts[10], facts[11], facts[12], facts[13]
    out_height, out_width, target, target_y, target_x = (
        facts[14],
        facts[15],
        facts[16],
        facts[17],
        facts[18],
    )
    lanes = arena.shape[2]
    row_bytes = lanes * 4
    for group in range(arena.shape[0]):
        base = arena.ctypes.data + group * arena.shape[1] * row_bytes
        for oy in range(out_height):
            for ox in range(out_width):
                from_y, from_x = oy * stride_y - top, ox * stride_x - left
                to_y, to_x = min(from_y + kernel_y, height), min(from_x + kernel_x, width)
                from_y, from_x = max(from_y, 0), max(from_x, 0)
                into = base + (target + oy * target_y + ox * target_x) * row_bytes
                for place in range(0, words * row_bytes, LANES * 4):
                    first = True
                    for y in range(from_y, to_y):
                        for x in range(from_x, to_x):
                            at = base + (source + y * source_y + x * source_x) * row_bytes
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
