"""Every way to code an array gives the same integers back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwcompress.errors import InputError
from hwcompress.packing.arrays import INDEX_BITS, code_array, read_array
from hwcompress.packing.octets import ByteReader

LARGEST = (1 << 62) - 1


def check(array: np.ndarray, **options: bool | int) -> str:
    coded = code_array(array, **options)
    reader = ByteReader(coded.data + b"rest")
    again = read_array(reader, array.size)
    assert reader.left == 4
    assert again.dtype == array.dtype and again.shape == array.shape
    assert np.array_equal(again, array)
    assert 0 < coded.table <= len(coded.data) or array.dtype.kind == "f"
    return coded.way


def sparse(seed: int, size: int, share: float, levels: int = 8) -> np.ndarray:
    random = np.random.default_rng(seed)
    values = random.integers(1, levels, size) * random.choice([-1, 1], size)
    return np.where(random.random(size) < share, values, 0)


CASES = {
    "nothing": (np.zeros((0,), np.int64), "values"),
    "no rows": (np.zeros((3, 0), np.int64), "values"),
    "a number": (np.array(-9, np.int64), "plain"),
    "zeros": (np.zeros((4, 5), np.int64), "plain"),
    "one value": (np.full(7, -3), "plain"),
    "the largest": (np.array([LARGEST, -LARGEST]), None),
    "far apart": (np.array([[LARGEST, -LARGEST, 0, 1]] * 3), None),
    "shared": (np.random.default_rng(0).choice([-90, -7, 3, 55, 1000], 900), "values"),
    "sparse": (sparse(0, 5000, 0.1), "gaps"),
    "very sparse": (sparse(1, 5000, 0.002), "gaps"),
    "last alone": (np.eye(1, 3000, 2999, dtype=np.int64), None),
    "thresholds": (np.sort(np.random.default_rng(2).integers(-9999, 9999, (40, 15))), "classes"),
    "on a line": (np.arange(255) * np.array([[37], [1001]]) // 7 - 50, "values"),
    "reals": (np.random.default_rng(3).normal(size=(3, 2)), "reals"),
    "infinite": (np.array([-np.inf, -0.0, np.inf]), "reals"),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("huffman", [True, False])
def test_arrays_come_back(name: str, huffman: bool) -> None:
    array, way = CASES[name]
    found = check(array, huffman=huffman)
    assert way is None or found == way or not huffman


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(
    seed=st.integers(0, 1 << 20),
    shape=st.lists(st.integers(0, 9), min_size=1, max_size=4),
    bits=st.integers(1, 61),
    share=st.sampled_from([0.02, 0.3, 1.0]),
    huffman=st.booleans(),
)
def test_random_arrays_come_back(
    seed: int, shape: list[int], bits: int, share: float, huffman: bool
) -> None:
    random = np.random.default_rng(seed)
    array = random.integers(-(1 << bits), 1 << bits, shape)
    check(np.where(random.random(shape) < share, array, 0), huffman=huffman)


@pytest.mark.parametrize("width", INDEX_BITS)
def test_padding_zeros(width: int) -> None:
    """As many as an independent count says, and the array is the same."""
    array = sparse(5, 4000, 0.02)
    coded = code_array(array, index_bits=width)
    assert coded.way == "gaps"
    check(array, index_bits=width)
    padding, zeros = 0, 0
    for value in array:
        if value:
            padding, zeros = padding + zeros // (1 << width), 0
        else:
            zeros += 1
    assert coded.padding == padding
    assert (padding == 0) == (width == 8) or padding


def test_the_best_width_is_taken() -> None:
    array = sparse(6, 6000, 0.05)
    sizes = [len(code_array(array, index_bits=width).data) for width in INDEX_BITS]
    assert len(code_array(array).data) == min(sizes) < max(sizes)


def test_huffman_is_shorter_by_what_the_code_says() -> None:
    array = np.random.default_rng(7).choice([-3, -1, 0, 2], 40_000, p=[0.05, 0.1, 0.8, 0.05])
    with_code, without = code_array(array), code_array(array, huffman=False)
    words = len(with_code.data) - with_code.table
    counts = np.unique(array, return_counts=True)[1]
    share = counts / counts.sum()
    least = -(share * np.log2(share)).sum()
    assert least <= 8 * words / array.size < least + 1
    assert len(with_code.data) < len(without.data)


def test_more_elements_than_allowed_are_refused_before_they_are_made() -> None:
    coded = code_array(np.zeros((1000, 1000), np.int64))
    assert len(coded.data) < 20
    with pytest.raises(InputError, match=r"array of shape \(1000, 1000\) \(999999 elements"):
        read_array(ByteReader(coded.data), 999_999)


@pytest.mark.parametrize(
    ("array", "options", "message"),
    [
        (np.array([1 << 62]), {}, "more than 62 bits"),
        (np.array([1], np.int32), {}, "array of int32"),
        (np.zeros((1,) * 9, np.int64), {}, "array of 9 axes"),
        (np.array([1]), {"index_bits": 9}, r"relative indices of 9 bits. Remedy: give 2 to 8"),
    ],
)
def test_what_cannot_be_coded_is_refused(
    array: np.ndarray, options: dict[str, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        code_array(array, **options)
