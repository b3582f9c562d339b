"""Few values for many weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

__all__ = ["Codebook", "mean_of_groups", "together"]


@dataclass(frozen=True, eq=False)
class Codebook:
    """Values, and which of them each weight has.

    Attributes:
        values: ``(k,)`` float64.
        index: of the weights' shape, int64 in ``0 ... k - 1``.
    """

    values: np.ndarray
    index: np.ndarray

    def decode(self) -> np.ndarray:
        """The shared weights, float64."""
        return np.asarray(self.values[self.index])

    @property
    def counts(self) -> np.ndarray:
        """How many weights have each value, ``(k,)``."""
        return np.bincount(self.index.reshape(-1), minlength=self.values.size)

    def error(self, weights: np.ndarray) -> float:
        """Squared error as a share of the weights' sum of squares."""
        return float(((weights - self.decode()) ** 2).sum() / (weights**2).sum())


def mean_of_groups(
    values: np.ndarray, index: np.ndarray, groups: int, importance: np.ndarray | None = None
) -> np.ndarray:
    """Mean of the values of each group, weighted by importance; 0 of an empty one.

    Args:
        values: ``(n,)``.
        index: group of each, ``(n,)``.
        groups: how many there are.
        importance: ``(n,)``, not negative; all alike by default.
    """
    share = np.ones_like(values) if importance is None else importance
    total = np.bincount(index, share, groups)
    mean = np.bincount(index, share * values, groups) / np.where(total > 0, total, 1.0)
    return np.where(total > 0, mean, 0.0)


def together(
    layers: Mapping[str, np.ndarray], quantize: Callable[[np.ndarray], Codebook]
) -> dict[str, Codebook]:
    """Layers that share one table of values.

    Args:
        layers: weights by name.
        quantize: all of them in one vector, in the order of the names, to a codebook.
    """
    flat = np.concatenate([item.reshape(-1) for item in layers.values()])
    found = quantize(flat)
    codebooks, start = {}, 0
    for name, item in layers.items():
        index = found.index[start : start + item.size].reshape(item.shape)
        codebooks[name] = Codebook(found.values, index)
        start += item.size
    return codebooks
