"""Product quantization: rows of a weight matrix put together from a few short vectors.

The columns are cut into parts; in each part every row is one of ``k`` codewords (Gong et al.,
"Compressing deep convolutional networks using vector quantization", 2014). Q-CNN (Wu et al.,
"Quantized convolutional neural networks for mobile devices", CVPR 2016) chooses codewords
and assignments for the layer's *responses*, not its weights.

A layer then needs few multiplications: of the input's parts with the codewords, a table for
each part; every output is a sum of one entry of each table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwcompress.errors import InputError

__all__ = ["LookupCost", "ProductCode", "correct_responses", "product", "response_error"]


@dataclass(frozen=True)
class LookupCost:
    """Operations for one output position of a layer.

    Attributes:
        products: multiplications for the tables.
        lookups: table entries that are added up, all outputs together.
        dense: multiplications of the layer without tables.
    """

    products: int
    lookups: int
    dense: int


@dataclass(frozen=True, eq=False)
class ProductCode:
    """Rows from codewords.

    Attributes:
        codewords: ``(parts, k, length)`` float64.
        index: which codeword each row has in each part, ``(rows, parts)`` int64.
    """

    codewords: np.ndarray
    index: np.ndarray

    def decode(self) -> np.ndarray:
        """The rows ``(rows, parts * length)``."""
        parts = np.arange(self.codewords.shape[0])
        return self.codewords[parts, self.index].reshape(self.index.shape[0], -1)

    @property
    def index_bits(self) -> int:
        """Bits of the assignments, of one width."""
        return self.index.size * (self.codewords.shape[1] - 1).bit_length()

    def codeword_bits(self, bits: int) -> int:
        """Bits of the codewords, ``bits`` a number."""
        return self.codewords.size * bits

    @property
    def cost(self) -> LookupCost:
        """Operations for one output position."""
        rows, parts = self.index.shape
        return LookupCost(self.codewords.size, rows * parts, rows * parts * self.codewords.shape[2])


def product(rows: np.ndarray, k: int, length: int, *, seed: int = 0) -> ProductCode:
    """Codewords of each part by k-means.

    Args:
        rows: ``(rows, columns)``.
        k: codewords of a part; fewer where there are fewer different ones.
        length: columns of a part; divides them.
        seed: of k-means' start.

    Raises:
        InputError: the length does not divide the columns, or no codeword is wanted.
    """
    if rows.ndim != 2 or length < 1 or rows.shape[1] % length:
        raise InputError(
            f"parts of {length} columns of a matrix {rows.shape}",
            remedy="give a length that divides the columns",
        )
    if k < 1:
        raise InputError(f"{k} codewords", remedy="give 1 or more")
    parts = rows.reshape(rows.shape[0], -1, length).astype(np.float64)
    found = [vectors(parts[:, part], k, seed=seed) for part in range(parts.shape[1])]
    most = max(words.shape[0] for words, _ in found)
    codewords = np.zeros((len(found), most, length))
    for part, (words, _) in enumerate(found):
        codewords[part, : words.shape[0]] = words
    return ProductCode(codewords, np.stack([index for _, index in found], axis=1))


def vectors(rows: np.ndarray, k: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Vector quantization: at most ``k`` codewords ``(k, length)``, and which each row has."""
    from sklearn.cluster import KMeans

    present, places = np.unique(rows, axis=0, return_inverse=True)
    if present.shape[0] <= k:
        return present, places.reshape(-1)
    found = KMeans(k, n_init=3, random_state=seed).fit(rows)
    used, index = np.unique(found.labels_, return_inverse=True)
    return found.cluster_centers_[used].astype(np.float64), index


def correct_responses(
    code: ProductCode,
    weights: np.ndarray,
    given: np.ndarray,
    original: np.ndarray | None = None,
    *,
    rounds: int = 10,
) -> ProductCode:
    """Q-CNN's error correction: codewords and assignments for the responses (section 3.2.2).

    ``sum((O - X decode().T)**2)`` with ``O = original @ weights.T`` is made smaller part by
    part: the best codewords for the assignments by least squares, then the best
    codeword for each row. It never grows.

    Args:
        code: where to start.
        weights: the float ones, ``(rows, columns)``.
        given: what the layer reads in the net as it is, layers before it quantized,
            ``(n, columns)``.
        original: what it reads in the float net, as many; ``given`` by default.
        rounds: passes over all parts.

    Raises:
        InputError: shapes do not fit.
    """
    original = given if original is None else original
    if given.shape != original.shape or given.shape[1:] != weights.shape[1:]:
        raise InputError(f"inputs {given.shape} and {original.shape} for weights {weights.shape}")
    given = given.astype(np.float64)
    count, (parts, k, length) = weights.shape[0], code.codewords.shape
    # Everything follows from the inputs' products with each other and with the responses.
    gram = given.T @ given
    wanted = given.T @ (original.astype(np.float64) @ weights.T.astype(np.float64))
    words, index = code.codewords.copy(), code.index.copy()
    decoded = code.decode().T  # (columns, rows)
    ridge = 1e-9 * float(np.trace(gram)) / gram.shape[0]
    for _ in range(rounds):
        before = decoded.copy()
        for part in range(parts):
            columns = slice(part * length, (part + 1) * length)
            own = gram[columns, columns]
            # What is left for this part: inputs times what the other parts do not give.
            left = wanted[columns] - gram[columns] @ decoded + own @ decoded[columns]
            members = np.zeros((count, k))
            members[np.arange(count), index[:, part]] = 1.0
            sizes = members.sum(axis=0)
            used = sizes > 0
            means = (left @ members)[:, used] / sizes[used]
            solved = np.linalg.solve(own + ridge * np.eye(length), means)
            words[part, used] = solved.T
            # |R - X d|**2 without what does not depend on d.
            energy = np.einsum("kl,lm,km->k", words[part], own, words[part])
            index[:, part] = (energy - 2.0 * (left.T @ words[part].T)).argmin(axis=1)
            decoded[columns] = words[part, index[:, part]].T
        if np.array_equal(before, decoded):
            break
    return ProductCode(words, index)


def response_error(
    weights: np.ndarray, decoded: np.ndarray, given: np.ndarray, original: np.ndarray | None = None
) -> float:
    """Squared error of the responses as a share of their sum of squares."""
    original = given if original is None else original
    responses = original @ weights.T
    return float(((responses - given @ decoded.T) ** 2).sum() / (responses**2).sum())
