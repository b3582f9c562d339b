"""Codewords for parts of rows: Gong's vector quantization, and Q-CNN's error correction."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest
import torch

from hwcompress.compress.sharing.kmeans import kmeans
from hwcompress.compress.sharing.product import (
    ProductCode,
    correct_responses,
    product,
    response_error,
)
from hwcompress.compress.sharing.product_step import layer_inputs
from hwcompress.compress.sharing.residual import residual
from hwcompress.errors import InputError
from tests.compress.sharing.nets import Trained, score_of, trained


def correlated(seed: int, rows: int, columns: int) -> np.ndarray:
    """Weights whose columns have much in common, as those of a dense layer on images have."""
    random = np.random.default_rng(seed)
    few = random.normal(size=(rows, 6)) @ random.normal(size=(6, columns))
    return few / 2.5 + 0.4 * random.normal(size=(rows, columns))


def test_rows_are_put_together_from_codewords() -> None:
    rows = correlated(0, 50, 24)
    code = product(rows, 7, 4)
    decoded = code.decode()
    assert code.codewords.shape == (6, 7, 4) and code.index.shape == (50, 6)
    for part in range(6):
        own = decoded[:, 4 * part : 4 * part + 4]
        assert np.array_equal(own, code.codewords[part, code.index[:, part]])
        distance = ((rows[:, None, 4 * part : 4 * part + 4] - code.codewords[part]) ** 2).sum(-1)
        assert np.array_equal(distance.argmin(1), code.index[:, part])
    # What is coded once more stays as it is.
    again = product(decoded, 7, 4)
    assert np.allclose(again.decode(), decoded, atol=1e-12)


def test_exact_where_there_are_enough_codewords() -> None:
    rows = np.random.default_rng(0).integers(0, 2, (30, 6)).astype(float)
    assert np.array_equal(product(rows, 8, 3).decode(), rows)


def test_the_cost_counts_lookups() -> None:
    code = product(correlated(1, 64, 288), 16, 9)
    assert code.cost.lookups == 64 * 32  # outputs times parts
    assert code.cost.products == 16 * 288
    assert code.cost.dense == 64 * 288
    assert code.index_bits == 64 * 32 * 4
    assert code.codeword_bits(8) == 16 * 288 * 8


def test_residuals_are_coded_by_the_next_stage() -> None:
    rows = correlated(2, 80, 16)
    errors = []
    for stages in (1, 2, 3):
        code = residual(rows, 4, 8, stages)
        assert len(code.stages) == stages
        assert np.allclose(code.decode(), sum(stage.decode() for stage in code.stages))
        assert code.index_bits == stages * 80 * 2 * 2
        errors.append(float(((rows - code.decode()) ** 2).sum()))
    assert errors[0] > errors[1] > errors[2]
    first = residual(rows, 4, 8, 2).stages[0]
    assert np.array_equal(first.decode(), product(rows, 4, 8).decode())
    second = product(rows - first.decode(), 4, 8, seed=1)
    assert np.array_equal(residual(rows, 4, 8, 2).stages[1].decode(), second.decode())


def relative(rows: np.ndarray, decoded: np.ndarray) -> float:
    return float(((rows - decoded) ** 2).sum() / (rows**2).sum())


def test_correction_never_makes_responses_worse() -> None:
    random = np.random.default_rng(3)
    rows = correlated(3, 40, 12)
    given = random.normal(size=(500, 12)) @ random.normal(size=(12, 12))
    code = product(rows, 4, 3)
    errors = [response_error(rows, code.decode(), given)]
    for rounds in (1, 2, 5, 20):
        better = correct_responses(code, rows, given, rounds=rounds)
        errors.append(response_error(rows, better.decode(), given))
    assert all(late <= early + 1e-9 for early, late in itertools.pairwise(errors))
    assert errors[-1] < 0.7 * errors[0]


def test_codewords_solve_the_least_squares_problem() -> None:
    """One part: beside NumPy's own solution for every group of rows."""
    random = np.random.default_rng(4)
    rows, given = correlated(4, 30, 5), random.normal(size=(200, 5))
    original = given + 0.1 * random.normal(size=(200, 5))
    code = correct_responses(product(rows, 3, 5), rows, given, original, rounds=50)
    wanted = original @ rows.T
    for word in range(3):
        members = np.flatnonzero(code.index[:, 0] == word)
        solved = np.linalg.lstsq(given, wanted[:, members].mean(1), rcond=None)[0]
        assert np.allclose(code.codewords[0, word], solved, atol=1e-6)
    best = ((wanted[:, :, None] - (given @ code.codewords[0].T)[:, None]) ** 2).sum(0).argmin(1)
    assert np.array_equal(best, code.index[:, 0])


def qcnn(net: Trained, name: str, k: int) -> tuple[float, float, ProductCode]:
    """Response error on other samples than those of the correction, before and after."""
    layer = net.module.get_submodule(name)
    rows = layer.weight.detach().double().numpy().reshape(layer.weight.shape[0], -1)
    given, other = (
        layer_inputs(net.module, name, net.x[part]) for part in (slice(150), slice(150, 250))
    )
    code = product(rows, k, 9)
    better = correct_responses(code, rows, given)
    before, after = (response_error(rows, item.decode(), other) for item in (code, better))
    shared = copy.deepcopy(net.module)
    with torch.no_grad():
        weight = torch.from_numpy(better.decode().reshape(layer.weight.shape))
        shared.get_submodule(name).weight.copy_(weight)
    print(
        f"{name}, {k} codewords: response error {before:.3f} to {after:.3f}, accuracy"
        f" {net.score:.2f} to {score_of(shared, net):.2f} %,"
        f" {32 * rows.size / (better.index_bits + better.codeword_bits(32)):.1f} times smaller"
    )
    return before, after, better


def test_correction_on_digits() -> None:
    before, after, _ = qcnn(trained("cnn8", 15), "7", 8)
    assert after <= 0.4 * before


@pytest.mark.long
@pytest.mark.parametrize("k", [16, 32])
def test_correction_on_fashion_mnist(k: int) -> None:
    """The third convolution, 64 x 288."""
    before, after, code = qcnn(trained("cnn28", 5), "8", k)
    assert after <= 0.4 * before
    assert code.cost.lookups == 64 * 32


def orders(rows: np.ndarray, cheap: list[tuple[int, int]], dear: list[tuple[int, int]]) -> None:
    """Gong et al.: codewords win at one bit a weight, single values at three, everything counted
    (codewords and values of 8 bits)."""

    def counted(k: int, length: int, bits: float) -> float:
        code = product(rows, k, length)
        total = (code.index_bits + code.codeword_bits(8)) / rows.size
        error = relative(rows, code.decode())
        alone = code.index_bits / rows.size
        print(
            f"{k} codewords of {length}: {total:.2f} bits ({alone:.2f} without them), {error:.4f}"
        )
        return error if total <= bits else np.inf

    scalar = {bits: kmeans(rows, 2**bits, zeros=False).error(rows) for bits in (1, 3)}
    print(f"single values: {scalar}")
    assert min(counted(k, length, 1.0) for k, length in cheap) < scalar[1]
    best = min(counted(k, length, 3.0) for k, length in dear)
    assert scalar[3] < best < 1


@pytest.mark.long
def test_gong_on_fashion_mnist() -> None:
    """The dense layer of 784 x 512."""
    net = trained("mlp28", 4)
    rows = net.module[1].weight.detach().double().numpy()
    orders(rows, [(16, 8), (4, 4)], [(16, 2), (64, 4), (16, 4), (64, 2)])


def test_gong_on_correlated_weights() -> None:
    orders(correlated(7, 512, 64), [(16, 8), (4, 4)], [(16, 2), (64, 4), (16, 4)])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rows: product(rows, 4, 5), r"parts of 5 columns of a matrix \(8, 12\)"),
        (lambda rows: product(rows, 0, 4), "0 codewords"),
        (lambda rows: residual(rows, 4, 4, 0), "0 stages"),
        (
            lambda rows: correct_responses(product(rows, 2, 3), rows, np.ones((5, 11))),
            r"inputs \(5, 11\)",
        ),
    ],
)
def test_what_is_refused(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(correlated(0, 8, 12))
