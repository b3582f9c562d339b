"""Residual quantization: what one set of codewords leaves is coded by the next (Gong et al.,
2014, section 3.4; Chen et al., 2010)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwcompress.compress.sharing.product import ProductCode, product
from hwcompress.errors import InputError

__all__ = ["ResidualCode", "residual"]


@dataclass(frozen=True, eq=False)
class ResidualCode:
    """A sum of product codes."""

    stages: tuple[ProductCode, ...]

    def decode(self) -> np.ndarray:
        """The rows, float64."""
        return np.sum([stage.decode() for stage in self.stages], axis=0)

    @property
    def index_bits(self) -> int:
        """Bits of the assignments."""
        return sum(stage.index_bits for stage in self.stages)

    def codeword_bits(self, bits: int) -> int:
        """Bits of the codewords, ``bits`` a number."""
        return sum(stage.codeword_bits(bits) for stage in self.stages)


def residual(rows: np.ndarray, k: int, length: int, stages: int, *, seed: int = 0) -> ResidualCode:
    """Codewords for the rows, then for what is left of them, and so on.

    With ``length`` as long as a row this is the plain residual quantization of vectors;
    shorter parts make it a product code in each stage.

    Args:
        rows: ``(rows, columns)``.
        k: codewords of a part and stage.
        length: columns of a part.
        stages: 1 is :func:`product`.
        seed: of k-means' start.

    Raises:
        InputError: no stage, or as of :func:`product`.
    """
    if stages < 1:
        raise InputError(f"{stages} stages", remedy="give 1 or more")
    left = rows.astype(np.float64)
    found = []
    for stage in range(stages):
        code = product(left, k, length, seed=seed + stage)
        left = left - code.decode()
        found.append(code)
    return ResidualCode(tuple(found))
