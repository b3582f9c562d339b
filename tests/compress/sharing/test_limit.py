"""Towards the limit of network quantization: entropy instead of a number of values."""

from __future__ import annotations

import numpy as np
import pytest

from hwcompress.compress.sharing.codebook import Codebook, together
from hwcompress.compress.sharing.ecsq import ecsq, ecsq_within, information, uniform, uniform_within
from hwcompress.compress.sharing.hessian import fisher_diagonal
from hwcompress.compress.sharing.kmeans import kmeans
from hwcompress.errors import InputError
from hwcompress.packing.huffman import HuffmanCode
from tests.compress.sharing.nets import Trained, layer_names, loss_of, trained
from tests.compress.sharing.test_kmeans import put


def word_length(values: np.ndarray) -> float:
    """Mean length of Huffman's words for these values."""
    counts = np.unique(values, return_counts=True)[1]
    return HuffmanCode.for_counts(counts).mean_length(counts) if counts.size <= 4096 else np.inf


def check_limit(net: Trained) -> None:
    """All layers together, as in the paper. Every figure is printed; asserted is what the
    method promises: uniform steps with Huffman's code lose at most half of what k-means of words of
    one length loses, at 2, 3 and 4 bits."""
    names = layer_names(net.module)
    layers = {
        name: net.module.get_submodule(name).weight.detach().double().numpy() for name in names
    }
    base = loss_of(net.module, net)
    fisher = fisher_diagonal(net.module, net.x[:400], net.y[:400], names)
    importance = np.concatenate([fisher[name].reshape(-1) for name in names])

    def increase(books: dict[str, Codebook]) -> float:
        return loss_of(put(net.module, books), net) - base

    for bits in (2, 3, 4):
        plain = together(layers, lambda flat, k=2**bits: kmeans(flat, k, zeros=False))
        weighted = together(
            layers,
            lambda flat, k=2**bits: kmeans(flat, k, zeros=False, importance=importance),
        )
        steps = uniform_within(layers, bits, length=word_length)
        words = np.concatenate(
            [np.rint(book.decode().reshape(-1) / 1e-12) for book in steps.values()]
        )
        assert word_length(words) <= bits
        lost = increase(plain), increase(weighted), increase(steps)
        print(
            f"{bits} bits, loss {base:.3f} grows by: k-means {lost[0]:.4f}, Hessian-weighted"
            f" {lost[1]:.4f}, uniform and Huffman {lost[2]:.4f}"
        )
        assert lost[2] <= lost[0] / 2
        if bits == 3:
            assert lost[1] < lost[0], "Hessian weighting at 8 values"


def test_limit_on_digits() -> None:
    check_limit(trained("cnn8", 15))


@pytest.mark.long
def test_limit_on_fashion_mnist() -> None:
    check_limit(trained("cnn28", 5))


def skewed(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).laplace(size=(60, 50))


@pytest.mark.parametrize("bits", [1.0, 2.0, 3.0])
def test_entropy_is_cheaper_than_a_number_of_values(bits: float) -> None:
    """At equal bits: less error than k-means with words of one length; so has the grid."""
    weights = skewed(0)
    fixed = kmeans(weights, 2 ** int(bits), zeros=False)
    coded = ecsq_within(weights, bits, zeros=False)
    grid = uniform_within({"": weights}, bits)[""]
    assert information(coded.index) <= bits and information(grid.index) <= bits
    assert coded.error(weights) < fixed.error(weights)
    assert coded.error(weights) <= grid.error(weights) * 1.02
    if bits > 1:
        assert grid.error(weights) < fixed.error(weights)


def test_every_weight_takes_its_cheapest_value() -> None:
    weights = skewed(1)
    price = 0.05
    found = ecsq(weights, 12, price, zeros=False, rounds=5000)
    share = found.counts / weights.size
    cost = (weights[..., None] - found.values) ** 2 - price * np.log2(share)
    assert np.allclose(np.take_along_axis(cost, found.index[..., None], -1)[..., 0], cost.min(-1))
    free = ecsq(weights, 12, 0.0, zeros=False, rounds=5000)
    assert information(found.index) < information(free.index)
    assert free.error(weights) < found.error(weights)
    assert np.allclose(free.decode(), kmeans(weights, 12, zeros=False).decode(), atol=0.05)


def test_a_high_price_leaves_one_value() -> None:
    found = ecsq(skewed(2), 8, 1e6, zeros=False)
    assert found.values.size == 1 and found.values[0] == pytest.approx(skewed(2).mean())


def test_pruned_weights_stay_zero() -> None:
    weights = np.where(np.random.default_rng(3).random((40, 40)) < 0.3, skewed(3)[:40, :40], 0.0)
    found = ecsq_within(weights, 1.2)
    assert not found.decode()[weights == 0].any()
    assert information(found.index) <= 1.2


def test_multiples_of_a_step() -> None:
    weights = np.array([[0.26, -0.24, 0.0], [1.01, -0.75, 0.24]])
    found = uniform(weights, 0.5)
    assert found.decode().tolist() == [[0.5, 0.0, 0.0], [1.0, -1.0, 0.0]]


def test_the_finest_step_that_fits() -> None:
    layers = {"a": skewed(4), "b": 10 * skewed(5)}
    found = uniform_within(layers, 3.0)
    step = min(np.diff(found["a"].values).min(), np.diff(found["b"].values).min())
    whole = np.concatenate([np.rint(item / step).reshape(-1) for item in layers.values()])
    assert information(whole) <= 3.0
    finer = np.concatenate([np.rint(item / step * 1.03).reshape(-1) for item in layers.values()])
    assert information(finer) > 2.9
    # The layer with the larger weights gets the more bits.
    assert information(found["b"].index) > information(found["a"].index) + 1


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match="price of -1"):
        ecsq(skewed(0), 4, -1)
    with pytest.raises(InputError, match="a step of 0"):
        uniform(skewed(0), 0)
    with pytest.raises(InputError, match="-1 bits a weight. Remedy: allow more bits"):
        uniform_within({"": np.array([1.0, -1.0, 5.0])}, -1)
