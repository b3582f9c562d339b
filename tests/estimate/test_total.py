"""Sums of estimates, and the intervals they get."""

from __future__ import annotations

from itertools import permutations

import pytest

from hwcompress.hls.estimate.coefficients import Fitted
from hwcompress.hls.estimate.estimate import Estimate, Total


def _module(kind: str, luts: float, below: float, above: float) -> Estimate:
    return Estimate(lut_logic=luts, below=below, above=above, kinds={kind: (below, above)})


def _sum(*terms: Estimate) -> Estimate:
    found = Total()
    for term in terms:
        found.add(term)
    return found.estimate()


def test_counts_are_added() -> None:
    one = Estimate(1.0, 2, 3, 4, 5, 6, ebr=7)
    both = one.plus(one, 2)
    assert (both.lut_logic, both.lut_memory, both.ff) == (3.0, 6, 9)
    assert (both.bram18, both.bram36, both.dsp, both.ebr) == (12, 15, 18, 21)


def test_errors_of_one_kind_add_up_and_those_of_others_do_not() -> None:
    a, b, c = _module("a", 10, 3, 6), _module("a", 50, 1, 2), _module("b", 9, 3, 6)
    same = _sum(a, b)
    assert (same.below, same.above) == pytest.approx((4, 8))
    other = _sum(a, b, c)
    assert (other.below, other.above) == pytest.approx((5, 10))
    assert other.kinds == {"a": (4, 8), "b": (3, 6)}


def test_the_order_and_the_nesting_of_a_sum_do_not_matter() -> None:
    terms = [_module("a", 1, 1, 2), _module("b", 2, 2, 1), _module("a", 3, 3, 4), Estimate(4.0)]
    whole = _sum(*terms)
    for order in permutations(terms):
        assert _sum(*order).above == pytest.approx(whole.above)
    nested = _sum(_sum(terms[0], terms[1]), terms[2].plus(terms[3]))
    assert (nested.below, nested.above) == pytest.approx((whole.below, whole.above))
    assert nested.lut == whole.lut


def test_a_small_module_may_be_off_by_whole_luts() -> None:
    fitted = Fitted({"one": 1.0}, -0.05, 0.1, 10, 2)
    assert fitted.span(0) == pytest.approx((0.2, 0.4))
    assert fitted.span(996) == pytest.approx((50, 100))
    assert Fitted({"one": 1.0}, 0.02, -0.01, 10, 2).span(100) == (0.0, 0.0)
