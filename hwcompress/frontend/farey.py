"""Integers that order the sums of two scaled integers as the sums themselves are ordered.

For ``a * x + b * y`` with integers ``x`` and ``y`` out of intervals of widths ``X`` and ``Y``,
two sums compare as ``a * dx + b * dy`` compares with zero, ``|dx| <= X`` and ``|dy| <= Y``.
That is: as the ratio ``a / b`` compares with the fractions ``n / d``, ``n <= Y`` and
``d <= X``. Between its two neighbours among these fractions all ratios order all sums
alike, and the mediant of the neighbours is one in small integers (Stern-Brocot tree;
Graham, Knuth, Patashnik: Concrete Mathematics, section 4.5).
"""

from __future__ import annotations

from fractions import Fraction

__all__ = ["ordering_ratio"]

# A product of two float64 is off by half a unit of its last place; a ratio of some of them
# that comes so close to a fraction of small integers is meant to be it.
_SAME = Fraction(1, 1 << 50)


def ordering_ratio(ratio: Fraction, most_top: int, most_bottom: int) -> tuple[int, int]:
    """Integers ``(n, d)`` with ``n / d`` on the same side as ``ratio`` of every fraction up to
    ``most_top / most_bottom``, and equal to the one that ``ratio`` equals, if any.

    Args:
        ratio: positive.
        most_top, most_bottom: at least 0; the result is at most twice as large, and at least 1.
    """
    low, high = (0, 1), (1, 0)  # neighbours below and above; (1, 0) stands for infinity
    while True:
        top, bottom = low[0] + high[0], low[1] + high[1]
        if top > most_top or bottom > most_bottom:
            return top, bottom
        here = Fraction(top, bottom)
        if abs(here - ratio) <= _SAME * ratio:
            return top, bottom
        if ratio > here:
            low = _far(low, high, ratio, most_top, most_bottom)
        else:
            high = _far(high, low, ratio, most_top, most_bottom)


def _far(
    moving: tuple[int, int],
    fixed: tuple[int, int],
    ratio: Fraction,
    most_top: int,
    most_bottom: int,
) -> tuple[int, int]:
    """``moving + k * fixed`` for the largest ``k`` that stays on its side of the ratio."""
    # Sign of (top - ratio * bottom) does not change up to there.
    over = Fraction(moving[0]) - ratio * moving[1]
    step = Fraction(fixed[0]) - ratio * fixed[1]
    limits = []
    if step != 0:
        limits.append(int(abs(over) / abs(step)))
    if fixed[0]:
        limits.append((most_top - moving[0]) // fixed[0])
    if fixed[1]:
        limits.append((most_bottom - moving[1]) // fixed[1])
    times = max(min(limits), 1)
    top, bottom = moving[0] + times * fixed[0], moving[1] + times * fixed[1]
    if times > 1 and abs(top - ratio * bottom) <= _SAME * ratio * bottom:
        # The next one is what the ratio nearly is; it must not become a neighbour.
        return top - fixed[0], bottom - fixed[1]
    return top, bottom
