"""Types of a real-valued model input: parsing them, and deriving them from data."""

from __future__ import annotations

import re

import numpy as np

from hwcompress.errors import InputError
from hwcompress.frontend.lowering import InputSpec
from hwcompress.ir import BIPOLAR, IntType

__all__ = ["DEFAULT_BITS", "derive_input_type", "parse_input_type"]

DEFAULT_BITS = 16
_FORMS = "bipolar, intN, uintN, fixed<W,I>, ufixed<W,I>, each optionally followed by *SCALE"


def parse_input_type(text: str) -> InputSpec:
    """An input type as the user writes it.

    ``fixed<W,I>`` has W bits, I of them before the binary point (the sign
    included), as in ap_fixed; ``uint8*1/255`` stands for pixels divided by
    255.

    Raises:
        InputError: not of a known form, or more than 32 bits.
    """
    body, _, factor = text.replace(" ", "").lower().partition("*")
    scale = _number(factor, text) if factor else 1.0
    why = f"given as {text!r}"
    if body == "bipolar":
        return InputSpec(BIPOLAR, scale, why=why)
    if match := re.fullmatch(r"(u?)int(\d{1,4})", body):
        return InputSpec(_type(match[1] == "u", int(match[2]), text), scale, why=why)
    if match := re.fullmatch(r"(u?)fixed<(\d{1,4}),(-?\d{1,3})>", body):
        bits, integer = int(match[2]), int(match[3])
        return InputSpec(
            _type(match[1] == "u", bits, text), scale * 2.0 ** (integer - bits), why=why
        )
    raise InputError(f"input type {text!r} is not known", why=f"known forms: {_FORMS}")


def _number(factor: str, text: str) -> float:
    try:
        top, _, bottom = factor.partition("/")
        value = float(top) / float(bottom or 1)
    except (ValueError, ZeroDivisionError):
        value = 0.0
    if not 0 < value < float("inf"):
        raise InputError(f"scale {factor!r} in input type {text!r} is not a positive number")
    return value


def _type(unsigned: bool, bits: int, text: str) -> IntType:
    if not 1 <= bits <= 32:
        raise InputError(f"input type {text!r} does not have 1 to 32 bits")
    return IntType.unsigned_bits(bits) if unsigned else IntType.signed_bits(bits)


def derive_input_type(samples: np.ndarray) -> InputSpec:
    """The narrowest type that holds every sample exactly, else 16 bits over their range.

    Looked for, in this order: {-1, +1}; integers; integers divided by 255
    (pixels); multiples of a power of two with at most 16 bits.
    """
    x = np.asarray(samples, np.float64)
    low, high = float(x.min()), float(x.max())
    if np.all(np.abs(x) == 1) and low < 0:
        return InputSpec(BIPOLAR, 1.0, why="all samples are -1 or +1")
    for scale, name in ((1.0, "integers"), (1.0 / 255.0, "integers divided by 255")):
        steps = np.rint(x / scale)
        # Stored as float32, a quotient by 255 is the nearest float32 only.
        same = np.array_equal((steps * scale).astype(np.float32), x.astype(np.float32))
        if same and np.abs(steps).max() < 1 << DEFAULT_BITS:
            spec = IntType(int(min(steps.min(), 0)), int(max(steps.max(), 1)))
            return InputSpec(_rounded_up(spec), scale, why=f"all samples are {name}")
    for fraction in range(1, DEFAULT_BITS + 8):
        steps = x * 2.0**fraction
        if np.abs(steps).max() < 1 << DEFAULT_BITS and np.array_equal(steps, np.rint(steps)):
            dtype = _rounded_up(IntType(int(min(steps.min(), 0)), int(max(steps.max(), 1))))
            if dtype.bits <= DEFAULT_BITS:
                return InputSpec(
                    dtype, 2.0**-fraction, why=f"all samples are multiples of 2^-{fraction}"
                )
    reach = max(abs(low), abs(high), 2.0**-40)
    integer = int(np.floor(np.log2(reach))) + 1
    signed = low < 0
    fraction = DEFAULT_BITS - integer - int(signed)
    dtype = IntType.signed_bits(DEFAULT_BITS) if signed else IntType.unsigned_bits(DEFAULT_BITS)
    return InputSpec(
        dtype,
        2.0**-fraction,
        why=f"the samples lie in [{low:.4g}, {high:.4g}] and on no coarser grid; they are rounded"
        f" to {DEFAULT_BITS} bits, and the source model is given the rounded samples too",
    )


def _rounded_up(dtype: IntType) -> IntType:
    """The full two's complement or unsigned type of the same width."""
    if dtype.signed:
        return IntType.signed_bits(dtype.bits)
    return IntType.unsigned_bits(dtype.bits)
