"""Rules for DSP blocks, block RAMs and cycles, on layers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.hls.estimate.hls4ml import Product, Weights
from hwcompress.hls.estimate.hls4ml.features import ff_features, lut_features
from hwcompress.hls.estimate.hls4ml.product import signed_digits
from hwcompress.hls.estimate.hls4ml.rules import (
    bram18_of,
    dsp_of,
    dsps_each,
    interval_of,
    latency_of,
    memory_bram18,
    stages_of,
)


def _product(**facts: object) -> Product:
    given = {
        "inputs": 4, "outputs": 2, "weights": Weights(8, 0, 5, 25), "weight_bits": 6,
        "input_bits": 16, "sum_bits": 24,
    }  # fmt: skip
    return Product(**(given | facts))  # type: ignore[arg-type]


def test_digits() -> None:
    """0, a power of two, 7 = 8 - 1, 11 = 8 + 4 - 1, 21 = 16 + 4 + 1, and negative ones."""
    assert signed_digits(np.array([0, 4, 7, 11, 21, -7, -64])).tolist() == [0, 1, 2, 3, 3, 2, 1]


def test_weights() -> None:
    """Equal hard constants of one input are one product; of two inputs, or negated, two."""
    matrix = np.array([[11, 11, -11, 3, 0], [11, 1, 0, 0, 21]])
    assert Weights.of(matrix) == Weights(nonzero=7, two=1, hard=4, hard_bits=4 + 4 + 4 + 5)


def test_assumed_weights() -> None:
    """Two bits are -1 and 1; wider weights have hard ones, at most one of each for an input."""
    assert Weights.assumed(16, 8, 2) == Weights(128, 0, 0, 0)
    wide = Weights.assumed(10, 1000, 6, 0.5)
    assert wide.nonzero == 5000
    hard = sum(d >= 3 for d in signed_digits(np.arange(-31, 32)))
    assert 0 < wide.hard <= 10 * hard
    with pytest.raises(InputError, match="weights of 0 bits"):
        Weights.assumed(4, 4, 0)


def test_dsps_of_a_product() -> None:
    """A block multiplies 18 by 27 bits."""
    assert [dsps_each(*bits) for bits in ((18, 27), (27, 18), (19, 27), (8, 28), (20, 20))] == [
        1, 1, 2, 2, 2,
    ]  # fmt: skip


def test_latency_dsps() -> None:
    """A block for each hard product of wide inputs; fewer where reuse limits them."""
    assert dsp_of(_product()) == 5
    assert dsp_of(_product(input_bits=12)) == 0
    assert dsp_of(_product(input_bits=12, multiplier="dsp")) == 5
    assert dsp_of(_product(multiplier="fabric")) == 0
    # ceil(8 / 4) multipliers, and no weight is zero.
    assert dsp_of(_product(reuse=4)) == 2
    # Six of eight weights are zero: ceil(8 / 2) - floor(6 / 2).
    assert dsp_of(_product(reuse=2, weights=Weights(2, 0, 2, 10))) == 1
    assert dsp_of(_product(input_bits=28, copies=3)) == 3 * 5 * 2


def test_resource_dsps_and_memory() -> None:
    """32 x 16 weights of 8 bits at 16 a cycle: 128 bits wide, 32 words."""
    product = _product(
        inputs=32, outputs=16, weights=Weights(512, 0, 0, 0), weight_bits=8, input_bits=8,
        reuse=32, strategy="resource",
    )  # fmt: skip
    assert (product.multipliers, dsp_of(product), bram18_of(product)) == (16, 0, 4)
    assert bram18_of(_product(strategy="latency", reuse=4)) == 0
    assert memory_bram18(32, 32) == 0
    assert memory_bram18(36, 512) == 1
    assert memory_bram18(37, 513) == 4


def test_cycles() -> None:
    """Reuse on arrays; pixels times reuse of a window on a stream."""
    small = _product(weights=Weights(8, 0, 0, 0))  # 4 products a sum: 3 levels
    assert stages_of(small, 10.0, "7series") == 1
    assert stages_of(small, 4.0, "7series") == 3
    assert latency_of(small, 4.0, "ultrascale+") == 1
    assert interval_of(small) == 1
    slow = _product(strategy="resource", reuse=8)
    assert (latency_of(slow, 10.0, "7series"), interval_of(slow)) == (9, 8)
    conv = _product(strategy="resource", reuse=8, stream=True, window=True, pixels=100)
    assert interval_of(conv) == latency_of(conv, 10.0, "7series") == 803
    dense = _product(stream=True, pixels=4)
    assert interval_of(dense) == 7
    # The loop over pixels of a convolution on arrays.
    assert interval_of(_product(pixels=9, reuse=2)) == 18


def test_features() -> None:
    """8 weights into sums of 24 bits, 5 hard ones in DSP blocks or in LUTs."""
    assert lut_features(_product()) == (192, 0, 0, 0, 120, 0)
    fabric = _product(input_bits=8, weights=Weights(8, 2, 5, 25))
    assert lut_features(fabric) == (192, 22, 5 * 8 * 5, 0, 0, 0)
    # One stage cuts three levels in the middle.
    cut = 8 * 24 * 2**-1.5
    assert ff_features(_product(), 10.0, "7series") == pytest.approx((cut, 0, 0))
    assert ff_features(_product(strategy="resource", reuse=4), 10.0, "7series") == (48, 64 + 48)


@pytest.mark.parametrize(
    "facts",
    [{"inputs": 0}, {"reuse": 0}, {"strategy": "fast"}, {"multiplier": "lut"},
     {"weights": Weights(9, 0, 0, 0)}],
)  # fmt: skip
def test_no_product(facts: dict[str, object]) -> None:
    """What is no layer is refused by name."""
    with pytest.raises(InputError, match="no layer of hls4ml"):
        _product(**facts)


def test_no_family_or_clock() -> None:
    """Unknown families and clocks are refused."""
    with pytest.raises(InputError, match="no family 'ice40'"):
        stages_of(_product(), 10.0, "ice40")
    with pytest.raises(InputError, match="not positive"):
        stages_of(_product(), 0.0, "7series")
