"""The exact integer type of a tensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwcompress.errors import GraphError

__all__ = ["BIPOLAR", "TERNARY", "IntType", "int_range"]

# Every integer of a graph, intermediate ones included, stays below this
# magnitude so that int64 arithmetic can never wrap.
LIMIT = 1 << 62


@dataclass(frozen=True, slots=True)
class IntType:
    """The set of integers ``lo, lo + step, ..., hi``.

    Width and sign are derived from the interval and stored nowhere.
    ``step`` is 1, except for the bipolar type {-1, +1}, where it is 2.

    Raises:
        GraphError: if the interval is empty, ``step`` is not 1 and the set
            is not {-1, +1}, or a bound reaches 2**62 in magnitude.
    """

    lo: int
    hi: int
    step: int = 1

    def __post_init__(self) -> None:
        # NumPy integers would leak into JSON and text otherwise.
        for field in ("lo", "hi", "step"):
            object.__setattr__(self, field, int(getattr(self, field)))
        if self.lo > self.hi:
            raise GraphError(f"integer type with lo {self.lo} > hi {self.hi}")
        if self.step != 1 and (self.lo, self.hi, self.step) != (-1, 1, 2):
            raise GraphError(f"step {self.step} is only allowed for the bipolar type {{-1, +1}}")
        if max(abs(self.lo), abs(self.hi)) >= LIMIT:
            raise GraphError(
                f"range [{self.lo}, {self.hi}] reaches 2**62",
                remedy="use fewer weight or activation bits",
            )

    @classmethod
    def signed_bits(cls, bits: int, *, narrow: bool = False) -> IntType:
        """Two's complement of ``bits`` bits; ``narrow`` leaves out the most negative value."""
        _check_bits(bits)
        return cls(-(1 << (bits - 1)) + int(narrow), (1 << (bits - 1)) - 1)

    @classmethod
    def unsigned_bits(cls, bits: int, *, narrow: bool = False) -> IntType:
        """Unsigned of ``bits`` bits; ``narrow`` leaves out the largest value."""
        _check_bits(bits)
        return cls(0, (1 << bits) - 1 - int(narrow))

    @property
    def is_bipolar(self) -> bool:
        """Whether this is {-1, +1}, stored as one bit (0 means -1)."""
        return self.step == 2

    @property
    def is_ternary(self) -> bool:
        """Whether this is {-1, 0, +1}."""
        return (self.lo, self.hi, self.step) == (-1, 1, 1)

    @property
    def signed(self) -> bool:
        """Whether the stored form is two's complement (bipolar is not: it is one raw bit)."""
        return self.lo < 0 and not self.is_bipolar

    @property
    def bits(self) -> int:
        """Width of the stored form, at least 1."""
        if self.is_bipolar:
            return 1
        if self.lo < 0:
            # A negative hi never needs more bits than lo.
            return max((-self.lo - 1).bit_length(), max(self.hi, 0).bit_length()) + 1
        return max(self.hi.bit_length(), 1)

    @property
    def count(self) -> int:
        """Number of values in the set."""
        return (self.hi - self.lo) // self.step + 1

    def contains(self, values: np.ndarray) -> bool:
        """Whether every element of an integer array (of any width) belongs to the set."""
        values = np.asarray(values)
        if values.size == 0:
            return True
        if values.min() < self.lo or values.max() > self.hi:
            return False
        # Only {-1, +1} has gaps; a difference could wrap in a narrow dtype.
        return self.step == 1 or bool(np.all(values != 0))

    def union(self, other: IntType) -> IntType:
        """Smallest type that holds both sets."""
        lo, hi = min(self.lo, other.lo), max(self.hi, other.hi)
        zero = np.zeros(1, np.int64)
        if (lo, hi) == (-1, 1) and not (self.contains(zero) or other.contains(zero)):
            return BIPOLAR
        return IntType(lo, hi)

    def to_raw(self, values: np.ndarray) -> np.ndarray:
        """Values to the unsigned bit pattern of the stored form (int64, below 2**bits)."""
        if self.is_bipolar:
            return (np.asarray(values, np.int64) + 1) >> 1
        return np.asarray(values, np.int64) & ((1 << self.bits) - 1)

    def from_raw(self, raw: np.ndarray) -> np.ndarray:
        """Inverse of :meth:`to_raw`."""
        raw = np.asarray(raw, np.int64)
        if self.is_bipolar:
            return 2 * raw - 1
        if self.signed:
            half = 1 << (self.bits - 1)
            return (raw ^ half) - half
        return raw

    def __str__(self) -> str:
        if self.is_bipolar:
            return "bipolar"
        if self.is_ternary:
            return "ternary"
        # Not as an IntType: the whole range of 63 bits is beyond the limit.
        low = -(1 << (self.bits - 1)) if self.signed else 0
        high = low + (1 << self.bits) - 1
        name = f"{'i' if self.signed else 'u'}{self.bits}"
        full = (self.lo, self.hi) == (low, high)
        return name if full else f"{name}[{self.lo}..{self.hi}]"


def _check_bits(bits: int) -> None:
    if bits < 1:
        raise GraphError(f"an integer type of {bits} bits")


BIPOLAR = IntType(-1, 1, 2)
TERNARY = IntType(-1, 1)


def int_range(values: np.ndarray) -> IntType:
    """Smallest type that holds every element of a non-empty integer array.

    {-1, +1} gives the bipolar type only when both values occur.
    """
    lo, hi = int(values.min()), int(values.max())
    if (lo, hi) == (-1, 1) and not np.any(values == 0):
        return BIPOLAR
    return IntType(lo, hi)
