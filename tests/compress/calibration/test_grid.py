"""The affine map: its error, its ends, zero, ties; and the same integers in Numba and Verilog."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from hwcompress.compress.calibration.constant import constant_activation
from hwcompress.compress.calibration.grid import Grid, Rounding
from hwcompress.errors import InputError
from hwcompress.ir import IntType, Op, Rescale
from hwcompress.ir.reference import trace
from hwcompress.sim import Simulator
from tests.rtl.dag_designs import check_dag
from tests.rtl.graphs import chain, random_folding

VALUES = 1_000_000


@pytest.mark.parametrize("bits", range(2, 17))
def test_mapping(bits: int) -> None:
    random = np.random.default_rng(bits)
    signed = bool(random.integers(2))
    zero = 0 if signed else int(random.integers(0, 1 << bits))
    grid = Grid(float(np.exp(random.uniform(-6, 3))), bits, signed, zero=zero)
    low, high = grid.reach
    width = high - low
    x = random.uniform(low - width / 2, high + width / 2, VALUES)
    q = grid.quantize(x)
    assert q.min() == grid.low
    assert q.max() == grid.high
    back = grid.dequantize(q)
    inside = (x >= low) & (x <= high)
    assert 0.4 < inside.mean() < 0.6
    error = np.abs(back - x)[inside].max() / grid.scale
    down = grid.dequantize(grid.quantize(x, "floor"))
    twin = np.abs(down - x)[inside].max() / grid.scale
    print(f"{bits} bits: off by {error:.6f} steps at most in range; twin rounded down {twin:.6f}")
    assert error <= 0.5 * (1 + 1e-9) < twin
    # Saturated, not wrapped: what is outside takes the nearest end.
    assert np.all(q[x < low - grid.scale] == grid.low)
    assert np.all(q[x > high + grid.scale] == grid.high)
    assert grid.quantize(np.zeros(1))[0] == grid.zero
    assert grid.dequantize(np.array([grid.zero]))[0] == 0.0
    assert np.array_equal(grid.quantize(back), q)
    assert np.array_equal(grid.fake(back), back)
    # Those within half a step beyond the ends are rounded, not cut off.
    assert grid.saturated(x) < np.count_nonzero(~inside)
    assert grid.saturated(x[inside]) == 0


TIES = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999999999999994, -0.25, 0.75])


@pytest.mark.parametrize(
    ("rounding", "wanted"),
    [
        ("half_even", [-2, -2, 0, 0, 2, 2, 0, 0, 1]),
        ("half_up", [-2, -1, 0, 1, 2, 3, 0, 0, 1]),
        ("floor", [-3, -2, -1, 0, 1, 2, 0, -1, 0]),
    ],
)
def test_ties(rounding: Rounding, wanted: list[int]) -> None:
    assert Grid(1.0, 4, True).quantize(TIES, rounding).tolist() == wanted


def test_ties_with_an_odd_zero_point_are_those_of_brevitas() -> None:
    import torch

    grid = Grid(0.5, 4, False, zero=5)
    x = np.arange(-12, 24) * 0.125
    brevitas = constant_activation(grid)(torch.tensor(x, dtype=torch.float32))
    assert np.array_equal(grid.fake(x), brevitas.detach().numpy().astype(np.float64))
    assert grid.quantize(np.array([0.25, 0.75])).tolist() == [6, 6]  # 5.5 and 6.5


# Fixed point in: steps of 2**-6, 12 bits; out: steps of 2**-3 (or of the given shift) with a
# zero point. The same map as one Rescale.
CASES: dict[str, tuple[Grid, Rounding]] = {
    "signed, to even": (Grid(2.0**-3, 6, True), "half_even"),
    "odd zero point": (Grid(2.0**-3, 6, False, zero=27), "half_even"),
    "half up": (Grid(2.0**-3, 5, True), "half_up"),
    "down": (Grid(2.0**-3, 6, False, zero=8), "floor"),
}


@pytest.mark.parametrize("name", CASES)
def test_numpy_numba_and_verilog_agree_bit_by_bit(name: str, tmp_path: Path) -> None:
    grid, rounding = CASES[name]
    source = IntType(-2048, 2047)
    shift = round(math.log2(grid.scale * 2**6))
    add = grid.zero << shift
    if rounding == "half_up":
        add += 1 << (shift - 1)
    kind = "half_even" if rounding == "half_even" else "floor"
    one = np.ones(1, np.int64)
    names = ("t1", ("t0",), ("t1",))
    op: Op = Rescale(*names, one, one * add, one * shift, kind, IntType(grid.low, grid.high))
    every = np.arange(source.lo, source.hi + 1)
    check_op(op, source, grid.quantize(every * 2.0**-6, rounding), tmp_path, 64)


def check_op(op: Op, source: IntType, wanted: np.ndarray, folder: Path, frames: int) -> None:
    """NumPy and Numba on every value of the source, Verilog on random ones."""
    every = np.arange(source.lo, source.hi + 1)
    graph = chain("map", (1,), source, [op])
    numpy = trace(graph, every[:, None])["t1"]
    assert np.array_equal(numpy[:, 0], wanted)
    assert np.array_equal(Simulator(graph).trace(every[:, None])["t1"], numpy)
    folding = random_folding(graph, np.random.default_rng(0))
    check_dag(graph, folding, folder, frames=frames, stalls=(60, 60), seed=1)


@pytest.mark.long
@pytest.mark.parametrize("bits", range(2, 17))
def test_every_number_of_bits_in_verilog(bits: int, tmp_path: Path) -> None:
    """A million values of 20 bits, half of them beyond the ends."""
    source = IntType(-(1 << 19), (1 << 19) - 1)
    shift = 19 - bits
    signed = bits % 2 == 0
    grid = Grid(2.0 ** (shift - 19), bits, signed, zero=0 if signed else (1 << bits) // 3)
    one = np.ones(1, np.int64)
    add, kind = one * (grid.zero << shift), IntType(grid.low, grid.high)
    op: Op = Rescale("t1", ("t0",), ("t1",), one, add, one * shift, "half_even", kind)
    every = np.arange(source.lo, source.hi + 1)
    wanted = grid.quantize(every * 2.0**-19)
    wrapped = (np.rint(every * 2.0**-shift).astype(np.int64) + grid.zero - grid.low) % (
        1 << bits
    ) + grid.low
    print(
        f"{bits} bits: {every.size} values the same in NumPy and Numba, 500 in Verilog;"
        f" twin that wraps: {100 * np.mean(wrapped != wanted):.0f} % others"
    )
    assert np.mean(wrapped != wanted) > 0.4
    check_op(op, source, wanted, tmp_path, 500)


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        (lambda: Grid(1.0, 0, False), "a grid of 0 bits. Remedy: give 1 to 16 bits"),
        (lambda: Grid(0.0, 4, False), "a grid with the step 0.0. Remedy: give one above 0"),
        (lambda: Grid(1.0, 1, True, narrow=True), "a grid of 1 bit"),
        (lambda: Grid(1.0, 4, False, zero=16), "zero point 16 outside 0..15 (real zero has to be"),
    ],
)
def test_refusals(grid: object, said: str) -> None:
    assert callable(grid)
    with pytest.raises(InputError) as caught:
        grid()
    assert str(caught.value).startswith(said)
