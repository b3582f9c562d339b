"""From wide accumulators to narrow integers: a real multiplier as an integer and a shift.

``M = S_in S_w / S_out`` is written ``M0 2**-n`` with an ``M0`` of 31 bits (gemmlowp, TFLite) or
of 16, which one DSP slice multiplies by. The graph's own definition is ``Rescale``: one product,
one addend, one shift, rounded once; :func:`rescaled` is that in numpy. TFLite rounds twice.

Source: Jacob et al. 2018, section 2.2; gemmlowp's ``SaturatingRoundingDoublingHighMul`` and
``RoundingDivideByPOT``.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from hwcompress.errors import InputError

__all__ = ["Multiplier", "exactly", "integer_multiplier", "rescaled", "twice_rounded"]

_HIGH = 31
_INT32 = 1 << 31


class Multiplier(NamedTuple):
    """``M = value * 2**-shift``, with ``value`` of ``bits`` bits, the highest of them 1."""

    value: int
    shift: int
    bits: int

    @property
    def real(self) -> Fraction:
        """The multiplier that it is."""
        return Fraction(self.value) / (Fraction(2) ** self.shift)


def integer_multiplier(real: float, bits: int = _HIGH) -> Multiplier:
    """The nearest multiplier of so many bits.

    Args:
        real: above 0.
        bits: 2 to 31.

    Raises:
        InputError: the multiplier is not above 0, or another number of bits.
    """
    if not (real > 0 and math.isfinite(real)):
        raise InputError(f"the multiplier {real!r}", remedy="give one above 0")
    if not 2 <= bits <= _HIGH:
        raise InputError(f"a multiplier of {bits} bits", remedy=f"give 2 to {_HIGH}")
    mantissa, exponent = math.frexp(real)
    value = round(Fraction(mantissa) * (1 << bits))
    if value == 1 << bits:  # rounded up to the next power of two
        value, exponent = value >> 1, exponent + 1
    return Multiplier(value, bits - exponent, bits)


def rescaled(accumulators: np.ndarray, by: Multiplier, low: int, high: int) -> np.ndarray:
    """``clip(round(M0 a / 2**shift), low, high)``, ties to even: what ``Rescale`` computes.

    Args:
        accumulators: int64, below ``2**62 / M0`` in magnitude.
        by: its shift is 0 at least.
        low: lowest result.
        high: highest result.

    Raises:
        InputError: the multiplier shifts to the left.
    """
    if by.shift < 0:
        raise InputError(
            f"a multiplier of {float(by.real):g} has no right shift",
            remedy="multiply by less than its bits hold",
        )
    product = np.asarray(accumulators, np.int64) * by.value
    if by.shift:
        half = np.int64(1) << (by.shift - 1)
        down = product >> by.shift
        rest = product - (down << by.shift)
        product = down + ((rest > half) | ((rest == half) & (down % 2 != 0)))
    return np.clip(product, low, high)


def twice_rounded(accumulators: np.ndarray, by: Multiplier, low: int, high: int) -> np.ndarray:
    """As TFLite computes it: the high half of the doubled product rounded, then the shift.

    Args:
        accumulators: of 32 bits.
        by: of 31 bits, for a multiplier below 1.
        low: lowest result.
        high: highest result.

    Raises:
        InputError: another multiplier.
    """
    if by.bits != _HIGH or by.shift < _HIGH:
        raise InputError(
            f"a multiplier of {by.bits} bits and shift {by.shift}",
            remedy="TFLite's has 31 bits and is below 1",
        )
    a = np.asarray(accumulators, np.int64)
    product = a * by.value
    nudge = np.where(product >= 0, 1 << (_HIGH - 1), 1 - (1 << (_HIGH - 1)))
    doubled = product + nudge
    # C++ divides towards zero.
    top = np.where(doubled >= 0, doubled >> _HIGH, -((-doubled) >> _HIGH))
    top = np.clip(top, -_INT32, _INT32 - 1)
    shift = by.shift - _HIGH
    mask = np.int64((1 << shift) - 1)
    bound = (mask >> 1) + (top < 0)
    return np.clip((top >> shift) + ((top & mask) > bound), low, high)


def exactly(accumulators: np.ndarray, real: Fraction, low: int, high: int) -> np.ndarray:
    """The real product rounded once, ties to even, in unlimited integers."""
    rounded = [round(int(item) * real) for item in np.ravel(accumulators)]
    clipped = [min(max(item, low), high) for item in rounded]
    return np.array(clipped, np.int64).reshape(np.shape(accumulators))
