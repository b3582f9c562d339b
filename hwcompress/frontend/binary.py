"""Element-wise ONNX operators of two operands in float64.

Each says in which operand it rises or falls, and how to bound it over intervals. A
comparison gives 0 or 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hwcompress.errors import UnsupportedError
from hwcompress.frontend.intervals import (
    Interval,
    IntervalFunction,
    everything,
    extended,
    hull,
    product,
    quotient,
    widened,
)
from hwcompress.frontend.onnx_model import Node

__all__ = ["BINARY", "Binary", "where_bounds"]

Function = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Binary:
    """A function of two operands.

    ``senses``: +1 or -1 for an operand in which it rises or falls, ``None`` if it may do both.
    """

    function: Function
    senses: tuple[int, int] | None
    enclose: IntervalFunction


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Division; of integers it cuts towards zero."""
    if a.dtype.kind in "iu" and b.dtype.kind in "iu":
        if not np.all(b):
            raise UnsupportedError("a division of integers by zero")
        return np.asarray(np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b)))
    return np.asarray(np.divide(a, b))


def _monotone(function: Function, first: int, second: int) -> Callable[[Node], Binary]:
    binary = Binary(function, (first, second), extended(function, (first, second)))
    return lambda _: binary


def _compared(operator: Function, first: int, second: int) -> Callable[[Node], Binary]:
    """A comparison: booleans as 0 and 1."""

    def function(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return operator(a, b).astype(np.float64)

    return _monotone(function, first, second)


def _equal_bounds(a: Interval, b: Interval) -> Interval:
    points = (a[0] == a[1]) & (b[0] == b[1]) & (a[0] == b[0])
    meet = (a[0] <= b[1]) & (b[0] <= a[1])
    return points.astype(np.float64), meet.astype(np.float64)


def _equal(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(a == b).astype(np.float64)


def _logic(operator: Function, senses: tuple[int, int] | None) -> Callable[[Node], Binary]:
    def function(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return operator(a != 0, b != 0).astype(np.float64)

    def unknown(a: Interval, b: Interval) -> Interval:
        zero = np.zeros(np.broadcast_shapes(a[0].shape, b[0].shape))
        sure = (a[0] == a[1]) & (b[0] == b[1])
        at = function(a[0], b[0])
        return np.where(sure, at, zero), np.where(sure, at, zero + 1.0)

    # Operands are 0 or 1, between which And and Or rise.
    known = extended(function, senses) if senses else unknown
    return lambda _: Binary(function, senses, known)


def _mod(node: Node) -> Binary:
    function = np.fmod if node.integer("fmod", 0) else np.mod

    def enclose(a: Interval, b: Interval) -> Interval:
        one = (a[0] == a[1]) & (b[0] == b[1])
        reach = np.maximum(np.abs(b[0]), np.abs(b[1]))
        # A remainder rises with its first operand as long as the quotient stays the same.
        rounded = np.trunc if function is np.fmod else np.floor
        same = (b[0] == b[1]) & (rounded(a[0] / b[0]) == rounded(a[1] / b[0]))
        ends = hull([function(a[0], b[0]), function(a[1], b[0])])
        sure = one | same
        return np.where(sure, ends[0], -reach), np.where(sure, ends[1], reach)

    return Binary(function, None, enclose)


def _power(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(np.power(a, b))


def _power_bounds(a: Interval, b: Interval) -> Interval:
    """Of a known exponent: monotone on each side of zero; of a known base, everywhere."""
    known = (b[0] == b[1]) | ((a[0] == a[1]) & (a[0] >= 0))
    spans = (a[0] <= 0) & (a[1] >= 0)
    values = [_power(x, y) for x in a for y in b]
    zero = np.zeros(np.broadcast_shapes(a[0].shape, b[0].shape))
    values.append(np.where(spans & (b[0] > 0), zero, values[0]))
    lo, hi = widened(hull(values))
    pole = spans & (b[0] <= 0) & (a[0] != a[1])
    free = everything(values[0])
    unsure = ~known | pole
    return np.where(unsure, free[0], lo), np.where(unsure, free[1], hi)


def _prelu(_: Node) -> Binary:
    def function(x: np.ndarray, slope: np.ndarray) -> np.ndarray:
        return np.asarray(np.where(x < 0, slope * x, x))

    def enclose(x: Interval, slope: Interval) -> Interval:
        values = [function(end, item) for end in x for item in slope]
        inside = (x[0] <= 0) & (x[1] >= 0)
        values.append(np.where(inside, 0.0, values[0]))
        return hull(values)

    return Binary(function, None, enclose)


BINARY: dict[str, Callable[[Node], Binary]] = {
    "Add": _monotone(np.add, 1, 1),
    "And": _logic(np.logical_and, (1, 1)),
    "Div": lambda _: Binary(_divide, None, quotient),
    "Equal": lambda _: Binary(_equal, None, _equal_bounds),
    "Greater": _compared(np.greater, 1, -1),
    "GreaterOrEqual": _compared(np.greater_equal, 1, -1),
    "Less": _compared(np.less, -1, 1),
    "LessOrEqual": _compared(np.less_equal, -1, 1),
    "Max": _monotone(np.maximum, 1, 1),
    "Min": _monotone(np.minimum, 1, 1),
    "Mod": _mod,
    "Mul": lambda _: Binary(np.multiply, None, product),
    "Or": _logic(np.logical_or, (1, 1)),
    "PRelu": _prelu,
    "Pow": lambda _: Binary(_power, None, _power_bounds),
    "Sub": _monotone(np.subtract, 1, -1),
    "Xor": _logic(np.logical_xor, None),
}


def where_bounds(condition: Interval, first: Interval, second: Interval) -> Interval:
    """Bounds of ``first`` where ``condition`` is not zero, else of ``second``."""
    # A condition is 0 or 1.
    yes, no = condition[0] > 0, condition[1] <= 0
    lo = np.where(yes, first[0], np.where(no, second[0], np.minimum(first[0], second[0])))
    hi = np.where(yes, first[1], np.where(no, second[1], np.maximum(first[1], second[1])))
    return lo, hi
