"""Rescale behind a sum: 32-bit products, float64 where it is exact, and 64-bit products."""

from __future__ import annotations

import numpy as np
import pytest

from hwcompress.ir import Dense, Graph, Input, IntType, Output, Rescale, evaluate
from hwcompress.sim import Simulator
from hwcompress.sim.words.dot_job import Reach, ending_of
from hwcompress.sim.words.dot_kernel import BYTES, DOUBLE, NARROW, RESCALE
from hwcompress.sim.words.plane import Plane

_MODES = {20: NARROW, 45: DOUBLE, 51: DOUBLE, 58: RESCALE}


def _graph(bits: int, product: int, shift: int, rounding: str, seed: int) -> Graph:
    """Sums of ``bits`` bits, times factors that make ``product`` bits of them."""
    rng = np.random.default_rng(seed)
    source = IntType.signed_bits(min(bits, 16))
    weight = np.eye(3, dtype=np.int64) << (bits - source.bits)
    largest = 1 << (product - bits)
    mul = rng.integers(-largest + 1, largest, 3)
    mul[0] = largest - 1
    add = rng.integers(-(1 << (product - 2)), 1 << (product - 2), 3)
    # Sums that are multiples of a power of two often lie on a tie.
    mul[1] = max(1, largest // 2)
    add[1] = (1 << shift) // 2
    top = 1 << 20
    return Graph.build(
        "rescale",
        [
            Input("i", (), ("x",), (3,), (0,), (3,), source, 1.0),
            Dense("a", ("x",), ("y",), weight, IntType.signed_bits(17)),
            Rescale("r", ("y",), ("z",), mul, add, np.full(3, shift), rounding, IntType(-top, top)),
            Output("o", ("z",), ()),
        ],
    )


@pytest.mark.parametrize("rounding", ["half_even", "floor"])
@pytest.mark.parametrize(("bits", "product"), [(14, 20), (20, 45), (30, 51), (30, 58)])
def test_every_mode_is_exact(bits: int, product: int, rounding: str) -> None:
    for seed, shift in enumerate((0, 1, 7, product - 22, product - 19, product - 8)):
        if not 0 <= shift <= 48:
            continue
        graph = _graph(bits, product, shift, rounding, seed)
        kind = graph.inputs[0].dtype
        values = np.random.default_rng(seed).integers(kind.lo, kind.hi + 1, 2000)
        values[:600] = np.arange(-300, 300)
        values[600:602] = kind.lo, kind.hi
        x = np.stack([values] * 3, axis=1)
        assert np.array_equal(Simulator(graph)(x), evaluate(graph, x)["z"]), shift
        op = graph.layers[1]
        assert isinstance(op, Rescale)
        plane = Plane("z", BYTES, 1, 1, 3)
        assert (
            ending_of(op, 3, Reach.of_type(graph.tensors["y"].dtype, 3), plane).mode
            == _MODES[product]
        )
