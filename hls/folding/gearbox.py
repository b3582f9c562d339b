"""Between two numbers of elements a beat: which converters it takes, and what they cost in time."""

from __future__ import annotations

from math import gcd, lcm

__all__ = ["gearbox", "gearbox_cycles"]

_WIDEST = 1024  # bits up to which a converter goes through the common multiple


def gearbox(given: int, wanted: int, bits: int) -> tuple[int, ...]:
    """Elements a beat behind each converter of a chain, of which the last gives ``wanted``.

    Where neither number divides the other it goes through their common
    multiple, which keeps the rate, or, if that is too wide, through their
    common divisor.

    Args:
        given: elements a beat that arrive.
        wanted: elements a beat that are to leave; the same number needs no converter.
        bits: of an element.
    """
    wide, narrow = lcm(given, wanted), gcd(given, wanted)
    middle = wide if wide * bits <= _WIDEST else narrow
    steps: list[int] = []
    for step in (middle, wanted):
        if step != (steps[-1] if steps else given):
            steps.append(step)
    return tuple(steps)


def gearbox_cycles(given: int, wanted: int, bits: int, size: int) -> int:
    """Busy cycles of the slowest converter for ``size`` elements; 0 without one."""
    slowest, lanes = 0, given
    for step in gearbox(given, wanted, bits):
        slowest = max(slowest, size // min(lanes, step))
        lanes = step
    return slowest
