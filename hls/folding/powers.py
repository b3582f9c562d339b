"""Weights that are zero or powers of two, and their code: a sign and an exponent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwcompress.errors import InputError
from hwcompress.hls.folding.style import DEFAULT_STYLE, Style
from hwcompress.ir import IntType

__all__ = ["PowerCode", "power_code"]


@dataclass(frozen=True, slots=True)
class PowerCode:
    """``hwc_mul``'s W_KIND 4: 0 and ``+-2**base .. +-2**(base + count - 1)``.

    A code has a sign on top (1: negative) and below it ``exponent - base``, or all ones for zero.
    """

    base: int
    count: int

    @classmethod
    def of(cls, weight: np.ndarray) -> PowerCode | None:
        """The narrowest code of these integers; ``None`` if one is no power of two."""
        size = np.abs(weight)
        if np.any(size & (size - 1)):
            return None
        exponents = [int(value).bit_length() - 1 for value in np.unique(size) if value] or [0]
        return cls(exponents[0], exponents[-1] - exponents[0] + 1)

    @property
    def bits(self) -> int:
        """Of a code: ``ceil(log2(2 * count + 1))``."""
        return 1 + self.count.bit_length()

    @property
    def largest(self) -> int:
        """The largest weight."""
        return 1 << (self.base + self.count - 1)

    def encode(self, weight: np.ndarray, where: str) -> np.ndarray:
        """int64 codes of int64 weights, of any shape.

        Args:
            weight: what is to be stored.
            where: the layer, for the error.

        Raises:
            InputError: a weight has no code.
        """
        size = np.abs(weight)
        codes = np.full(weight.shape, (1 << (self.bits - 1)) - 1, np.int64)
        left = size != 0
        for place in range(self.count):
            hit = size == 1 << (self.base + place)
            codes[hit] = place
            left &= ~hit
        if left.any():
            raise InputError(
                f"weight {weight[left].flat[0]} has no code",
                where=where,
                why=f"this engine shifts: its weights are 0 and +-2**{self.base} to"
                f" +-2**{self.base + self.count - 1}",
                remedy='give such weights, or generate with another "multiplier" than "shift"',
            )
        return codes | np.where(weight < 0, np.int64(1) << (self.bits - 1), 0)


def power_code(
    weight: np.ndarray, wtype: IntType, style: Style = DEFAULT_STYLE, where: str = ""
) -> PowerCode | None:
    """The code of a layer's weights, or ``None`` if they stay numbers of their type.

    Bipolar and ternary weights have kinds of their own. All others that are powers of two are
    coded where that is no wider, unless the style wants DSP blocks, or weights that can be
    reloaded: any of the type may come, so there it takes ``multiplier = "shift"``.

    Args:
        weight: int64, all of the layer's.
        wtype: their type.
        style: of the layer.
        where: the layer, for the error.

    Raises:
        InputError: the style says ``shift``, and a weight is no power of two.
    """
    if wtype.is_bipolar or wtype.is_ternary:
        return None
    wanted = style.multiplier == "shift"
    if not wanted and (style.multiplier in ("dsp", "packed") or style.reload):
        return None
    code = PowerCode.of(weight)
    if wanted and code is None:
        raise InputError(
            "not all weights are zero or powers of two",
            where=where,
            why='its multiplier is "shift"',
            remedy="give another multiplier",
        )
    return code if code and (wanted or code.bits <= wtype.bits) else None
