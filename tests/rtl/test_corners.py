"""Types at their limits, odd geometry, resets, and every folding of a small net."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from hwcompress.hls.folding import Folding, Lanes, legal_foldings
from hwcompress.ir import (
    BIPOLAR,
    TERNARY,
    ArgMax,
    Conv,
    Dense,
    IntType,
    MaxPool,
    Op,
    Rescale,
    SumPool,
    Threshold,
)

from .designs import check_design
from .graphs import chain, draw, random_folding

N0 = (("t0",), ("t1",))
EXTREME = (
    IntType(-(2**31), 2**31 - 1), IntType(0, 2**32 - 1), IntType(-(2**27), 2**27 - 1),
    BIPOLAR, IntType(0, 1), IntType(-1, 0), IntType(0, 0), IntType(-1, -1), IntType(5, 9),
)  # fmt: skip
FACTORS = (BIPOLAR, TERNARY, IntType(-1, 0), IntType(-(2**15), 2**15 - 1), IntType(7, 7))


def _ends(rng: np.random.Generator, dtype: IntType, shape: tuple[int, ...]) -> np.ndarray:
    """Elements, half of them at an end of the type."""
    end = np.where(rng.integers(0, 2, shape) == 0, dtype.lo, dtype.hi)
    return np.where(rng.integers(0, 2, shape) == 0, end, draw(rng, dtype, shape))


def _check(op: Op, shape: tuple[int, ...], dtype: IntType, folder: Path, seed: int = 0) -> None:
    rng = np.random.default_rng([seed, 31])
    graph = chain("corner", shape, dtype, [op])
    samples = _ends(rng, dtype, (4, *shape))
    samples[0] = dtype.lo
    samples[1] = dtype.hi
    check_design(
        graph, random_folding(graph, rng), folder,
        samples=samples, stalls=[(0, 0), (80, 80)][seed % 2], seed=seed,
    )  # fmt: skip


@pytest.mark.parametrize("number", range(len(EXTREME)))
def test_extreme_inputs(tmp_path: Path, number: int) -> None:
    """One-bit and 32-bit elements, constants; sums beyond 40 bits; every kind of weight."""
    rng, dtype = np.random.default_rng([number, 32]), EXTREME[number]
    for seed, wtype in enumerate(FACTORS):
        bias = np.array([2**40, -(2**40), -1])
        weight = _ends(rng, wtype, (3, 2, 2, 2))
        conv = Conv("c", *N0, weight, wtype, bias, (1, 1), (1, 0, 0, 1), (1, 1), 1, dtype.lo)
        _check(conv, (3, 3, 2), dtype, tmp_path / f"conv{seed}", seed)
        dense = Dense("d", *N0, _ends(rng, wtype, (4, 6)), wtype)
        _check(dense, (6,), dtype, tmp_path / f"dense{seed}", seed)
    _check(SumPool("s", *N0, (2, 2), (1, 1), (1, 1, 0, 0), 0), (2, 3, 2), dtype, tmp_path / "sum")
    _check(MaxPool("m", *N0, (2, 2), (1, 1), (1, 1, 0, 0)), (2, 3, 2), dtype, tmp_path / "max")
    _check(ArgMax("a", *N0), (7,), dtype, tmp_path / "argmax")


@pytest.mark.parametrize("pad", [-1, 0, 1])
@pytest.mark.parametrize("dtype", [BIPOLAR, TERNARY, IntType(-1, -1), IntType(1, 1)])
def test_padding_between_encodings(tmp_path: Path, dtype: IntType, pad: int) -> None:
    """A constant -1 padded with +1 makes a bipolar set, whose stored form is another one."""
    rng = np.random.default_rng(33)
    weight = draw(rng, BIPOLAR, (2, 2, 3, 2))
    conv = Conv("c", *N0, weight, BIPOLAR, None, (2, 1), (1, 2, 0, 1), (1, 1), 1, pad)
    _check(conv, (3, 2, 2), dtype, tmp_path / "conv")
    _check(SumPool("s", *N0, (2, 2), (2, 2), (1, 1, 1, 1), pad), (4, 4, 2), dtype, tmp_path / "sum")


@pytest.mark.parametrize("count", [1, 2, 15, 16, 100, 255])
@pytest.mark.parametrize("dtype", [BIPOLAR, IntType(-4, 3), IntType(0, 2**32 - 1)])
def test_threshold_tables(tmp_path: Path, dtype: IntType, count: int) -> None:
    """Repeated thresholds, some never and some always reached, rising and falling."""
    rng = np.random.default_rng([count, 34])
    least, most = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    far = [least + 1, dtype.lo - 1, dtype.lo, dtype.lo + 1, dtype.hi, dtype.hi + 1, most]
    table = np.sort(rng.choice(far, (4, count)), axis=1)
    table[3] = dtype.hi
    sign = np.array([1, -1, -1, 1])
    table = np.where(sign[:, None] < 0, np.sort(-table, axis=1), table)
    table[:2, 0] = least
    otype = IntType(-7, count - 7)
    _check(Threshold("t", *N0, table, sign, otype), (1, 5, 4), dtype, tmp_path, count)


@pytest.mark.parametrize("rounding", ["floor", "half_even"])
def test_rescale_limits(tmp_path: Path, rounding: str) -> None:
    """Rounding up past a power of two, ties, negative factors, long shifts, wide sums."""
    cases = [
        (IntType(0, 7), [1], [0], [2], IntType(0, 15)),
        (IntType(0, 7), [1, -1, 3, 0], [0, 0, -1, 2], [1, 2, 3, 2], IntType(-20, 20)),
        (IntType(-8, 7), [2, -2, 6, -6], [0, 2, 4, -2], [2, 2, 3, 3], IntType(-20, 20)),
        (IntType(-(2**27), 2**27 - 1), [2**32, -(2**32), 1, 3], [2**58, -(2**58), 7, -1],
         [48, 40, 0, 48], IntType(-(2**31), 2**31 - 1)),
        (BIPOLAR, [5, -5, 2, 1], [1, 0, -2**40, 2**40], [1, 1, 41, 41], IntType(-4, 4)),
        (IntType(0, 2**32 - 1), [2**20 + 1], [-(2**50)], [24], IntType(-5, 2**30)),
    ]  # fmt: skip
    for number, (dtype, mul, add, shift, otype) in enumerate(cases):
        fields = (np.array(values, np.int64) for values in (mul, add, shift))
        op = Rescale("r", *N0, *fields, rounding, otype)
        _check(op, (1, 8, 4), dtype, tmp_path / f"{number}", number)


# image, kernel, stride, padding, dilation
GEOMETRIES = [
    ((1, 7), (1, 3), (1, 5), (0, 0, 0, 0), (1, 1)),  # stride beyond the kernel
    ((7, 1), (3, 1), (4, 1), (1, 0, 2, 0), (2, 1)),
    ((1, 1), (4, 4), (1, 1), (3, 3, 3, 3), (1, 1)),  # mostly padding
    ((1, 2), (2, 2), (1, 20), (1, 20, 0, 20), (1, 1)),  # columns far outside
    ((2, 1), (2, 2), (20, 1), (20, 1, 20, 0), (1, 1)),  # rows far outside
    ((5, 5), (5, 5), (1, 1), (0, 0, 0, 0), (1, 1)),  # global
    ((5, 4), (2, 3), (3, 2), (0, 2, 7, 0), (2, 1)),
    ((6, 6), (1, 1), (3, 2), (0, 1, 2, 0), (1, 1)),
]


@pytest.mark.parametrize("number", range(len(GEOMETRIES)))
def test_geometry(tmp_path: Path, number: int) -> None:
    """Images of one row or column, far padding, dilation; grouped and depthwise, twice as wide."""
    (height, width), kernel, stride, padding, dilation = GEOMETRIES[number]
    rng = np.random.default_rng([number, 35])
    for groups, rows in ((1, 2), (2, 4), (4, 4), (4, 8)):
        weight = draw(rng, IntType(-3, 3), (rows, *kernel, 4 // groups))
        op = Conv("c", *N0, weight, IntType(-3, 3), None, stride, padding, dilation, groups, -2)
        _check(op, (height, width, 4), IntType(0, 7), tmp_path / f"{groups}_{rows}", rows)


def _small_net() -> list[Op]:
    rng = np.random.default_rng(36)
    return [
        Conv("c", ("t0",), ("t1",), rng.integers(-3, 4, (4, 2, 2, 2)), IntType(-3, 3)),
        Threshold("t", ("t1",), ("t2",), np.sort(rng.integers(-9, 9, (4, 3)), axis=1),
                  np.array([1, -1, 1, 1]), IntType(0, 3)),
        SumPool("p", ("t2",), ("t3",), (2, 2), (2, 2)),
    ]  # fmt: skip


def test_foldings_agree(tmp_path: Path) -> None:
    """All legal lanes of three engines; every fifth way to join them: all pairs of neighbours."""
    graph = chain("small", (3, 3, 2), IntType(0, 3), _small_net())
    legal = legal_foldings(graph)
    joined = list(itertools.product(*legal.values()))
    assert len(joined) == 10 * 4 * 6
    chosen = joined[::5]
    for first, second in itertools.pairwise(range(3)):
        pairs = {(lanes[first], lanes[second]) for lanes in chosen}
        assert len(pairs) == len({x[first] for x in joined}) * len({x[second] for x in joined})
    for number, lanes in enumerate(chosen):
        folding = Folding(dict(zip(legal, lanes, strict=True)))
        check_design(graph, folding, tmp_path / f"{number}", frames=2, seed=number)


@pytest.mark.parametrize("cut", [1, 3, 13, 26])
def test_reset_in_the_middle(tmp_path: Path, cut: int) -> None:
    """Whatever is on the way when reset comes leaves no trace."""
    graph = chain("small", (3, 3, 2), IntType(0, 3), _small_net())
    folding = Folding({"c": Lanes(2, 1), "t": Lanes(4), "p": Lanes(1)})
    check_design(graph, folding, tmp_path, frames=4, cut=cut, stalls=(20, 90), seed=cut)


def test_long_pauses(tmp_path: Path) -> None:
    """Hardly ever ready, and hardly ever valid: hundreds of cycles between beats."""
    graph = chain("small", (3, 3, 2), IntType(0, 3), _small_net())
    folding = Folding({"c": Lanes(4, 2), "t": Lanes(1), "p": Lanes(2)})
    check_design(graph, folding, tmp_path / "out", frames=3, stalls=(0, 255))
    check_design(graph, folding, tmp_path / "in", frames=3, stalls=(255, 0))
