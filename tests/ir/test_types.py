"""The integer type: derived facts, membership, the stored form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcompress.errors import GraphError
from hwcompress.ir import BIPOLAR, TERNARY, IntType, int_range

_BOUND = (1 << 62) - 1
_INTEGERS = st.one_of(st.integers(-300, 300), st.integers(-_BOUND, _BOUND))


@st.composite
def _types(draw: st.DrawFn) -> IntType:
    if draw(st.integers(0, 9)) == 0:
        return BIPOLAR
    ends = sorted((draw(_INTEGERS), draw(_INTEGERS)))
    return IntType(ends[0], ends[1])


@st.composite
def _types_with_values(draw: st.DrawFn) -> tuple[IntType, np.ndarray]:
    kind = draw(_types())
    positions = draw(st.lists(st.integers(0, kind.count - 1), min_size=1, max_size=20))
    values = [kind.lo, kind.hi, *(kind.lo + kind.step * p for p in positions)]
    return kind, np.array(values, np.int64)


@settings(deadline=None, derandomize=True)
@given(_types())
def test_bits_are_the_fewest_that_hold_the_ends(kind: IntType) -> None:
    def fits(bits: int) -> bool:
        if kind.signed:
            return -(1 << (bits - 1)) <= kind.lo and kind.hi < 1 << (bits - 1)
        return kind.lo >= 0 and kind.hi < 1 << bits

    if kind.is_bipolar:
        assert kind.bits == 1
    else:
        assert fits(kind.bits)
        assert kind.bits == 1 or not fits(kind.bits - 1)


@settings(deadline=None, derandomize=True)
@given(_types_with_values())
def test_raw_round_trip(case: tuple[IntType, np.ndarray]) -> None:
    kind, values = case
    raw = kind.to_raw(values)
    assert np.all(raw >= 0)
    assert all(int(r) < 1 << kind.bits for r in raw)
    assert np.array_equal(kind.from_raw(raw), values)
    assert len(set(raw.tolist())) == len(set(values.tolist()))


@settings(deadline=None, derandomize=True)
@given(_types_with_values())
def test_contains_its_values_and_no_others(case: tuple[IntType, np.ndarray]) -> None:
    kind, values = case
    assert kind.contains(values)
    assert not kind.contains(np.append(values, kind.hi + 1))
    assert not kind.contains(np.append(values, kind.lo - 1))


@settings(deadline=None, derandomize=True)
@given(_types(), _types())
def test_union_is_the_smallest_type_that_holds_both(a: IntType, b: IntType) -> None:
    both = a.union(b)
    assert both == b.union(a)
    assert (both.lo, both.hi) == (min(a.lo, b.lo), max(a.hi, b.hi))
    if both.is_bipolar:
        zero = np.zeros(1, np.int64)
        assert not a.contains(zero)
        assert not b.contains(zero)
    assert a.union(a) == a


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (BIPOLAR, TERNARY, TERNARY),
        (BIPOLAR, IntType(1, 1), BIPOLAR),
        (IntType(-1, -1), IntType(1, 1), BIPOLAR),
        (BIPOLAR, IntType(0, 0), TERNARY),
        (BIPOLAR, IntType(2, 2), IntType(-1, 2)),
    ],
)
def test_union_with_bipolar(a: IntType, b: IntType, expected: IntType) -> None:
    assert a.union(b) == expected
    assert b.union(a) == expected


@settings(deadline=None, derandomize=True)
@given(st.lists(st.integers(-(1 << 61), 1 << 61), min_size=1, max_size=20))
def test_range_of_values(values: list[int]) -> None:
    kind = int_range(np.array(values, np.int64))
    assert (kind.lo, kind.hi) == (min(values), max(values))
    assert kind.is_bipolar == (set(values) == {-1, 1})


@pytest.mark.parametrize(
    ("kind", "text", "bits", "signed", "count"),
    [
        (BIPOLAR, "bipolar", 1, False, 2),
        (TERNARY, "ternary", 2, True, 3),
        (IntType(0, 15), "u4", 4, False, 16),
        (IntType(0, 14), "u4[0..14]", 4, False, 15),
        (IntType(3, 9), "u4[3..9]", 4, False, 7),
        (IntType(0, 0), "u1[0..0]", 1, False, 1),
        (IntType(-8, 7), "i4", 4, True, 16),
        (IntType(-7, 7), "i4[-7..7]", 4, True, 15),
        (IntType(-9, -3), "i5[-9..-3]", 5, True, 7),
        (IntType(-1, 0), "i1", 1, True, 2),
        (IntType(-1, -1), "i1[-1..-1]", 1, True, 1),
        (IntType(-1, 200), "i9[-1..200]", 9, True, 202),
        (IntType(-_BOUND, 7), f"i63[{-_BOUND}..7]", 63, True, _BOUND + 8),
        (IntType(0, _BOUND), "u62", 62, False, _BOUND + 1),
    ],
)
def test_facts(kind: IntType, text: str, bits: int, signed: bool, count: int) -> None:
    assert (str(kind), kind.bits, kind.signed, kind.count) == (text, bits, signed, count)


@pytest.mark.parametrize("bits", [1, 2, 3, 8, 16, 31, 32, 33, 60])
def test_named_widths(bits: int) -> None:
    assert IntType.unsigned_bits(bits).bits == bits
    assert IntType.unsigned_bits(bits).count == 1 << bits
    assert IntType.signed_bits(bits).bits == bits
    assert IntType.signed_bits(bits).count == 1 << bits
    if bits > 1:
        assert IntType.signed_bits(bits, narrow=True).lo == -IntType.signed_bits(bits).hi
        assert IntType.unsigned_bits(bits, narrow=True).count == (1 << bits) - 1


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint64, np.bool_])
def test_contains_accepts_any_integer_dtype(dtype: type) -> None:
    assert BIPOLAR.contains(np.array([1, 1], dtype))
    assert not BIPOLAR.contains(np.array([1, 0], dtype))
    assert IntType(0, 1).contains(np.array([1, 0], dtype))


def test_large_unsigned_values_do_not_wrap() -> None:
    assert not IntType(-1, 1).contains(np.array([2**64 - 1], np.uint64))


def test_nothing_is_contained_in_anything() -> None:
    assert TERNARY.contains(np.zeros((0, 3), np.int64))


def test_raw_form_of_narrow_arrays() -> None:
    assert IntType(-8, 7).to_raw(np.array([-1, -8, 7], np.int8)).tolist() == [15, 8, 7]
    assert BIPOLAR.to_raw(np.array([1, 1], np.uint8)).tolist() == [1, 1]


def test_numpy_integers_become_python_integers() -> None:
    kind = IntType(np.int64(-3), np.int8(5))
    assert type(kind.lo) is int
    assert type(kind.hi) is int


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 2), "integer type with lo 3 > hi 2"),
        ((-1, 2, 2), r"step 2 is only allowed for the bipolar type \{-1, \+1\}"),
        ((0, 9, 3), "step 3 is only allowed for the bipolar type"),
        ((0, 1 << 62), r"range \[0, 4611686018427387904\] reaches 2\*\*62"),
        ((-(1 << 62), 0), r"reaches 2\*\*62. Remedy: use fewer weight or activation bits"),
    ],
)
def test_errors(arguments: tuple[int, ...], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        IntType(*arguments)


@pytest.mark.parametrize("make", [IntType.signed_bits, IntType.unsigned_bits])
def test_zero_bits(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(GraphError, match="an integer type of 0 bits"):
        make(0)
