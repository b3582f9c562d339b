"""Contents of memories as text for ``$readmemh``."""

from __future__ import annotations

import numpy as np

__all__ = ["hex_lines", "signed_bits", "to_bits"]


def signed_bits(low: int, high: int) -> int:
    """Width of the two's complement that holds ``low..high``, at least 1."""
    return max((-low - 1).bit_length() if low < 0 else 0, high.bit_length() if high > 0 else 0) + 1


def to_bits(values: np.ndarray, width: int) -> np.ndarray:
    """Integers ``(...)`` to uint8 bits ``(..., width)`` of their two's complement, lowest first.

    ``values`` may be an object array of Python integers of any size.
    """
    places = [((values >> place) & 1).astype(np.uint8) for place in range(width)]
    return np.stack(places, axis=-1)


def hex_lines(bits: np.ndarray) -> str:
    """Words as uint8 bits ``(depth, width)``, lowest first, to one hexadecimal line each."""
    digits = (bits.shape[1] + 3) // 4
    packed = np.packbits(bits, axis=1, bitorder="little")[:, ::-1]
    lines = (row.tobytes().hex()[-digits:] for row in packed)
    return "\n".join(lines) + "\n"
