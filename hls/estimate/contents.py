"""Contents of memories for the sweep, told by their file's name alone.

``<kind>-<bits>-<seed>.hex``, or, for a stage of a threshold search,
``<kind>-<bits>-<seed>_<stage>_<lane>.hex``. So that a row of the table needs no
contents beside it: they can be made again, bit for bit.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

import numpy as np

from hwcompress.errors import InputError
from hwcompress.hls.rtl.memory import hex_lines, to_bits

__all__ = ["KINDS", "bits_of", "contents_name", "text_of"]

KINDS = ("uniform", "normal", "ternary", "rising", "curve")
"""Independent bits; weights; ternary weights; thresholds; a function of the address."""

_NAME = re.compile(
    r"(?P<kind>[a-z]+)-(?P<bits>\d+)-(?P<seed>\d+)"
    r"(_(?P<stage>\d\d)_(\d{5})|_(?P<flags>falling))?\.hex"
)


def contents_name(kind: str, bits: int, seed: int) -> str:
    """A file's name without ``.hex``, for fields of ``bits`` bits."""
    assert kind in KINDS, kind
    return f"{kind}-{bits}-{seed}"


@lru_cache(maxsize=64)
def bits_of(name: str, width: int, depth: int) -> np.ndarray:
    """The words of a file, uint8 ``(depth, width)``, lowest bit first; not to be written to.

    Raises:
        InputError: ``name`` is none of :func:`contents_name`.
    """
    found = _NAME.fullmatch(name)
    if found is None or found["kind"] not in KINDS or not 0 < int(found["bits"]) <= 62:
        raise InputError(f"{name!r} names no contents of the sweep")
    key = hashlib.sha256(f"{name} {width} {depth}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(key[:8], "little"))
    if found["kind"] == "uniform" or found["flags"]:
        bits = rng.integers(0, 2, (depth, width), dtype=np.uint8)
    else:
        size = int(found["bits"])
        fields = -(-width // size)
        values = _values(found["kind"], size, depth, fields, int(found["stage"] or 0), rng)
        bits = to_bits(values, size).reshape(depth, fields * size)[:, :width]
    bits.setflags(write=False)
    return bits


def text_of(name: str, width: int, depth: int) -> str:
    """The same as text for ``$readmemh``."""
    return hex_lines(bits_of(name, width, depth))


def _values(
    kind: str, bits: int, depth: int, fields: int, stage: int, rng: np.random.Generator
) -> np.ndarray:
    """Integers ``(depth, fields)`` that ``bits`` bits of two's complement hold."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    match kind:
        case "normal":
            drawn = rng.normal(0, (high - low) / 6, (depth, fields))
            return np.clip(np.rint(drawn), low, high).astype(np.int64)
        case "ternary":
            return rng.integers(-1, 2, (depth, fields))
        case "rising":
            # Every fold has thresholds of its own: 2**stage of them in a search,
            # else side by side in a word.
            run = 1 << stage
            if stage:
                start = rng.integers(low, 1, (depth // run, fields))
                step = rng.integers(1, max(2, (high - low) // (2 * run)), (depth // run, fields))
                ramp = np.arange(run)[None, :, None]
                found = start[:, None] + ramp * step[:, None]
                return np.clip(found.reshape(-1, fields), low, high)
            return np.sort(rng.integers(low, high + 1, (depth, fields)), axis=1)
        case _:  # curve
            place = np.linspace(-4, 4, depth)[:, None]
            slope = rng.uniform(0.5, 2, (1, fields))
            curve = 1 / (1 + np.exp(-slope * (place - rng.uniform(-1, 1, (1, fields)))))
            return np.rint(low + curve * (high - low)).astype(np.int64)
