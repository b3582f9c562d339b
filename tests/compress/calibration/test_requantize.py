"""Integer multipliers: their rates against exact rounding, and one definition everywhere."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.ir import IntType, Op, Rescale
from hwcompress.ir.reference import trace
from hwcompress.sim import Simulator
from tests.compress.calibration.rescaling import (
    Multiplier,
    exactly,
    integer_multiplier,
    rescaled,
    twice_rounded,
)
from tests.rtl.dag_designs import check_dag
from tests.rtl.graphs import chain, random_folding

COUNT = 200_000
WIDE = (-(1 << 14), (1 << 14) - 1)  # 15 bits: where a difference shows


def _drawn(seed: int) -> tuple[np.ndarray, float]:
    random = np.random.default_rng(seed)
    real = float(2.0 ** random.uniform(-12, -8))
    reach = int(min(2.0**31 - 1, WIDE[1] / real))
    return random.integers(-reach, reach, COUNT), real


def test_rates_against_exact_rounding(capsys: pytest.CaptureFixture[str]) -> None:
    twice, short, narrow = [], [], []
    for seed in range(3):
        a, real = _drawn(seed)
        whole = integer_multiplier(real)
        wanted = rescaled(a, whole, *WIDE)
        some = slice(2000)
        assert np.array_equal(wanted[some], exactly(a[some], whole.real, *WIDE))
        found = twice_rounded(a, whole, *WIDE)
        assert np.abs(found - wanted).max() <= 1
        twice.append(np.mean(found != wanted))
        few = integer_multiplier(real, 16)
        found = rescaled(a, few, *WIDE)
        assert np.array_equal(found[some], exactly(a[some], few.real, *WIDE))
        assert np.abs(found - wanted).max() <= 1
        short.append(np.mean(found != wanted))
        # Eight bits out: the accumulator's reach is 2**7 steps, not 2**14.
        a //= 1 << 7
        eight = rescaled(a, few, -128, 127)
        narrow.append(np.mean(eight != rescaled(a, whole, -128, 127)))
    with capsys.disabled():
        print(
            f"\nagainst exact rounding, 15-bit results: TFLite's double rounding differs in"
            f" {100 * np.mean(twice):.2f} %, a 16-bit multiplier rounded once in"
            f" {100 * np.mean(short):.2f} %; at 8-bit results the latter in"
            f" {100 * np.mean(narrow):.3f} %"
        )
    assert np.mean(twice) < 0.02
    assert np.mean(short) < 0.12
    assert np.mean(narrow) < 0.002


def test_eight_bit_results_are_the_same_everywhere(tmp_path: Path) -> None:
    """No difference between NumPy, Numba and the Verilog for the chosen definition."""
    random = np.random.default_rng(5)
    real = 0.00123
    by = integer_multiplier(real, 16)
    source = IntType(-(1 << 17), (1 << 17) - 1)
    one = np.ones(1, np.int64)
    names = ("t1", ("t0",), ("t1",))
    op: Op = Rescale(
        *names, one * by.value, one * 0, one * by.shift, "half_even", IntType(-128, 127)
    )
    graph = chain("requantize", (1,), source, [op])
    a = random.integers(source.lo, source.hi + 1, COUNT)
    wanted = rescaled(a, by, -128, 127)
    assert set(wanted.tolist()) == set(range(-128, 128))
    exact = exactly(a[:2000], Fraction(real), -128, 127)
    print(
        f"\n{COUNT} accumulators to 8 bits: NumPy, Numba and Verilog do not differ; twin, the real"
        f" factor rounded exactly: {100 * np.mean(exact != wanted[:2000]):.2f} % others"
    )
    assert np.array_equal(trace(graph, a[:, None])["t1"][:, 0], wanted)
    assert np.array_equal(Simulator(graph).trace(a[:, None])["t1"][:, 0], wanted)
    folding = random_folding(graph, random)
    check_dag(graph, folding, tmp_path, frames=256, stalls=(0, 100), seed=2)


def test_ties_and_powers_of_two() -> None:
    half = integer_multiplier(0.5, 16)
    assert half == Multiplier(1 << 15, 16, 16)
    a = np.arange(-6, 7)
    assert rescaled(a, half, -128, 127).tolist() == [-3, -2, -2, -2, -1, 0, 0, 0, 1, 2, 2, 2, 3]
    assert np.array_equal(rescaled(a, half, -128, 127), exactly(a, Fraction(1, 2), -128, 127))
    # A quarter becomes a half, and that a whole; and so does 5/4: rounded twice.
    found = twice_rounded(a, integer_multiplier(0.25), -9, 9)
    assert found.tolist() == [-2, -1, -1, -1, -1, 0, 0, 1, 1, 1, 1, 2, 2]
    assert integer_multiplier(1 - 2.0**-20, 16) == Multiplier(1 << 15, 15, 16)  # rounded up to 1


@pytest.mark.parametrize("seed", range(3))
def test_chained_convolutions_without_a_way_through_float(
    seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """ncnn's trick: integers from convolution to convolution, within one step of the way
    through float, and the same predictions but where the two largest results are neighbours."""
    from numpy.lib.stride_tricks import sliding_window_view

    random = np.random.default_rng(seed)

    def conv(x: np.ndarray, w: np.ndarray) -> np.ndarray:
        windows = sliding_window_view(x, (3, 3), axis=(2, 3))
        return np.einsum("nchwij,mcij->nmhw", windows, w)

    x = random.integers(0, 256, (40, 3, 12, 12))
    first = random.integers(-127, 128, (8, 3, 3, 3))
    second = random.integers(-127, 128, (8, 8, 3, 3))
    s_in, s_mid, s_out = 1 / 255, 0.021, 0.43
    w1, w2 = random.uniform(0.002, 0.01, 8), random.uniform(0.002, 0.01, 8)

    def through_float(acc: np.ndarray, scale: np.ndarray, out: float) -> np.ndarray:
        real = acc.astype(np.float32) * scale.astype(np.float32).reshape(1, -1, 1, 1)
        return np.clip(np.rint(real / np.float32(out)), 0, 255).astype(np.int64)

    def in_integers(acc: np.ndarray, scale: np.ndarray, out: float) -> np.ndarray:
        rows = [
            rescaled(acc[:, c], integer_multiplier(float(scale[c]) / out, 16), 0, 255)
            for c in range(acc.shape[1])
        ]
        return np.stack(rows, 1)

    acc = conv(x, first)
    floats, integers = (f(acc, s_in * w1, s_mid) for f in (through_float, in_integers))
    assert np.abs(floats - integers).max() <= 1
    after = conv(integers, second)
    one, two = (f(after, s_mid * w2, s_out) for f in (through_float, in_integers))
    assert np.abs(one - two).max() <= 1
    assert np.count_nonzero((two > 0) & (two < 255)) / two.size * 100 > 20
    with capsys.disabled():
        print(
            f"\nchained: {100 * np.mean(floats != integers):.2f} % and"
            f" {100 * np.mean(one != two):.2f} % of the integers differ by one"
        )


def test_refusals() -> None:
    with pytest.raises(InputError, match="the multiplier 0"):
        integer_multiplier(0.0)
    with pytest.raises(InputError, match="a multiplier of 32 bits"):
        integer_multiplier(0.5, 32)
    with pytest.raises(InputError, match="has no right shift"):
        rescaled(np.arange(3), integer_multiplier(2.0**20, 16), 0, 255)
    with pytest.raises(InputError, match="TFLite's has 31 bits"):
        twice_rounded(np.arange(3), integer_multiplier(0.5, 16), 0, 255)
