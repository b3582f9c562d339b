"""Ternary layers, unrolled: an addition for every weight that is there, fewer with shared sums."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwcompress.compress.schemes import Ternary, weight_levels
from hwcompress.hls.folding import Folding, Lanes
from hwcompress.ir import Dense, IntType
from hwcompress.sim import Simulator
from tests.compress.schemes.cells import UNMERGED, cells, dense_graph
from tests.compress.schemes.networks import cnn8, right, trained
from tests.rtl.dag_designs import check_dag

INPUTS = IntType(0, 15)
WEIGHT = np.random.default_rng(6).integers(-1, 2, (6, 20))


def shared_pairs(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A ternary matrix as ``sums @ terms``: terms are inputs, and pairs ``x_i + x_j`` or
    ``x_i - x_j`` that at least two rows need. The pair of most rows is taken first."""
    rows = weight.astype(np.int64)
    columns = rows.shape[1]
    left, sums, terms = rows.copy(), [], []
    while True:
        plus, minus = (left > 0).astype(np.int64), (left < 0).astype(np.int64)
        equal = np.triu(plus.T @ plus + minus.T @ minus, 1)
        other = np.triu(plus.T @ minus + minus.T @ plus, 1)
        most = max(int(equal.max()), int(other.max()))
        if most < 2:
            break
        sign = 1 if equal.max() == most else -1
        i, j = np.unravel_index(int((equal if sign > 0 else other).argmax()), equal.shape)
        uses = np.where(left[:, i] * left[:, j] == sign, left[:, i], 0)
        left[uses != 0] *= np.where(np.isin(np.arange(columns), (i, j)), 0, 1)
        term = np.zeros(columns, np.int64)
        term[i], term[j] = 1, sign
        terms.append(term)
        sums.append(uses)
    kept = np.flatnonzero(left.any(axis=0))
    terms += list(np.eye(columns, dtype=np.int64)[kept])
    return np.stack([*sums, *left.T[kept]], axis=1), np.stack(terms)


def additions(weights: list[np.ndarray], folder: Path) -> tuple[int, int]:
    """``+`` of the sums, and those that change signs, in layers one behind the other.

    The sums are those of the magnitudes, less what the same engines have with one weight a row
    (counters, accumulators). What the signs add to that is counted apart.
    """
    ones = [np.zeros_like(item) for item in weights]
    for item in ones:
        item[np.arange(len(item)), np.arange(len(item)) % item.shape[1]] = 1
    found = []
    for name, given in (
        ("whole", weights),
        ("magnitudes", [np.abs(item) for item in weights]),
        ("ones", ones),
    ):
        (folder / name).mkdir(parents=True)
        counted = cells(dense_graph(given, INPUTS, IntType(-1, 1)), folder / name, UNMERGED)
        assert "$mul" not in counted
        found.append(sum(counted.get(kind, 0) for kind in ("$add", "$sub", "$neg")))
    whole, magnitudes, engine = found
    return magnitudes - engine, whole - magnitudes


def check(weight: np.ndarray, folder: Path) -> None:
    """Count both forms of a layer, and compare their integers."""
    sums, terms = shared_pairs(weight)
    assert np.array_equal(sums @ terms, weight)
    plain, shared = dense_graph([weight], INPUTS), dense_graph([terms, sums], INPUTS)
    x = np.random.default_rng(0).integers(0, 16, (500, weight.shape[1]))
    assert np.array_equal(Simulator(plain)(x), Simulator(shared)(x))
    before, turned = additions([weight], folder / "plain")
    after, turned_after = additions([terms, sums], folder / "shared")
    nonzeros, outputs = np.count_nonzero(weight), len(weight)
    print(
        f"\nternary {outputs} x {weight.shape[1]}, {nonzeros} weights that are not zero: {before}"
        f" additions and {turned} changes of sign; with shared pairs {after} and {turned_after};"
        f" twin without zeros {weight.size - outputs} additions"
    )
    assert before == nonzeros - outputs
    assert after == sum(np.count_nonzero(item) - len(item) for item in (terms, sums))
    assert after < before
    assert turned <= np.count_nonzero(weight < 0)


@pytest.mark.long
def test_an_addition_for_every_weight_but_the_first(tmp_path: Path) -> None:
    check(WEIGHT, tmp_path)


@pytest.mark.long
def test_the_verilog_of_shared_pairs(tmp_path: Path) -> None:
    sums, terms = shared_pairs(WEIGHT)
    graph = dense_graph([terms, sums], INPUTS)
    lanes = {op.name: Lanes(*op.weight.shape) for op in graph.ops if isinstance(op, Dense)}
    check_dag(graph, Folding(lanes), tmp_path / "verilog", frames=8)


@pytest.mark.long
def test_additions_of_a_trained_layer(tmp_path: Path) -> None:
    """Four filters, over the first four of sixteen channels."""
    module = trained(Ternary(act_bits=4), cnn8(), epochs=8)
    levels, _ = weight_levels(module.get_submodule("3"))
    print(f"\nternary, 8 epochs: {right(module):.1f} %")
    check(levels.numpy().astype(np.int64).reshape(32, -1)[:4, :36], tmp_path)
