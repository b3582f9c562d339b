"""Scalar k-means on weights, plain or weighted, by scikit-learn."""

from __future__ import annotations

from typing import Literal

import numpy as np

from hwcompress.compress.sharing.codebook import Codebook
from hwcompress.errors import InputError

__all__ = ["Start", "kmeans", "starting_values"]

Start = Literal["linear", "density", "random"]

_ROUNDS = 300


def starting_values(weights: np.ndarray, k: int, start: Start, seed: int = 0) -> np.ndarray:
    """The values that k-means starts from (Han et al., Deep Compression, section 3.2), ``(k,)``.

    Args:
        weights: ``(n,)``.
        k: how many.
        start: ``linear``, evenly between the least and the largest weight, which keeps the few
            large ones apart; ``density``, at even steps of the distribution; ``random``,
            weights drawn at random.
        seed: of the random ones.
    """
    if start == "linear":
        return np.linspace(weights.min(), weights.max(), k)
    if start == "density":
        return np.quantile(weights, (np.arange(k) + 0.5) / k)
    return np.random.default_rng(seed).choice(np.unique(weights), k, replace=False)


def kmeans(
    weights: np.ndarray,
    k: int,
    *,
    start: Start = "linear",
    importance: np.ndarray | None = None,
    zeros: bool = True,
    seed: int = 0,
) -> Codebook:
    """Weights shared by k-means: the values that make the weighted squared error small.

    With the diagonal of the loss's Hessian as importance this is Hessian-weighted k-means (Choi,
    El-Khamy, Lee, "Towards the limit of network quantization", ICLR 2017, section 3):
    a value is ``sum(h * w) / sum(h)`` of its weights.

    Args:
        weights: of any shape.
        k: different values; of weights that are not zero, if zeros are kept.
        start: :func:`starting_values`.
        importance: of the weights' shape, not negative; all alike by default.
        zeros: weights that are zero stay zero (pruned ones), as a value of their own.
        seed: of a random start.

    Returns:
        At most ``k`` values, ascending, and one for zero where zeros are kept and there are any.

    Raises:
        InputError: no value is wanted, or the importance does not fit.
    """
    if k < 1:
        raise InputError(f"{k} shared values", remedy="give 1 or more")
    flat = np.asarray(weights, np.float64).reshape(-1)
    share = _importance(importance, weights.shape)
    kept = np.flatnonzero(flat) if zeros else np.arange(flat.size)
    values, index = _clusters(flat[kept], share[kept], k, start, seed)
    if kept.size < flat.size:
        values = np.concatenate([[0.0], values])
        whole = np.zeros(flat.size, np.int64)
        whole[kept] = index + 1
        index = whole
    order = np.argsort(values, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    return Codebook(values[order], place[index].reshape(weights.shape))


def _importance(importance: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    if importance is None:
        return np.ones(int(np.prod(shape)))
    if importance.shape != shape or importance.min() < 0:
        raise InputError(
            f"importance of shape {importance.shape} for weights of shape {shape}, or negative"
        )
    share = np.asarray(importance, np.float64).reshape(-1)
    mean = share.mean()
    # A weight that does not matter at all still goes to the nearest value.
    return share / mean + 1e-6 if mean > 0 else np.ones_like(share)


def _clusters(
    flat: np.ndarray, share: np.ndarray, k: int, start: Start, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Values that are used, and which each weight has."""
    from sklearn.cluster import KMeans

    present, places = np.unique(flat, return_inverse=True)
    if present.size <= k:
        return present, places
    begin = starting_values(flat, k, start, seed)
    found = KMeans(k, init=begin[:, None], n_init=1, max_iter=_ROUNDS, tol=1e-7)
    index = found.fit(flat[:, None], sample_weight=share).labels_.astype(np.int64)
    used, index = np.unique(index, return_inverse=True)
    return found.cluster_centers_[used, 0].astype(np.float64), index
