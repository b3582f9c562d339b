"""From the user's real samples to integers, and back to the user's form of a result."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcompress.errors import GraphError, InputError
from hwcompress.ir import BIPOLAR, Input, IntType, Output


def _input(dtype: IntType, scale: float = 1.0, zero: float = 0.0, **facts) -> Input:  # type: ignore[no-untyped-def]
    return Input("in", (), ("x",), (1,), (0,), (1,), dtype, scale, zero, **facts)


@settings(deadline=None, derandomize=True)
@given(
    st.floats(-1e6, 1e6),
    st.integers(-6, 6).map(lambda power: 2.0**power),
    st.integers(-5, 5),
)
def test_affine_rule_with_exact_fractions(value: float, scale: float, zero: int) -> None:
    dtype = IntType.signed_bits(8)
    result = _input(dtype, scale, float(zero)).encode(np.array([[value]]))
    # Powers of two divide exactly; the sum with the zero point is one float64 rounding.
    exact = round(Fraction(float(Fraction(value) / Fraction(scale)) + zero))
    assert result.tolist() == [[min(max(exact, -128), 127)]]


def test_ties_go_to_even() -> None:
    source = _input(IntType.signed_bits(4), 0.5)
    values = np.array([-1.25, -0.75, -0.25, 0.25, 0.75, 1.25])[:, None]
    assert source.encode(values).ravel().tolist() == [-2, -2, 0, 0, 2, 2]


def test_infinities_clip() -> None:
    source = _input(IntType.signed_bits(4))
    assert source.encode(np.array([[np.inf], [-np.inf]])).ravel().tolist() == [7, -8]


def test_bipolar() -> None:
    values = np.array([-1.0, -0.0, 0.0, 1e-300, -1e-300])[:, None]
    assert _input(BIPOLAR).encode(values).ravel().tolist() == [-1, 1, 1, 1, -1]


def test_boundaries() -> None:
    source = _input(IntType(2, 5), boundaries=np.array([-1.0, 0.0, 0.0]))
    values = np.array([-2.0, -1.0, -0.5, 0.0, 9.0])[:, None]
    assert source.encode(values).ravel().tolist() == [2, 3, 3, 5, 5]
    with pytest.raises(GraphError, match="an input with boundaries has no affine decoding"):
        source.decode(np.array([[2]]))


def test_bipolar_boundaries() -> None:
    source = _input(BIPOLAR, boundaries=np.array([0.5]))
    assert source.encode(np.array([[0.4], [0.5]])).ravel().tolist() == [-1, 1]


def test_channels_first_samples_are_transposed_and_come_back() -> None:
    source = Input(
        "in", (), ("x",), (2, 3, 4), (1, 2, 0), (3, 4, 2), IntType.unsigned_bits(8), 0.5, 3.0
    )
    rng = np.random.default_rng(0)
    integers = rng.integers(0, 256, (5, 3, 4, 2))
    real = source.decode(integers)
    assert real.shape == (5, 2, 3, 4)
    assert real[1, 1, 2, 3] == (integers[1, 2, 3, 1] - 3) / 2
    assert np.array_equal(source.encode(real), integers)


@pytest.mark.parametrize("dtype", [BIPOLAR, IntType(0, 3)])
@pytest.mark.parametrize("boundaries", [False, True])
def test_not_a_number_is_refused(dtype: IntType, boundaries: bool) -> None:
    limits = np.zeros(dtype.count - 1) if boundaries else None
    source = Input("in", (), ("x",), (2, 2), (0, 1), (2, 2), dtype, 1.0, boundaries=limits)
    samples = np.zeros((4, 2, 2))
    samples[2, 1, 0] = np.nan
    with pytest.raises(InputError, match=r"input 'in': sample 2 is not a number at \(1, 0\)"):
        source.encode(samples)


@pytest.mark.parametrize("shape", [(), (4,), (4, 2), (4, 1, 1)])
def test_wrong_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"input 'in': samples of shape .*, expected \(1,\)"):
        _input(IntType(0, 3)).encode(np.zeros(shape))


def test_an_input_is_not_evaluated() -> None:
    with pytest.raises(GraphError, match="Input 'in': an Input is fed, not evaluated"):
        _input(IntType(0, 3)).evaluate([])


def test_a_result_returns_to_the_order_of_the_source() -> None:
    """(H, W, C) = (2, 3, 2) of the graph to (C, H * W) of the source."""
    output = Output("out", ("y",), (), (2, 6), (2, 0, 1))
    values = np.arange(24).reshape(2, 2, 3, 2)
    result = output.in_source_order(values)
    assert result.shape == (2, 2, 6)
    for h, w, c in np.ndindex(2, 3, 2):
        assert np.array_equal(result[:, c, 3 * h + w], values[:, h, w, c])
    assert output.in_source_order(values[:0]).shape == (0, 2, 6)
    plain = Output("out", ("y",), ())
    assert np.array_equal(plain.in_source_order(values), values)


def test_host_functions_in_order() -> None:
    real = np.array([[-1.0, 0.0, np.log(2.0)]])
    output = Output("out", ("y",), (), host=("relu", "softmax"))
    assert np.allclose(output.finish(real), [[0.25, 0.25, 0.5]])
    large = Output("out", ("y",), (), host=("softmax",)).finish(np.array([[1e4, 0.0]]))
    assert large.tolist() == [[1.0, 0.0]]
    sigmoid = Output("out", ("y",), (), host=("sigmoid",)).finish(np.array([[-1e4, 0.0, 1e4]]))
    assert np.allclose(sigmoid, [[0.0, 0.5, 1.0]])
    tanh = Output("out", ("y",), (), host=("tanh",)).finish(np.array([[0.0, 1e4]]))
    assert tanh.tolist() == [[0.0, 1.0]]
