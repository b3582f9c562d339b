"""What follows from the structure of a layer: DSP blocks, block RAMs, clock cycles."""

from __future__ import annotations

from hwcompress.errors import InputError
from hwcompress.hls.estimate.hls4ml.product import Product

__all__ = [
    "FAMILIES", "bram18_of", "dsp_of", "dsps_each", "in_dsp", "interval_of", "latency_of",
    "memory_bram18", "stages_of",
]  # fmt: skip

FAMILIES = {"7series": 4.0, "ultrascale+": 1.0}
"""Nanoseconds that high-level synthesis needs for one of :attr:`Product.levels`."""

# From how many bits on the tool takes a DSP block without being told: of an input that is
# multiplied by a constant, and of the wider of two variables.
_DSP_BITS = {"latency": 13, "resource": 12}
_NARROW, _WIDE = 18, 27  # ports of a DSP block
_ROM_BITS = 1024  # a smaller memory is made of LUTs
_BRAM_WIDTH, _BRAM_DEPTH = 36, 512
_STREAM_CYCLES = 3  # reading, writing and the return of a function on streams


def dsps_each(one: int, other: int) -> int:
    """DSP blocks of one product of two numbers of these many bits."""
    narrow, wide = sorted((one, other))
    return -(-narrow // _NARROW) * -(-wide // _WIDE)


def in_dsp(product: Product) -> bool:
    """Whether hard products go to DSP blocks.

    Unless a directive says: products of inputs of 13 or more bits; where constants come from
    memories, from 12 bits on, of the wider of the two.
    """
    if product.multiplier != "auto":
        return product.multiplier == "dsp"
    resource = product.strategy == "resource"
    bits = max(product.input_bits, product.weight_bits if resource else 0)
    return bits >= _DSP_BITS[product.strategy]


def dsp_of(product: Product) -> int:
    """DSP blocks.

    Latency: one for every hard product (:class:`~.product.Weights`), at most
    :attr:`Product.limit`. Resource: one for every product of a cycle.
    """
    if not in_dsp(product):
        return 0
    if product.strategy == "resource":
        each = dsps_each(product.input_bits, product.weight_bits)
        return product.copies * product.multipliers * each
    hard = product.weights.hard
    bits = -(-product.weights.hard_bits // hard) if hard else 1
    return product.copies * min(hard, product.limit) * dsps_each(product.input_bits, bits)


def memory_bram18(width: int, depth: int) -> int:
    """18 kbit block RAMs of a memory: 36 bits wide, 512 words deep; none up to 1024 bits."""
    if width * depth <= _ROM_BITS:
        return 0
    return -(-width // _BRAM_WIDTH) * -(-depth // _BRAM_DEPTH)


def bram18_of(product: Product) -> int:
    """18 kbit block RAMs of the constants: only of the Resource strategy.

    The constants of all products of a cycle are one word of ``reuse`` words.
    """
    if product.strategy != "resource":
        return 0
    width = product.multipliers * product.weight_bits
    return product.copies * memory_bram18(width, product.reuse)


def stages_of(product: Product, clock_ns: float, family: str) -> int:
    """Clock cycles through the products and the additions of the Latency strategy.

    Raises:
        InputError: unknown family, or no clock.
    """
    if family not in FAMILIES:
        raise InputError(f"no family {family!r}", remedy=f"use one of {', '.join(FAMILIES)}")
    if not clock_ns > 0:
        raise InputError(f"clock period {clock_ns} ns is not positive")
    return round(product.levels * FAMILIES[family] / clock_ns)


def latency_of(product: Product, clock_ns: float, family: str) -> int:
    """Cycles from the first input of a frame to the last output."""
    if product.stream:
        return interval_of(product)
    later = (product.pixels - 1) * product.reuse
    if product.strategy == "resource":
        return later + product.reuse + 1
    return later + max(stages_of(product, clock_ns, family), product.reuse - 1)


def interval_of(product: Product) -> int:
    """Cycles from frame to frame.

    On arrays the reuse factor for every pixel of the output. A convolution on a stream: the
    reuse factor for every pixel of its (padded) input. A dense layer on a stream reads its
    pixels, one a cycle, computes, and writes, one after the other.
    """
    if not product.stream:
        return product.pixels * product.reuse
    if product.window:
        return product.pixels * product.reuse + _STREAM_CYCLES
    return product.pixels - 1 + product.reuse + _STREAM_CYCLES
