"""Random chains of scalar operators: as ONNX nodes, and in NumPy as the standard defines them.

The formulas are written down here a second time, so that the frontend is compared with
something that shares no line with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from tests.frontend.onnx_builder import ModelBuilder

__all__ = ["UNARY", "Link", "chains", "numbers"]

Real = np.ndarray


@dataclass(frozen=True)
class Link:
    """One operator of a chain.

    ``append`` adds the nodes to a model; ``evaluate`` maps ``(n, channels)`` float64;
    ``exact`` if both round alike, operation by operation.
    """

    name: str
    append: Callable[[ModelBuilder], object]
    evaluate: Callable[[Real], Real]
    exact: bool = True

    def __repr__(self) -> str:
        return self.name


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    """float32 numbers, often round ones."""
    few = [item / 8 for item in range(math.ceil(low * 8), math.floor(high * 8) + 1)]
    return st.one_of(st.floats(low, high, width=32), st.sampled_from(few))


_NONZERO = numbers(-4, 4).filter(lambda item: abs(item) > 2.0**-6)
_ERF = np.frompyfunc(math.erf, 1, 1)


def _rows(draw: st.DrawFn, channels: int, values: st.SearchStrategy[float]) -> Real:
    """A constant for all channels, or one for each."""
    size = draw(st.sampled_from([1, channels]))
    return np.array(draw(st.lists(values, min_size=size, max_size=size)), np.float64)


def _sigmoid(x: Real) -> Real:
    return 1.0 / (1.0 + np.exp(-x))


# Operator: attributes (name -> values), formula of x and the attributes, exact.
UNARY: dict[str, tuple[dict[str, st.SearchStrategy[float]], Callable[..., Real], bool]] = {
    "Abs": ({}, np.abs, True),
    "Ceil": ({}, np.ceil, True),
    "Celu": (
        {"alpha": numbers(0.5, 3)},
        lambda x, alpha: np.maximum(0, x) + np.minimum(0, alpha * np.expm1(x / alpha)),
        False,
    ),
    "Elu": (
        {"alpha": numbers(-1, 2)},
        lambda x, alpha: np.where(x < 0, alpha * np.expm1(x), x),
        False,
    ),
    "Erf": ({}, lambda x: np.asarray(_ERF(x), np.float64), True),
    "Exp": ({}, lambda x: np.exp(np.minimum(x, 600.0)), True),
    "Floor": ({}, np.floor, True),
    "Gelu": ({}, lambda x: 0.5 * x * (1 + np.asarray(_ERF(x / math.sqrt(2)), np.float64)), False),
    "HardSigmoid": (
        {"alpha": _NONZERO, "beta": numbers(-1, 1)},
        lambda x, alpha, beta: np.maximum(0, np.minimum(1, alpha * x + beta)),
        True,
    ),
    "HardSwish": ({}, lambda x: x * np.maximum(0, np.minimum(1, x / 6 + 0.5)), True),
    "LeakyRelu": ({"alpha": numbers(-1, 1)}, lambda x, alpha: np.where(x < 0, alpha * x, x), True),
    "Mish": ({}, lambda x: x * np.tanh(np.logaddexp(0, x)), False),
    "Neg": ({}, np.negative, True),
    "Relu": ({}, lambda x: np.maximum(x, 0), True),
    "Round": ({}, np.round, True),
    "Selu": (
        {"alpha": numbers(0.5, 2), "gamma": numbers(0.5, 2)},
        lambda x, alpha, gamma: gamma * np.where(x > 0, x, alpha * np.expm1(x)),
        False,
    ),
    "Sigmoid": ({}, _sigmoid, False),
    "Sign": ({}, np.sign, True),
    "Softplus": ({}, lambda x: np.logaddexp(0, x), False),
    "Softsign": ({}, lambda x: x / (1 + np.abs(x)), True),
    "Tanh": ({}, np.tanh, True),
    "ThresholdedRelu": (
        {"alpha": numbers(-1, 2)},
        lambda x, alpha: np.where(x > alpha, x, 0.0),
        True,
    ),
}


def _unary(draw: st.DrawFn, _: int) -> Link:
    op = draw(st.sampled_from(sorted(UNARY)))
    wanted, formula, exact = UNARY[op]
    values = {name: draw(strategy) for name, strategy in wanted.items()}

    def append(model: ModelBuilder) -> None:
        if op == "Exp":  # beyond, float32 runtimes overflow
            model.node("Min", model.last, model.constant(600.0))
        model.node(op, model.last, **values)

    return Link(f"{op}{values}", append, lambda x: formula(x, **values), exact)


_BINARY: dict[str, Callable[[Real, Real], Real]] = {
    "Add": np.add,
    "Div": np.divide,
    "Greater": lambda a, b: (a > b).astype(np.float64),
    "Less": lambda a, b: (a < b).astype(np.float64),
    "Max": np.maximum,
    "Min": np.minimum,
    "Mul": np.multiply,
    "PRelu": lambda a, b: np.where(a < 0, a * b, a),
    "Sub": np.subtract,
}


def _binary(draw: st.DrawFn, channels: int) -> Link:
    op = draw(st.sampled_from(sorted(_BINARY)))
    constant = _rows(draw, channels, _NONZERO if op in ("Div", "Mul") else numbers(-4, 4))
    swapped = op not in ("Div", "PRelu") and draw(st.booleans())

    def append(model: ModelBuilder) -> None:
        operands = [model.last, model.constant(constant)]
        model.node(op, *(operands[::-1] if swapped else operands))

    def evaluate(x: Real) -> Real:
        return _BINARY[op](constant, x) if swapped else _BINARY[op](x, constant)

    return Link(f"{op}{constant.tolist()}{' swapped' * swapped}", append, evaluate)


def _batch_norm(draw: st.DrawFn, channels: int) -> Link:
    rows = [
        np.array(draw(st.lists(values, min_size=channels, max_size=channels)))
        for values in (numbers(-2, 2), numbers(-2, 2), numbers(-4, 4), numbers(0.125, 4))
    ]
    gamma, beta, mean, variance = rows

    def append(model: ModelBuilder) -> None:
        model.node(
            "BatchNormalization", model.last, *[model.constant(r) for r in rows], epsilon=0.0
        )

    def evaluate(x: Real) -> Real:
        return (x - mean) / np.sqrt(variance) * gamma + beta

    return Link(f"BatchNormalization{[r.tolist() for r in rows]}", append, evaluate, False)


def _clip(draw: st.DrawFn, _: int) -> Link:
    low, high = draw(numbers(-4, 2)), draw(numbers(-1, 6))
    sides = draw(st.sampled_from([(True, True), (True, False), (False, True)]))

    def append(model: ModelBuilder) -> None:
        names = [
            model.constant(item) if given else ""
            for item, given in zip((low, high), sides, strict=True)
        ]
        model.node("Clip", model.last, *names)

    def evaluate(x: Real) -> Real:
        x = np.maximum(x, low) if sides[0] else x
        return np.minimum(x, high) if sides[1] else x

    return Link(f"Clip{(low, high)}{sides}", append, evaluate)


def _gated(draw: st.DrawFn, _: int) -> Link:
    """``x * f(x)``, as SiLU and its kin are exported."""
    gate = draw(st.sampled_from(["Sigmoid", "HardSigmoid", "Tanh", "Relu"]))
    formula = {
        "Sigmoid": _sigmoid,
        "HardSigmoid": lambda x: np.maximum(0, np.minimum(1, 0.25 * x + 0.5)),
        "Tanh": np.tanh,
        "Relu": lambda x: np.maximum(x, 0),
    }[gate]
    values = {"alpha": 0.25, "beta": 0.5} if gate == "HardSigmoid" else {}

    def append(model: ModelBuilder) -> None:
        x = model.last
        model.node("Mul", x, model.node(gate, x, **values))

    return Link(f"x*{gate}(x)", append, lambda x: x * formula(x), gate in ("HardSigmoid", "Relu"))


def _chosen(draw: st.DrawFn, channels: int) -> Link:
    """``where(x > c, x, a)``."""
    edge, other = _rows(draw, channels, numbers(-2, 2)), draw(numbers(-3, 3))

    def append(model: ModelBuilder) -> None:
        x = model.last
        model.node(
            "Where", model.node("Greater", x, model.constant(edge)), x, model.constant(other)
        )

    return Link(
        f"where(x > {edge.tolist()}, x, {other})", append, lambda x: np.where(x > edge, x, other)
    )


def _power(draw: st.DrawFn, _: int) -> Link:
    exponent = draw(st.sampled_from([2.0, 3.0]))

    def append(model: ModelBuilder) -> None:
        model.node("Pow", model.last, model.constant(exponent))

    return Link(f"Pow{exponent}", append, lambda x: np.power(x, exponent))


_KINDS = (_unary, _unary, _unary, _binary, _binary, _batch_norm, _clip, _gated, _chosen, _power)


@st.composite
def chains(draw: st.DrawFn, channels: int) -> list[Link]:
    """One to six operators."""
    kinds = draw(st.lists(st.sampled_from(_KINDS), min_size=1, max_size=6))
    return [kind(draw, channels) for kind in kinds]
