"""How many DSP blocks Yosys takes for a product: its ``mul2dsp`` with the limits of a family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["dsp_blocks"]


class _Limits(NamedTuple):
    """Widths in bits.

    Args:
        wide: of a block's wider factor.
        narrow: of the other one.
        part: of what a wider factor is cut into.
        product: the narrowest one that is worth a block.
    """

    wide: int
    narrow: int
    part: int
    product: int


# 7 series blocks know signed factors only: of 18 bits, 17 are left for a part.
_LIMITS: Mapping[str, _Limits] = {
    "xc7": _Limits(25, 18, 17, 9),
    "ecp5": _Limits(18, 18, 18, 1),
    "ice40": _Limits(16, 16, 16, 11),
}


def dsp_blocks(family: str, a: int, b: int, out: int) -> int:
    """DSP blocks of a product; none for a narrow one, or with a factor of one bit.

    Args:
        family: device family.
        a: bits of a factor.
        b: bits of the other one.
        out: bits of the product.
    """
    limits = _LIMITS[family]
    if min(a, b) < 2 or out < limits.product:
        return 0
    wide, narrow = max(a, b), min(a, b)
    parts = _parts(wide, limits.wide, limits.part, limits.product - narrow)
    return parts * _parts(narrow, limits.narrow, limits.part, 0)


def _parts(bits: int, limit: int, part: int, least: int) -> int:
    """Parts of a factor that are worth a block.

    The last one is as wide as the limit allows, and none if it has less than ``least`` bits
    or a single one.
    """
    cut = -(-max(bits - limit, 0) // part)
    return cut + int(bits - cut * part >= max(least, 2))
