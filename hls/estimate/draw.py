"""What every drawing of a configuration needs: numbers as designs have them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwcompress.hls.catalogue.setting import Value
from hwcompress.hls.estimate.config import Table
from hwcompress.hls.estimate.contents import contents_name
from hwcompress.hls.rtl.netlist import Literal

__all__ = ["Draw"]


class Draw:
    """A source of random parameters; the same seed gives the same ones."""

    def __init__(self, seed: Sequence[int]) -> None:
        self._rng = np.random.default_rng(seed)

    def choose(self, values: Sequence[int]) -> int:
        """One of them."""
        return int(values[int(self._rng.integers(len(values)))])

    def between(self, low: int, high: int) -> int:
        """Uniform, both ends included."""
        return int(self._rng.integers(low, high + 1))

    def size(self, low: int, high: int) -> int:
        """Log-uniform, half of them powers of two where one is in range."""
        value = round(float(np.exp(self._rng.uniform(np.log(low), np.log(high)))))
        if self.chance(0.5):
            power = 1 << (value.bit_length() - 1)
            value = power if power >= low else value
        return min(max(value, low), high)

    def chance(self, share: float) -> bool:
        """True with this probability."""
        return bool(self._rng.random() < share)

    def bits(self) -> int:
        """Width of an element or weight, 1 to 8."""
        return self.between(1, 8)

    def lanes(self, most: int = 16) -> int:
        """Elements of a beat."""
        return self.size(1, most)

    def seed(self) -> int:
        """For contents of a memory."""
        return int(self._rng.integers(1_000_000))

    def table(self, kind: str, bits: int, width: int, depth: int) -> Table:
        """A file of words."""
        return Table(f"{contents_name(kind, bits, self.seed())}.hex", width, depth)

    def shuffled(self, count: int) -> list[int]:
        """The numbers below ``count`` in some order."""
        return [int(i) for i in self._rng.permutation(count)]

    @staticmethod
    def fields(values: Sequence[int], width: int) -> Value:
        """A parameter of several values."""
        return Literal.fields(list(values), width)
