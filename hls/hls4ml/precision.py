"""Exact hardware types: how many bits an ``ap_int`` or ``ap_uint`` needs."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from hwcompress.ir import IntType

__all__ = ["DOUBLE_EXACT", "Precision"]

# hls4ml's bridge and its weight files carry integers as double.
DOUBLE_EXACT = 1 << 53


@dataclass(frozen=True, slots=True)
class Precision:
    """``ap_int<bits>`` or ``ap_uint<bits>``."""

    signed: bool
    bits: int

    @classmethod
    def of(cls, dtype: IntType) -> Precision:
        """The narrowest type that holds a set of integers (bipolar: two signed bits)."""
        return cls.of_bounds(dtype.lo, dtype.hi)

    @classmethod
    def of_bounds(cls, lo: int, hi: int) -> Precision:
        """The narrowest type that holds ``lo ... hi``."""
        return cls(lo < 0, IntType(lo, hi).bits)

    @classmethod
    def of_values(cls, values: np.ndarray) -> Precision:
        """The narrowest type that holds every element."""
        return cls.of_bounds(int(values.min()), int(values.max()))

    @classmethod
    def signed_for(cls, magnitude: int) -> Precision:
        """The narrowest signed type that holds ``-magnitude ... magnitude``."""
        return cls(True, magnitude.bit_length() + 1)

    @classmethod
    def parse(cls, text: str) -> Precision | None:
        """Inverse of ``str``; None for anything else, such as a fixed-point type."""
        match = re.fullmatch(r"(?:ap_)?(u?)int<(\d+)>", text)
        return cls(not match.group(1), int(match.group(2))) if match else None

    def __str__(self) -> str:
        return f"ap_{'' if self.signed else 'u'}int<{self.bits}>"
